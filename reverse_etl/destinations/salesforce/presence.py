"""Which of some records Salesforce has already, asked by their external ids in SOQL."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response
from reverse_etl.conversation.verdicts import entries, text_of

ASKED_PER_QUERY = 200
LONGEST_LIST = 6_000  # characters of ids; a query in an address has a few thousand more


def look_up(
    version: str, kind: str, field: str, names: Sequence[str], records: Sequence[Record]
) -> Generator[Request, Response, dict[str, dict[str, Any]] | Response]:
    """Return what Salesforce holds by external id in small letters, or the answer that is none.

    Args:
        version: where the API is.
        kind: the object, in Salesforce's spelling.
        field: its external id field, by which Salesforce compares without regard to case.
        names: further fields to read.
        records: whom to ask about; each has an external id.
    """
    found: dict[str, dict[str, Any]] = {}
    columns = ", ".join(dict.fromkeys(["Id", field, *names]))
    for ids in _lists([_literal(record.fields[field]) for record in records]):
        query = f"SELECT {columns} FROM {kind} WHERE {field} IN ({', '.join(ids)})"
        response = yield Request("GET", f"{version}/query", params={"q": query})
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or answer.get("done") is not True:
            return response
        for held in entries(answer, "records"):
            found[text_of(held, field).lower()] = held
    return found


def shown(value: Any) -> Any:
    """Return a value as Salesforce shows it: several choices in one text."""
    return ";".join(map(str, value)) if isinstance(value, list) else value


def _literal(value: Any) -> str:
    """Return a value as SOQL reads it: only text is quoted."""
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _lists(ids: Sequence[str]) -> Iterator[list[str]]:
    """Cut ids into lists that a query has room for."""
    some: list[str] = []
    for each in ids:
        if some and (len(some) == ASKED_PER_QUERY or sum(map(len, some)) > LONGEST_LIST):
            yield some
            some = []
        some.append(each)
    if some:
        yield some

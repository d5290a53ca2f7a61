"""Verdicts that every channel gives in the same way, and reasons that people can read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import (
    ABSENT,
    EXISTS,
    Acknowledged,
    Refused,
    Request,
    Response,
    Verdict,
)

# What the channel says about the content of a request. Anything else (a moved URL, a missing
# resource, an answer nobody can read) is no record's fault, and the records wait.
_ABOUT_CONTENT = (400, 409, 413, 422)
_LONGEST_REASON = 300
EMAIL = "e-mail address"


def readable(words: object) -> str:
    """Shorten a vendor's message and mask who it is about: reasons are kept in logs.

    That is e-mail addresses, in a URL's form too, and international phone numbers.
    """
    masked = re.sub(
        r"([^\s@\"'<>:=()]{1})[^\s@\"'<>:=()]*?(?:@|%40)", r"\1***@", " ".join(str(words).split())
    )
    masked = re.sub(r"(?:\+|%2B)\d(?:[\s().-]{0,2}\d){6,14}", "+***", masked)
    return masked if len(masked) <= _LONGEST_REASON else masked[: _LONGEST_REASON - 1] + "…"


def part(answer: Any, name: str) -> dict[str, Any]:
    """Return the object at ``name`` of a parsed answer; empty where a broken one has none."""
    found = answer.get(name) if isinstance(answer, dict) else None
    return found if isinstance(found, dict) else {}


def entries(answer: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects in the list at ``name``; none where a broken answer has no such list."""
    found = answer.get(name) if isinstance(answer, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def acknowledged(records: Sequence[Record]) -> Sequence[Verdict]:
    """Return the verdict of records that the channel took."""
    return Acknowledged(records)


def rejected(record: Record, code: str, reason: object, *, is_permanent: bool = False) -> Verdict:
    """Return the verdict of a record that the channel will not take as it is."""
    return Verdict(record.key, "rejected", code, readable(reason), is_permanent=is_permanent)


def skipped(record: Record, code: str) -> Verdict:
    """Return the verdict of a record that the sync's options leave alone."""
    reason = {
        EXISTS: "It is at the channel already, and the sync only creates.",
        ABSENT: "It is not at the channel, and the sync only updates.",
    }[code]
    return Verdict(record.key, "skipped", code, reason)


def waiting(records: Iterable[Record], code: str, reason: object) -> list[Verdict]:
    """Return the verdict of records whose fate is unknown or not theirs to mend."""
    return [Verdict(record.key, "retry", code, readable(reason)) for record in records]


def unread(records: Iterable[Record], response: Response) -> list[Verdict]:
    """Return the verdict of records after an answer that is not the channel's own."""
    kind = response.headers.get("content-type", "no content type").split(";")[0]
    reason = f"The channel answered {response.status} with a body that is not its own ({kind})."
    return waiting(records, f"http_{response.status}", reason)


def refuse_or_wait(
    records: Sequence[Record], response: Response, code: str, reason: object
) -> list[Verdict]:
    """Return waiting verdicts for an answer that is not about the records' content.

    Raises:
        Refused: the channel found something wrong with the content.
    """
    if response.status in _ABOUT_CONTENT:
        raise Refused(code, readable(reason))
    return waiting(records, code, reason)


def unidentified(record: Record, what: str) -> Verdict:
    """Return the verdict of a record that lacks ``what`` the channel knows records by."""
    code = "missing_email" if what == EMAIL else "missing_identifier"
    reason = f"It has no {what}, by which the channel knows it."
    return rejected(record, code, reason, is_permanent=True)


def without_email(record: Record) -> Verdict:
    """Return the verdict of a record that a channel of e-mail addresses cannot know."""
    return unidentified(record, EMAIL)


def without_repeats(
    records: Sequence[Record], identity: Callable[[Record], str], what: str = EMAIL
) -> tuple[list[Record], list[Verdict]]:
    """Split a batch into records that may go, and verdicts of those that may not.

    ``identity`` is the address of the record at the channel, ``what`` it is called. A record
    without one cannot be delivered. Two records with the same one would overwrite each other within
    one request, in an order that nobody promises: the first goes, the others are told.
    """
    seen: set[str] = set()
    sendable: list[Record] = []
    verdicts: list[Verdict] = []
    for record in records:
        address = identity(record)
        if not address:
            verdicts.append(unidentified(record, what))
        elif address in seen:
            code = "repeated_email" if what == EMAIL else "repeated_identifier"
            reason = f"Another record of this sync has the same {what}."
            verdicts.append(rejected(record, code, reason))
        else:
            seen.add(address)
            sendable.append(record)
    return sendable, verdicts


def without_consent_fields(
    records: Sequence[Record], names: Sequence[str]
) -> tuple[list[Record], list[Verdict]]:
    """Split a batch as above: consent is the channel's to keep, and no sync may write it.

    ``names`` are the channel's fields that opt people in or out.
    """
    sendable: list[Record] = []
    verdicts: list[Verdict] = []
    for record in records:
        written = next((name for name in names if name in record.fields), "")
        if written:
            reason = f"{written} is a consent property, which no sync may write."
            verdicts.append(rejected(record, "consent_property", reason, is_permanent=True))
        else:
            sendable.append(record)
    return sendable, verdicts


def one_by_one(
    records: Sequence[Record], tell: Callable[[Record], Generator[Request, Response, Verdict]]
) -> Generator[Request, Response, list[Verdict]]:
    """Speak to the channel of one record after the other; a refusal is that record's own."""
    verdicts: list[Verdict] = []
    for record in records:
        try:
            verdicts.append((yield from tell(record)))
        except Refused as refused:
            verdicts.append(rejected(record, refused.code, refused.reason))
    return verdicts


def text_of(fields: Mapping[str, object], name: str) -> str:
    """Return a field or match key as text without blanks around it; ``""`` where there is none."""
    value = fields.get(name)
    return "" if value is None else str(value).strip()


def document_of(value: Any) -> dict[str, Any] | None:
    """Return a column that holds a JSON object; ``None`` where it is empty.

    Raises:
        ValueError: it is something else.
    """
    if value in (None, ""):
        return None
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found


def email_of(fields: Mapping[str, object]) -> str:
    """Return the e-mail in a record's fields or match keys as channels compare it: lower-case."""
    return text_of(fields, "email").lower()

"""ActiveCampaign's custom fields: their numbers, which are lacking, and how those are made."""

from __future__ import annotations

from collections.abc import Generator, Mapping

from reverse_etl.channel.exchange import Refused, Request, Response
from reverse_etl.channel.inspection import Inspection, Missing
from reverse_etl.conversation.columns import kind_of, title_of
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries, part
from reverse_etl.destinations.activecampaign.contacts import API, NAMES, WORDS

PAGE = 100
ALL_LISTS = 0
KINDS = {
    "number": "text",
    "boolean": "text",
    "instant": "datetime",
    "day": "date",
    "text": "text",
}


def numbers() -> Generator[Request, Response, dict[str, str] | Response]:
    """Return the numbers of the custom fields by their tags, or an answer that has none."""
    found: dict[str, str] = {}
    while True:
        params = {"limit": str(PAGE), "offset": str(len(found))}
        response = yield Request("GET", f"{API}/fields", params=params)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or "fields" not in answer:
            return response
        fields = entries(answer, "fields")
        here = {
            str(each.get("perstag")).strip("%").upper(): str(each["id"])
            for each in fields
            if each.get("id")
        }
        if len(fields) < PAGE or here.keys() <= found.keys():
            return found | here
        found |= here


def lacking(columns: Mapping[str, str]) -> Inspection:
    """Compare the columns that not every contact has with the custom fields."""
    wanted = {name: type_ for name, type_ in columns.items() if name not in NAMES}
    if not wanted:
        return []
    known = yield from numbers()
    if isinstance(known, Response):
        raise Refused(*complaint_of(known, WORDS))
    return [
        Missing(name, Request("POST", f"{API}/fields", json=_made(name, type_)), then=_shown)
        for name, type_ in wanted.items()
        if name.upper() not in known
    ]


def _made(name: str, data_type: str) -> dict[str, object]:
    field = {"type": KINDS[kind_of(data_type)], "title": title_of(name), "perstag": name.upper()}
    return {"field": {**field, "visible": 1}}


def _shown(response: Response) -> Request | None:
    """A field that belongs to no list is there, and nobody sees it."""
    number = str(part(response.json(), "field").get("id") or "")
    if not number.isdecimal():
        return None
    body = {"fieldRel": {"field": int(number), "relid": ALL_LISTS}}
    return Request("POST", f"{API}/fieldRels", json=body)

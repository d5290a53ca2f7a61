"""ActiveCampaign's contacts: found by their address, written, tagged and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Request, Response
from reverse_etl.conversation.columns import as_text
from reverse_etl.conversation.record_by_record import Phrases, Step, expect
from reverse_etl.conversation.verdicts import EMAIL, email_of, entries

API = "/api/3"
NAMES = {
    "email": "email",
    "first_name": "firstName",
    "last_name": "lastName",
    "phone": "phone",
}
WORDS = {
    "duplicate": "Another contact has this address",
    "email_invalid": "ActiveCampaign cannot read the address",
    "field_missing": "A value is missing",
    "field_invalid": "A value does not fit its field",
    "related_missing": "ActiveCampaign has no such tag, field or contact",
    "http_404": "ActiveCampaign has no such tag, field or contact",
}


def _identity(record: Record) -> str:
    return email_of(record.fields)


def _sent(record: Record) -> str:
    return email_of(record.sent_match) or _identity(record)


def _contact(record: Record, numbers: Mapping[str, str]) -> dict[str, Any]:
    """Return a contact; what is empty clears on a change, and is left out on an add."""
    contact: dict[str, Any] = {}
    custom: list[dict[str, str]] = []
    for name, value in record.fields.items():
        if value is None and record.operation != "change":
            continue
        if name in NAMES:
            contact[NAMES[name]] = "" if value is None else value
        else:
            custom.append({"field": numbers[name.upper()], "value": as_text(value)})
    return contact | ({"fieldValues": custom} if custom else {})


def _id(response: Response) -> str:
    return expect(response, lambda answer: answer["contact"]["id"], WORDS)


def _find(record: Record) -> Step[str]:
    response = yield Request("GET", f"{API}/contacts", params={"email": _sent(record)})
    found = entries(response.json(), "contacts")
    if response.ok and found:
        return str(found[0].get("id") or "")
    expect(response, lambda answer: len(answer["contacts"]) + 1, WORDS)
    return ""


def _write(record: Record, numbers: Mapping[str, str]) -> Step[str]:
    """Write a contact by its address; one whose address changes, by the id that we were told."""
    body = {"contact": _contact(record, numbers)}
    if record.channel_id and _sent(record) != _identity(record):
        path = f"{API}/contacts/{record.channel_id}"
        return _id((yield Request("PUT", path, json=body)))
    return _id((yield Request("POST", f"{API}/contact/sync", json=body)))


def _delete(contact: str) -> Step[None]:
    response = yield Request("DELETE", f"{API}/contacts/{contact}")
    if not _is_unknown(response):
        expect(response, lambda answer: len({**answer}) + 1, WORDS)


def _join(contact: str, tag: str) -> Step[None]:
    body = {"contactTag": {"contact": contact, "tag": tag}}
    response = yield Request("POST", f"{API}/contactTags", json=body)
    expect(response, lambda answer: answer["contactTag"]["id"], WORDS)


def _leave(contact: str, tag: str) -> Step[None]:
    """Take the tag off: what is deleted is the link between the two, which has an id of its own."""
    response = yield Request("GET", f"{API}/contacts/{contact}/contactTags")
    if _is_unknown(response):
        return
    expect(response, lambda answer: len(answer["contactTags"]) + 1, WORDS)
    for link in entries(response.json(), "contactTags"):
        if str(link.get("tag")) == tag:
            removed = yield Request("DELETE", f"{API}/contactTags/{link['id']}")
            if not _is_unknown(removed):
                expect(removed, lambda answer: len({**answer}) + 1, WORDS)


def _is_unknown(response: Response) -> bool:
    """Whether ActiveCampaign itself says that there is no such thing."""
    answer = response.json()
    return response.status == 404 and isinstance(answer, dict) and bool(answer.get("message"))


def phrases(numbers: Mapping[str, str]) -> Phrases:
    """Return how ActiveCampaign is asked; ``numbers`` are those of the custom fields."""
    return Phrases(
        identity=_identity,
        sent_identity=_sent,
        what=EMAIL,
        find=_find,
        write=lambda record: _write(record, numbers),
        delete=_delete,
        join=_join,
        leave=_leave,
    )

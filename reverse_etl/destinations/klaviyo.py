"""Klaviyo lists: one list per audience; profiles join by bulk import and leave by list removal.

Requires a private API key with the scopes ``lists:read``, ``lists:write``, ``profiles:read`` and
``profiles:write`` in ``KLAVIYO_TOKEN``. The column ``properties`` holds a JSON object that becomes
the profile's custom properties, for example the contents of a cart.

Being on a list grants no consent, and leaving one takes none away: this destination calls neither
the subscribe nor the unsubscribe endpoints, which can re-subscribe someone who had left, or
unsubscribe someone everywhere.

    exposures:
      - name: klaviyo_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_klaviyo_audience_members')]
        config:
          meta:
            sync:
              destination: klaviyo
              object: list_members
              mode: audience
              key: [person_id]
              match: [email]
              purpose: email_marketing
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reverse_etl.destination import (
    Batch,
    ChannelObject,
    Conversation,
    Destination,
    Limits,
    Preparation,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    Verdict,
)
from reverse_etl.verdicts import (
    acknowledged,
    email_of,
    entries,
    part,
    refuse_or_wait,
    rejected,
    unread,
    waiting,
    without_email,
    without_repeats,
)

LISTS = "/api/lists"
JOBS = "/api/profile-bulk-import-jobs"
PROFILES = "/api/profiles"
ATTRIBUTES = (
    "email",
    "phone_number",
    "external_id",
    "first_name",
    "last_name",
    "organization",
    "title",
    "locale",
)
IDENTIFIERS = ("email", "phone_number", "external_id")
REMOVED_PER_REQUEST = 1_000
# A filter goes into the URL, where proxies cut at about 8 kB.
LOOKED_UP_PER_REQUEST = 50
# Waits between polls add up to about ten minutes; the import goes on at Klaviyo all the same.
POLLS = (0.2, 0.4, 0.8, 1.6, 3.2, *([5.0] * 120))


def profile(record: Record) -> dict[str, Any]:
    """Return the profile to import.

    On a change, an empty column clears what was sent before. On an add it is left out, because
    what Klaviyo holds there is not ours. Identifiers are never cleared.

    Raises:
        ValueError: ``properties`` is no JSON object, or holds one of Klaviyo's own ``$`` names.
    """
    attributes: dict[str, Any] = {}
    for name in ATTRIBUTES:
        if name in record.fields:
            value = record.fields[name]
            clears = record.operation == "change" and name not in IDENTIFIERS
            if value not in (None, "") or clears:
                attributes[name] = value or None
    properties = record.fields.get("properties")
    if isinstance(properties, str):
        properties = json.loads(properties)
    if properties is not None:
        if not isinstance(properties, dict):
            raise ValueError("its properties are not a JSON object")
        # $consent and its kin are Klaviyo's own: writing them would touch a subscription.
        own = sorted(name for name in properties if name.startswith("$"))
        if own:
            raise ValueError(f"its property {own[0]} belongs to Klaviyo")
        attributes["properties"] = properties
    return {"type": "profile", "attributes": attributes}


def _first_error(answer: Mapping[str, Any], status: int) -> tuple[str, str]:
    error = next(iter(entries(answer, "errors")), {})
    code = str(error.get("code") or f"http_{status}")
    return code, str(error.get("detail") or error.get("title") or f"Klaviyo answered {status}.")


def _refusal(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts after an answer that is no success."""
    answer = response.json()
    if not isinstance(answer, dict) or response.ok:
        return unread(records, response)
    return refuse_or_wait(records, response, *_first_error(answer, response.status))


def _must(response: Response) -> Any:
    """Return the answer to a request without which an audience cannot be prepared."""
    answer = response.json()
    if response.ok and isinstance(answer, dict) and "data" in answer:
        return answer["data"]
    raise Refused(*_first_error(answer if isinstance(answer, dict) else {}, response.status))


def _is_page(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("data"), list)


def _next_cursor(answer: Mapping[str, Any]) -> str:
    """Return the cursor of the next page, ``""`` on the last one."""
    link = part(answer, "links").get("next") or ""
    return parse_qs(urlsplit(link).query).get("page[cursor]", [""])[0]


class Klaviyo:
    """Klaviyo's JSON:API."""

    slug = "klaviyo"
    label = "Klaviyo"
    base_url = "https://a.klaviyo.com"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "private API key (pk_…)", secret=True),
        Setting("REVISION", "API revision", required=False, default="2026-07-15"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "list_members",
            modes=("audience",),
            # An import takes 10,000 profiles and 5 MB; the margin is JSON:API's wrapping.
            limits=Limits(rows=10_000, bytes=3_500_000, requests_per_second=10, concurrency=4),
            match=("email",),
            fields=(*ATTRIBUTES, "properties"),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Authorization": f"Klaviyo-API-Key {settings['TOKEN']}",
            "revision": settings.get("REVISION") or "2026-07-15",
            "Accept": "application/vnd.api+json",
            "Content-Type": "application/vnd.api+json",
        }

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the list by its name, the audience's label, or create it."""
        name = label or audience
        params = {"filter": f"equals(name,{json.dumps(name, ensure_ascii=False)})"}
        for found in _must((yield Request("GET", LISTS, params=params))):
            if found["attributes"]["name"] == name:
                return str(found["id"])
        body = {"data": {"type": "list", "attributes": {"name": name}}}
        # Sent again after a lost answer it would make a second list of the same name.
        created = _must((yield Request("POST", LISTS, json=body, repeatable=False)))
        return str(created["id"])

    def converse(self, batch: Batch) -> Conversation:
        """Bring members into the list, or take them out."""
        if batch.audience is None:
            raise ValueError("list_members needs an audience")
        list_id = batch.audience.channel_id
        if batch.operation == "remove":
            return (yield from self._remove(list_id, batch.records))
        records, verdicts = without_repeats(batch.records, lambda r: email_of(r.fields))
        joining = {email_of(record.fields) for record in records}
        moved = [r for r in records if _sent(r) not in ("", *joining)]
        if moved:
            # The old address leaves the list, or its profile would stay in it for ever.
            removed = yield from self._remove(list_id, moved)
            stuck = {verdict.key for verdict in removed if verdict.status != "acknowledged"}
            verdicts += [verdict for verdict in removed if verdict.key in stuck]
            records = [record for record in records if record.key not in stuck]
        return verdicts + (yield from self._import(list_id, records))

    def _import(
        self, list_id: str, records: Sequence[Record]
    ) -> Generator[Request, Response, list[Verdict]]:
        """Import profiles into the list by a job, and read what became of each."""
        verdicts: list[Verdict] = []
        profiles: list[dict[str, Any]] = []
        sent: list[Record] = []
        for record in records:
            try:
                profiles.append(profile(record))
                sent.append(record)
            except ValueError as error:
                reason = f"Klaviyo cannot take this record: {error}."
                verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
        if not sent:
            return verdicts
        body = {
            "data": {
                "type": "profile-bulk-import-job",
                "attributes": {"profiles": {"data": profiles}},
                "relationships": {"lists": {"data": [{"type": "list", "id": list_id}]}},
            }
        }
        response = yield Request("POST", JOBS, json=body)
        answer = response.json()
        job = part(answer, "data").get("id")
        if not response.ok or not job:
            return verdicts + _refusal(sent, response)
        return verdicts + (yield from self._collect(str(job), sent))

    def _collect(
        self, job: str, records: list[Record]
    ) -> Generator[Request, Response, list[Verdict]]:
        """Poll a job to its end, then collect the errors of single profiles."""
        for wait in POLLS:
            response = yield Request("GET", f"{JOBS}/{job}", wait_before=wait)
            attributes = part(part(response.json(), "data"), "attributes")
            status = attributes.get("status")
            if not response.ok or not status:
                return waiting(records, f"http_{response.status}", "The import cannot be followed.")
            if status == "cancelled":
                return waiting(records, "cancelled", "Klaviyo cancelled the import.")
            if status == "complete":
                if not attributes.get("failed_count"):
                    return acknowledged(records)
                return (yield from self._errors(job, records, attributes["failed_count"]))
        return waiting(records, "still_processing", "Klaviyo was still importing after 10 minutes.")

    def _errors(
        self, job: str, records: list[Record], failed: int
    ) -> Generator[Request, Response, list[Verdict]]:
        by_email = {email_of(record.fields): record for record in records}
        refused: dict[str, Verdict] = {}
        params = {"page[size]": "100"}
        first = ("import_error", f"Klaviyo could not import {failed} profiles.")
        while True:
            response = yield Request("GET", f"{JOBS}/{job}/import-errors", params=params)
            answer = response.json()
            if not response.ok or not _is_page(answer):
                return waiting(records, f"http_{response.status}", "The errors cannot be read.")
            for item in entries(answer, "data"):
                error = part(item, "attributes")
                payload = part(error, "original_payload")
                record = by_email.get(email_of(part(payload, "attributes") or payload))
                first = (str(error.get("code")), str(error.get("detail")))
                if record is not None:
                    refused[record.key] = rejected(record, *first)
            params = {"page[size]": "100", "page[cursor]": _next_cursor(answer)}
            if not params["page[cursor]"]:
                break
        if len(refused) < failed:
            # Some failed that nobody named: the engine halves the batch until they stand alone.
            raise Refused(*first)
        taken = [record for record in records if record.key not in refused]
        return [*acknowledged(taken), *refused.values()]

    def _remove(
        self, list_id: str, records: Sequence[Record]
    ) -> Generator[Request, Response, list[Verdict]]:
        """Take profiles out of the list. Nobody Klaviyo does not know is on a list of Klaviyo's."""
        wanted = sorted({_sent(record) for record in records} - {""})
        ids: dict[str, str] = {}
        for start in range(0, len(wanted), LOOKED_UP_PER_REQUEST):
            chunk = wanted[start : start + LOOKED_UP_PER_REQUEST]
            quoted = ",".join(json.dumps(email, ensure_ascii=False) for email in chunk)
            params = {"filter": f"any(email,[{quoted}])", "page[size]": "100"}
            response = yield Request("GET", PROFILES, params=params)
            answer = response.json()
            if not response.ok or not _is_page(answer):
                return _refusal(records, response)
            for found in entries(answer, "data"):
                ids[email_of(part(found, "attributes"))] = str(found["id"])
        leaving = [{"type": "profile", "id": ids[email]} for email in wanted if email in ids]
        for start in range(0, len(leaving), REMOVED_PER_REQUEST):
            body = {"data": leaving[start : start + REMOVED_PER_REQUEST]}
            path = f"{LISTS}/{list_id}/relationships/profiles"
            response = yield Request("DELETE", path, json=body)
            if not response.ok:
                return _refusal(records, response)
        return [
            Verdict(record.key, "acknowledged", channel_id=ids.get(_sent(record)))
            if _sent(record)
            else without_email(record)
            for record in records
        ]


def _sent(record: Record) -> str:
    """Return the e-mail under which the record is in the list; for a removal, any that is known."""
    known = email_of(record.sent_match)
    return known or (email_of(record.fields) if record.operation == "remove" else "")


destination: Destination = Klaviyo()

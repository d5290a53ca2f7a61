"""Klaviyo profiles and lists: profiles come by bulk import, into one list per audience or none.

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
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from typing import Any

from reverse_etl.destination import (
    Audience,
    Batch,
    ChannelObject,
    Conversation,
    Destination,
    Found,
    Limits,
    Listing,
    Options,
    Page,
    Preparation,
    Probe,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    Verdict,
)
from reverse_etl.edits import choose, is_same, with_kept
from reverse_etl.json_api import first_error, is_page, must, next_cursor
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
IDENTIFIERS = ("email", "phone_number", "external_id")
ATTRIBUTES = (*IDENTIFIERS, "first_name", "last_name", "organization", "title", "locale")
# What lists and profiles have in common. An import takes 10,000 profiles and 5 MB; the margin is
# JSON:API's wrapping.
PROFILE: dict[str, Any] = {
    "limits": Limits(rows=10_000, bytes=3_500_000, requests_per_second=10, concurrency=4),
    "match": ("email",),
    "fields": (*ATTRIBUTES, "properties"),
    "composite": ("properties",),
    "lists": True,
    "probe": Probe(
        Request("GET", PROFILES, params={"page[size]": "1"}),
        needs=("profiles:read", "profiles:write"),
    ),
}
REMOVED_PER_REQUEST = 1_000
# A filter goes into the URL, where proxies cut at about 8 kB.
LOOKED_UP_PER_REQUEST = 50
# Waits between polls add up to about ten minutes; the import goes on at Klaviyo all the same.
POLLS = (0.2, 0.4, 0.8, 1.6, 3.2, *([5.0] * 120))


def profile(record: Record, kept: Collection[str] = ()) -> dict[str, Any]:
    """Return the profile to import, without the fields in ``kept``.

    On a change, an empty column clears what was sent before. On an add it is left out, because
    what Klaviyo holds there is not ours. Identifiers are never cleared.

    Raises:
        ValueError: ``properties`` is no JSON object, or holds one of Klaviyo's own ``$`` names.
    """
    attributes: dict[str, Any] = {}
    for name in ATTRIBUTES:
        if name in record.fields and name not in kept:
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


def _refusal(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts after an answer that is no success."""
    answer = response.json()
    if not isinstance(answer, dict) or response.ok:
        return unread(records, response)
    return refuse_or_wait(records, response, *first_error(answer, response.status))


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
        ChannelObject("list_members", modes=("audience",), options=("keep_edits",), **PROFILE),
        ChannelObject(
            "profiles",
            modes=("upsert",),
            options=("update_only", "create_only", "keep_edits"),
            **PROFILE,
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
        known = yield from _find_list(name)
        if known:
            return known
        body = {"data": {"type": "list", "attributes": {"name": name}}}
        # Sent again after a lost answer it would make a second list of the same name.
        created = must((yield Request("POST", LISTS, json=body, repeatable=False)))
        return str(created["id"])

    def list_page(
        self,
        object_name: str,
        columns: Sequence[str],
        audience: Audience | None,
        cursor: str,
        settings: Mapping[str, str],
    ) -> Listing:
        """Return a hundred profiles, of a list or of all."""
        path = PROFILES
        if audience is not None:
            list_id = audience.channel_id or (yield from _find_list(audience.label))
            if not list_id:
                return Page([])
            path = f"{LISTS}/{list_id}/profiles"
        params = {"page[size]": "100"} | ({"page[cursor]": cursor} if cursor else {})
        response = yield Request("GET", path, params=params)
        must(response)
        answer = response.json()
        found = [
            Found(str(item["id"]), part(item, "attributes")) for item in entries(answer, "data")
        ]
        return Page(found, next_cursor(answer))

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a profile shows our value; it may have properties of others besides."""
        if column == "email":
            return email_of({"email": ours}) == email_of({"email": theirs})
        if column == "properties":
            held = theirs if isinstance(theirs, dict) else {}
            sent = json.loads(ours) if isinstance(ours, str) else ours or {}
            return all(is_same(value, held.get(name)) for name, value in sent.items())
        return is_same(ours, theirs)

    def converse(self, batch: Batch) -> Conversation:
        """Bring profiles in, and members into their list, or take them out of it."""
        list_id = batch.audience.channel_id if batch.audience else ""
        if batch.operation == "remove":
            return (yield from self._remove(list_id, batch.records))
        records, verdicts = without_repeats(batch.records, lambda r: email_of(r.fields))
        joining = {email_of(record.fields) for record in records}
        moved = [r for r in records if _sent(r) not in ("", *joining)]
        ids: dict[str, str] = {}
        if moved and not list_id:
            ids = yield from self._former(moved)
        elif moved:
            # The old address leaves the list, or its profile would stay in it for ever.
            removed = yield from self._remove(list_id, moved)
            stuck = {verdict.key for verdict in removed if verdict.status != "acknowledged"}
            verdicts += [verdict for verdict in removed if verdict.key in stuck]
            records = [record for record in records if record.key not in stuck]
        kept: dict[str, list[str]] = {}
        if batch.options.chosen:
            records, kept = yield from self._look(records, verdicts, batch.options)
        taken = yield from self._import(list_id, records, kept, ids)
        return verdicts + [with_kept(verdict, kept.get(verdict.key, [])) for verdict in taken]

    def _former(self, moved: Sequence[Record]) -> Generator[Request, Response, dict[str, str]]:
        """Return the ids of profiles that are to have another address, by record.

        One whose new address has a profile already is left; that profile is the person's now.
        """
        both = [address for record in moved for address in (_sent(record), email_of(record.fields))]
        found = yield from self._find(both)
        if isinstance(found, Response):
            return {}
        return {
            record.key: str(found[_sent(record)]["id"])
            for record in moved
            if _sent(record) in found and email_of(record.fields) not in found
        }

    def _look(
        self, records: Sequence[Record], verdicts: list[Verdict], options: Options
    ) -> Generator[Request, Response, tuple[list[Record], dict[str, list[str]]]]:
        """Read the profiles as they are; return those to write, and the fields to leave alone.

        Verdicts of the others are added to ``verdicts``.
        """
        found = yield from self._find(_sent(r) or email_of(r.fields) for r in records)
        if isinstance(found, Response):
            verdicts += _refusal(records, found)
            return [], {}
        held = {email: part(item, "attributes") for email, item in found.items()}
        chosen, kept, left = choose(
            records, lambda record: held.get(_sent(record) or email_of(record.fields)), options
        )
        verdicts += left
        return chosen, kept

    def _find(
        self, emails: Iterable[str]
    ) -> Generator[Request, Response, dict[str, dict[str, Any]] | Response]:
        """Look profiles up by their addresses; return them, or the answer that is none."""
        wanted = sorted(set(emails) - {""})
        found = {}
        for start in range(0, len(wanted), LOOKED_UP_PER_REQUEST):
            chunk = wanted[start : start + LOOKED_UP_PER_REQUEST]
            quoted = ",".join(json.dumps(email, ensure_ascii=False) for email in chunk)
            params = {"filter": f"any(email,[{quoted}])", "page[size]": "100"}
            response = yield Request("GET", PROFILES, params=params)
            answer = response.json()
            if not response.ok or not is_page(answer):
                return response
            for item in entries(answer, "data"):
                found[email_of(part(item, "attributes"))] = item
        return found

    def _import(
        self,
        list_id: str,
        records: Sequence[Record],
        kept: Mapping[str, Collection[str]],
        ids: Mapping[str, str],
    ) -> Generator[Request, Response, list[Verdict]]:
        """Import profiles by a job, into the list if there is one, and read what became of each."""
        verdicts: list[Verdict] = []
        profiles: list[dict[str, Any]] = []
        sent: list[Record] = []
        for record in records:
            try:
                known = {"id": ids[record.key]} if record.key in ids else {}
                profiles.append(profile(record, kept.get(record.key, ())) | known)
                sent.append(record)
            except ValueError as error:
                reason = f"Klaviyo cannot take this record: {error}."
                verdicts.append(rejected(record, "bad_properties", reason, is_permanent=True))
        if not sent:
            return verdicts
        job = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": profiles}}}
        if list_id:
            job["relationships"] = {"lists": {"data": [{"type": "list", "id": list_id}]}}
        response = yield Request("POST", JOBS, json={"data": job}, remembered=True)
        answer = response.json()
        number = part(answer, "data").get("id")
        if not response.ok or not number:
            return verdicts + _refusal(sent, response)
        return verdicts + (yield from self._collect(str(number), sent))

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
                    return list(acknowledged(records))
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
            if not response.ok or not is_page(answer):
                return waiting(records, f"http_{response.status}", "The errors cannot be read.")
            for item in entries(answer, "data"):
                error = part(item, "attributes")
                payload = part(error, "original_payload")
                record = by_email.get(email_of(part(payload, "attributes") or payload))
                first = (str(error.get("code")), str(error.get("detail")))
                if record is not None:
                    refused[record.key] = rejected(record, *first)
            params = {"page[size]": "100", "page[cursor]": next_cursor(answer)}
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
        found = yield from self._find(_sent(record) for record in records)
        if isinstance(found, Response):
            return _refusal(records, found)
        ids = {email: str(item["id"]) for email, item in found.items()}
        leaving = [{"type": "profile", "id": ids[email]} for email in sorted(ids)]
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


def _find_list(name: str) -> Generator[Request, Response, str]:
    """Return the id of the list of this name, ``""`` where there is none."""
    params = {"filter": f"equals(name,{json.dumps(name, ensure_ascii=False)})"}
    for found in must((yield Request("GET", LISTS, params=params))):
        if found["attributes"]["name"] == name:
            return str(found["id"])
    return ""


def _sent(record: Record) -> str:
    """Return the e-mail under which the record is in the list; for a removal, any that is known."""
    known = email_of(record.sent_match)
    return known or (email_of(record.fields) if record.operation == "remove" else "")


destination: Destination = Klaviyo()

"""HubSpot contacts: created or updated in batches, found by their e-mail address.

With ``update_only``, ``create_only`` or ``keep_edits`` each batch is read before it is written.

Requires a private app with the scope ``crm.objects.contacts.write``; its access token goes into
``HUBSPOT_TOKEN``. A column is written to the property of the same internal name, which must exist.

    exposures:
      - name: hubspot_contacts
        type: application
        owner: {name: CRM team, email: crm@example.com}
        depends_on: [ref('sync_hubspot_contacts')]
        config:
          meta:
            sync:
              destination: hubspot
              object: contacts
              mode: upsert
              key: [person_id]
              match: [email]
              purpose: customer_relationship
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping, Sequence
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
from reverse_etl.verdicts import (
    email_of,
    entries,
    part,
    refuse_or_wait,
    rejected,
    unread,
    waiting,
    without_repeats,
)

CONTACTS = "/crm/v3/objects/contacts"
# Consent is HubSpot's to keep: a sync that wrote these could opt people in again.
CONSENT_PROPERTIES = ("hs_email_optout", "hs_emailconfirmationstatus", "hs_legal_basis")


def property_value(value: Any) -> str:
    """Return a value as HubSpot takes it: always text; empty text clears the property."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def address(record: Record) -> str:
    """Return the e-mail under which HubSpot knows the contact today.

    That is the one sent last: addressed by the new one, HubSpot would make a second contact and
    leave the first as an orphan.
    """
    return email_of(record.sent_match) or email_of(record.fields)


def _input(record: Record, email: str, kept: Collection[str] = ()) -> dict[str, Any]:
    return {
        "id": email,
        "idProperty": "email",
        "objectWriteTraceId": record.key,
        "properties": {
            name: property_value(value) for name, value in record.fields.items() if name not in kept
        },
    }


def _reason(error: Mapping[str, Any]) -> str:
    """Return the error's words; HubSpot often hides the useful ones in JSON inside its message."""
    message = str(error.get("message", ""))
    start = message.find("[{")
    if start >= 0:
        try:
            details = json.loads(message[start:])
        except ValueError:
            return message
        return " ".join(str(detail.get("message", detail)) for detail in details)
    return message


def _traces(error: Mapping[str, Any]) -> list[str]:
    """Return the trace ids that an error names."""
    return _texts(error.get("objectWriteTraceId")) or _texts(
        part(error, "context").get("objectWriteTraceId")
    )


def _texts(value: Any) -> list[str]:
    """Return one or many texts as a list; HubSpot writes either."""
    return [str(item) for item in value] if isinstance(value, list) else [value] * bool(value)


def _named(records: Sequence[Record], error: Mapping[str, Any]) -> list[Record]:
    """Return the records that an error speaks of: by trace id, else by the address it names."""
    traces = _traces(error)
    if traces:
        return [record for record in records if record.key in traces]
    context = part(error, "context")
    names = {name.lower() for name in _texts(context.get("ids")) + _texts(context.get("id"))}
    return [record for record in records if address(record) in names]


def _refusal(records: Sequence[Record], response: Response) -> list[Verdict]:
    """Return the verdicts after an answer that is no success."""
    answer = response.json()
    if response.ok or not isinstance(answer, dict):
        return unread(records, response)
    category = str(answer.get("category") or f"http_{response.status}")
    reason = _reason(answer) or f"HubSpot answered {response.status}."
    return refuse_or_wait(records, response, category, reason)


class HubSpot:
    """HubSpot's CRM API v3."""

    slug = "hubspot"
    label = "HubSpot"
    base_url = "https://api.hubapi.com"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token of a private app", secret=True),
    )
    # 190 requests per 10 seconds is what private apps of paid accounts may send.
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "contacts",
            modes=("upsert",),
            limits=Limits(rows=100, bytes=3_000_000, requests_per_second=19),
            match=("email",),
            options=("update_only", "create_only", "keep_edits"),
            lists=True,
            merges=True,
            probe=Probe(
                Request("GET", CONTACTS, params={"limit": "1"}),
                needs=("crm.objects.contacts.read", "crm.objects.contacts.write"),
            ),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Authorization": f"Bearer {settings['TOKEN']}", "Accept": "application/json"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Refuse: contacts are no audience."""
        yield from ()
        raise Refused("not_an_audience", f"HubSpot's {object_name} cannot hold an audience.")

    def converse(self, batch: Batch) -> Conversation:
        """Upsert a batch of contacts; each answer is found again by its trace id."""
        if batch.operation == "merge":
            return (yield from self._merge(batch.records))
        sendable, verdicts = without_repeats(batch.records, address)
        consent = [name for name in CONSENT_PROPERTIES if any(name in r.fields for r in sendable)]
        if consent:
            reason = f"{consent[0]} is a consent property, which no sync may write."
            return verdicts + [
                rejected(record, "consent_property", reason, is_permanent=True)
                for record in sendable
            ]
        if batch.options.chosen:
            chosen, kept = yield from self._look(sendable, verdicts, batch.options)
        else:
            chosen, kept = sendable, {}
        if chosen:
            sent = yield from self._write(chosen, kept, batch.options)
            verdicts += [with_kept(verdict, kept.get(verdict.key, [])) for verdict in sent]
        return verdicts

    def list_page(
        self,
        object_name: str,
        columns: Sequence[str],
        audience: Audience | None,
        cursor: str,
        settings: Mapping[str, str],
    ) -> Listing:
        """Return a hundred contacts."""
        names = ",".join(dict.fromkeys(["email", *columns]))
        params = {"limit": "100", "properties": names} | ({"after": cursor} if cursor else {})
        response = yield Request("GET", CONTACTS, params=params)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict):
            raise Refused(f"http_{response.status}", "HubSpot does not list its contacts.")
        following = part(part(answer, "paging"), "next").get("after")
        return Page(
            [
                Found(str(contact.get("id")), part(contact, "properties"))
                for contact in entries(answer, "results")
            ],
            str(following or ""),
        )

    def holds(self, column: str, ours: Any, theirs: Any) -> bool:
        """Whether a property shows our value; HubSpot writes addresses in small letters."""
        if column == "email":
            return str(ours or "").strip().lower() == str(theirs or "").strip().lower()
        return is_same(ours, theirs, property_value)

    def _look(
        self, records: Sequence[Record], verdicts: list[Verdict], options: Options
    ) -> Generator[Request, Response, tuple[list[Record], dict[str, list[str]]]]:
        """Read the contacts as they are; return those to write, and the fields to leave alone.

        Verdicts of the others are added to ``verdicts``.
        """
        body = {
            "idProperty": "email",
            "inputs": [{"id": address(record)} for record in records],
            "properties": ["email", *options.keep_edits],
        }
        response = yield Request("POST", f"{CONTACTS}/batch/read", json=body)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or "results" not in answer:
            verdicts += _refusal(records, response)
            return [], {}
        found = {
            email_of(part(contact, "properties")): part(contact, "properties")
            for contact in entries(answer, "results")
        }
        chosen, kept, left = choose(
            records, lambda record: found.get(address(record)), options, property_value
        )
        verdicts += left
        return chosen, kept

    def _merge(self, records: Sequence[Record]) -> Generator[Request, Response, list[Verdict]]:
        """Merge contacts, one request each; HubSpot gives what comes of it an id of its own."""
        verdicts = []
        became: dict[str, str] = {}
        for record in records:
            into = became.get(record.fields["into_key"], record.fields["into_id"])
            body = {"primaryObjectId": into, "objectIdToMerge": str(record.channel_id)}
            response = yield Request("POST", f"{CONTACTS}/merge", json=body)
            found = part({"answer": response.json()}, "answer").get("id")
            if not response.ok or not found:
                found = yield from self._are_one(body)
            if found:
                became[record.fields["into_key"]] = str(found)
                verdicts.append(Verdict(record.key, "acknowledged", channel_id=str(found)))
            else:
                try:
                    verdicts += _refusal([record], response)
                except Refused as refused:
                    verdicts.append(rejected(record, refused.code, refused.reason))
        return verdicts

    def _are_one(self, ids: Mapping[str, str]) -> Generator[Request, Response, str]:
        """Return the id of two contacts that were merged before; the id of either leads to it."""
        body = {"inputs": [{"id": each} for each in ids.values()], "properties": ["email"]}
        response = yield Request("POST", f"{CONTACTS}/batch/read", json=body)
        found = {str(contact.get("id")) for contact in entries(response.json(), "results")}
        return found.pop() if response.status == 200 and len(found) == 1 else ""

    def _write(
        self, records: list[Record], kept: Mapping[str, list[str]], options: Options
    ) -> Generator[Request, Response, list[Verdict]]:
        how = "update" if options.update_only else "create" if options.create_only else "upsert"
        inputs = [_input(r, address(r), kept.get(r.key, ())) for r in records]
        verdicts = yield from self._send(how, records, inputs)
        # A moved contact whose new address is already taken: an earlier answer got lost after
        # HubSpot had applied it, or the person is there twice. Either way that contact is the one.
        by_key = {record.key: record for record in records}
        taken = [
            by_key[verdict.key]
            for verdict in verdicts
            if verdict.code == "CONFLICT"
            and email_of(by_key[verdict.key].fields) not in ("", address(by_key[verdict.key]))
        ]
        if not taken:
            return verdicts
        again = {record.key for record in taken}
        settled = [verdict for verdict in verdicts if verdict.key not in again]
        inputs = [_input(r, email_of(r.fields), kept.get(r.key, ())) for r in taken]
        return settled + (yield from self._send(how, taken, inputs))

    def _send(
        self, how: str, records: list[Record], inputs: list[dict[str, Any]]
    ) -> Generator[Request, Response, list[Verdict]]:
        sent = inputs
        if how == "create":
            own = ("objectWriteTraceId", "properties")
            sent = [{name: item[name] for name in own} for item in inputs]
        # Sent again after a lost answer, a creation meets what it made itself, and is refused.
        response = yield Request("POST", f"{CONTACTS}/batch/{how}", json={"inputs": sent})
        answer = response.json()
        if not response.ok or not isinstance(answer, dict):
            return _refusal(records, response)
        return self._read(records, inputs, answer)

    def _read(
        self, records: list[Record], inputs: list[dict[str, Any]], answer: Mapping[str, Any]
    ) -> list[Verdict]:
        """Give each record its verdict; never by position, which HubSpot does not promise."""
        found: dict[str, Verdict] = {}
        by_email = {
            email: record
            for record, sent in zip(records, inputs, strict=True)
            for email in (sent["id"], email_of(record.fields))
            if email
        }
        for error in entries(answer, "errors"):
            for record in _named(records, error):
                category = str(error.get("category", "error"))
                reason = _reason(error) or "HubSpot did not say why."
                found[record.key] = rejected(record, category, reason)
        keys = {record.key for record in records}
        for result in entries(answer, "results"):
            key = str(result.get("objectWriteTraceId", ""))
            if key not in keys:
                owner = by_email.get(email_of(part(result, "properties")))
                key = owner.key if owner else ""
            if key and "id" in result:
                found[key] = Verdict(key, "acknowledged", channel_id=str(result["id"]))
        missing = [record for record in records if record.key not in found]
        silent = waiting(missing, "no_verdict", "HubSpot's answer did not mention this record.")
        return [*found.values(), *silent]


destination: Destination = HubSpot()

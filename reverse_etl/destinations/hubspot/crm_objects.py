"""Objects of HubSpot's CRM: written in batches, found by a property with unique values."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reverse_etl.channel.batch import Options, Record
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.conversation.columns import as_text
from reverse_etl.conversation.edits import choose, with_kept
from reverse_etl.conversation.verdicts import (
    EMAIL,
    email_of,
    entries,
    part,
    rejected,
    text_of,
    waiting,
)
from reverse_etl.destinations.hubspot.answers import id_of, named, refusal, rejection

Told = Generator[Request, Response, list[Verdict]]


def property_value(value: Any) -> str:
    """Return a value as HubSpot takes it: always text; empty text clears the property."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ";".join(value)
    return as_text(value)


@dataclass(frozen=True)
class CrmObjects:
    """Records of one ``kind`` (contacts, companies, deals), found by the property ``identity``."""

    kind: str
    identity: str

    @property
    def path(self) -> str:
        """Where they live."""
        return f"/crm/v3/objects/{self.kind}"

    @property
    def what(self) -> str:
        """What a record lacks that has no identity."""
        return EMAIL if self.identity == "email" else self.identity

    def own(self, fields: Mapping[str, object]) -> str:
        """Return the identity among fields or match keys; e-mail addresses in small letters."""
        return email_of(fields) if self.identity == "email" else text_of(fields, self.identity)

    def address(self, record: Record) -> str:
        """Return the identity under which HubSpot knows the record today.

        That is the one sent last: addressed by the new one, HubSpot would make a second record and
        leave the first as an orphan.
        """
        return self.own(record.sent_match) or self.own(record.fields)

    def upsert(self, records: Sequence[Record], options: Options) -> Told:
        """Write records, but for those that the sync's options leave alone."""
        verdicts: list[Verdict] = []
        kept: dict[str, list[str]] = {}
        chosen = list(records)
        if options.chosen:
            chosen, kept = yield from self._look(records, verdicts, options)
        if chosen:
            sent = yield from self._write(chosen, kept, options)
            verdicts += [with_kept(verdict, kept.get(verdict.key, [])) for verdict in sent]
        return verdicts

    def archive(self, records: Sequence[Record]) -> Told:
        """Archive records; those that HubSpot does not know are gone."""
        ids = yield from self.ids(records)
        if isinstance(ids, Response):
            return refusal(records, ids)
        if ids:
            body = {"inputs": [{"id": each} for each in ids.values()]}
            response = yield Request("POST", f"{self.path}/batch/archive", json=body)
            if not response.is_done:
                return refusal(records, response)
        return [Verdict(r.key, "acknowledged", channel_id=ids.get(r.key)) for r in records]

    def ids(
        self, records: Sequence[Record]
    ) -> Generator[Request, Response, dict[str, str] | Response]:
        """Return HubSpot's ids by our keys, asking for those we were never told.

        An answer that cannot be read is returned itself.
        """
        ids = {record.key: record.channel_id for record in records if record.channel_id}
        unknown = [record for record in records if record.key not in ids]
        if unknown:
            found = yield from self._read_back(unknown, ())
            if isinstance(found, Response):
                return found
            for record in unknown:
                if self.address(record) in found:
                    ids[record.key] = str(found[self.address(record)]["id"])
        return ids

    def merge(self, records: Sequence[Record]) -> Told:
        """Merge records, one request each; HubSpot gives what comes of it an id of its own."""
        verdicts = []
        became: dict[str, str] = {}
        for record in records:
            into = became.get(record.fields["into_key"], record.fields["into_id"])
            body = {"primaryObjectId": into, "objectIdToMerge": str(record.channel_id)}
            response = yield Request("POST", f"{self.path}/merge", json=body)
            found = part({"answer": response.json()}, "answer").get("id")
            if not response.ok or not found:
                looked = yield from self._look_at(body)
                found = _only_id(looked)
                if not isinstance(looked.json(), dict):
                    response = looked
            if found:
                became[record.fields["into_key"]] = str(found)
                verdicts.append(Verdict(record.key, "acknowledged", channel_id=str(found)))
            else:
                try:
                    verdicts += refusal([record], response)
                except Refused as refused:
                    verdicts.append(rejected(record, refused.code, refused.reason))
        return verdicts

    def _look_at(self, ids: Mapping[str, str]) -> Generator[Request, Response, Response]:
        """Return the answer to the question what two records are now."""
        inputs = [{"id": each} for each in ids.values()]
        body = {"inputs": inputs, "properties": [self.identity or "hs_object_id"]}
        return (yield Request("POST", f"{self.path}/batch/read", json=body))

    def _look(
        self, records: Sequence[Record], verdicts: list[Verdict], options: Options
    ) -> Generator[Request, Response, tuple[list[Record], dict[str, list[str]]]]:
        """Read the records as they are; return those to write, and the fields to leave alone.

        Verdicts of the others are added to ``verdicts``.
        """
        found = yield from self._read_back(records, options.keep_edits)
        if isinstance(found, Response):
            verdicts += refusal(records, found)
            return [], {}
        held = {identity: part(item, "properties") for identity, item in found.items()}
        chosen, kept, left = choose(
            records, lambda record: held.get(self.address(record)), options, property_value
        )
        verdicts += left
        return chosen, kept

    def _read_back(
        self, records: Sequence[Record], names: Sequence[str]
    ) -> Generator[Request, Response, dict[str, dict[str, Any]] | Response]:
        """Return what HubSpot holds by identity, or the answer that cannot be read."""
        body = {
            "idProperty": self.identity,
            "inputs": [{"id": self.address(record)} for record in records],
            "properties": [self.identity, *names],
        }
        response = yield Request("POST", f"{self.path}/batch/read", json=body)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or "results" not in answer:
            return response
        held = entries(answer, "results")
        return {self.own(part(item, "properties")): item for item in held if id_of(item)}

    def _write(
        self, records: list[Record], kept: Mapping[str, list[str]], options: Options
    ) -> Told:
        how = "update" if options.update_only else "create" if options.create_only else "upsert"
        inputs = [self._input(r, self.address(r), kept.get(r.key, ())) for r in records]
        verdicts = yield from self._send(how, records, inputs)
        # A moved record whose new identity is already taken: an earlier answer got lost after
        # HubSpot had applied it, or it is there twice. Either way the one that has it is the one.
        by_key = {record.key: record for record in records}
        taken = [
            by_key[verdict.key]
            for verdict in verdicts
            if verdict.code == "CONFLICT"
            and self.own(by_key[verdict.key].fields) not in ("", self.address(by_key[verdict.key]))
        ]
        if not taken:
            return verdicts
        again = {record.key for record in taken}
        settled = [verdict for verdict in verdicts if verdict.key not in again]
        inputs = [self._input(r, self.own(r.fields), kept.get(r.key, ())) for r in taken]
        return settled + (yield from self._send(how, taken, inputs))

    def _input(self, record: Record, address: str, kept: Collection[str]) -> dict[str, Any]:
        values = {n: property_value(v) for n, v in record.fields.items() if n not in kept}
        named_by = {"id": address, "idProperty": self.identity, "objectWriteTraceId": record.key}
        return {**named_by, "properties": values}

    def _send(self, how: str, records: list[Record], inputs: list[dict[str, Any]]) -> Told:
        sent = inputs
        if how == "create":
            own = ("objectWriteTraceId", "properties")
            sent = [{name: item[name] for name in own} for item in inputs]
        # Sent again after a lost answer, a creation meets what it made itself, and is refused.
        response = yield Request("POST", f"{self.path}/batch/{how}", json={"inputs": sent})
        answer = response.json()
        if not response.ok or not isinstance(answer, dict):
            return refusal(records, response)
        return self._read(records, inputs, answer)

    def _read(
        self, records: list[Record], inputs: list[dict[str, Any]], answer: Mapping[str, Any]
    ) -> list[Verdict]:
        """Give each record its verdict; never by position, which HubSpot does not promise."""
        found: dict[str, Verdict] = {}
        by_identity = {
            identity: record
            for record, sent in zip(records, inputs, strict=True)
            for identity in (sent["id"], self.own(record.fields))
            if identity
        }
        keys = {record.key for record in records}
        for result in entries(answer, "results"):
            key = str(result.get("objectWriteTraceId", ""))
            if key not in keys:
                owner = by_identity.get(self.own(part(result, "properties")))
                key = owner.key if owner else ""
            if key and (number := id_of(result)):
                found[key] = Verdict(key, "acknowledged", channel_id=number)
        # Who is among both was not taken.
        for error in entries(answer, "errors"):
            for record in named(records, error, self.address):
                found[record.key] = rejection(record, error)
        missing = [record for record in records if record.key not in found]
        silent = waiting(missing, "no_verdict", "HubSpot's answer did not mention this record.")
        return [*found.values(), *silent]


def _only_id(looked: Response) -> str:
    """Return the id of two records that were merged before; the id of either leads to it."""
    found = {id_of(each) for each in entries(looked.json(), "results")}
    return found.pop() if looked.status == 200 and len(found) == 1 else ""

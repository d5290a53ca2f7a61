"""A stand-in for the receiver of a webhook: keeps the rows of every sync, each delivery once."""

from __future__ import annotations

from reverse_etl.sandbox.wire import Answer, Call, Document, History, now

OPERATIONS = ("upsert", "update", "create", "remove", "append")
REMEMBERED_DELIVERIES = 20_000


class Webhook:
    """Rows by sync and key; deliveries by their idempotency key."""

    slug = "webhook"
    label = "Webhook"

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Document]] = {}
        self.deliveries: dict[str, str] = {}
        self.repeated = 0
        self.history = History()

    def handle(self, call: Call) -> Answer:
        """Answer one request."""
        if call.method != "POST":
            return Answer(405, {"message": "Rows are posted here."}, {"Allow": "POST"})
        body = call.json()
        records = body.get("records") if isinstance(body, dict) else None
        if not isinstance(records, list) or not isinstance(body.get("sync"), str):
            return Answer(400, {"message": "The body must hold sync, run_id and records."})
        for record in records:
            if record.get("operation") not in OPERATIONS or "key" not in record:
                return Answer(422, {"message": "A record needs an operation and a key."})
        delivery = call.headers.get("idempotency-key", "")
        if delivery and delivery in self.deliveries:
            return Answer(200, {"message": "This delivery is known.", "repeated": True})
        results = []
        for index, record in enumerate(records):
            refusal = self._refusal(body["sync"], record, call.picks(record))
            if refusal:
                status, message = refusal
                results.append({"index": index, "status": status, "message": message})
            else:
                self._apply(body["sync"], record)
                results.append({"index": index, "status": 200, "message": ""})
        if delivery:
            self.deliveries[delivery] = now()
            if len(self.deliveries) > REMEMBERED_DELIVERIES:
                del self.deliveries[next(iter(self.deliveries))]
        if any(result["status"] != 200 for result in results):
            return Answer(207, {"results": results})
        return Answer(200, {"received": len(records)})

    def _refusal(self, sync: str, record: Document, picked: bool) -> tuple[int, str] | None:
        if picked:
            return 422, "The receiver has no place for this row."
        exists = str(record["key"]) in self.records.get(sync, {})
        if record["operation"] == "update" and not exists:
            return 404, "There is no such row."
        if record["operation"] == "create" and exists:
            return 409, "There is such a row."
        return None

    def _apply(self, sync: str, record: Document) -> None:
        rows = self.records.setdefault(sync, {})
        key, operation = str(record["key"]), record["operation"]
        if operation == "remove":
            rows.pop(key, None)
        else:
            self.repeated += operation == "append" and key in rows
            fields = record.get("fields") or {}
            held = rows[key]["fields"] if key in rows else {}
            for name, sent in (record.get("unless_edited") or {}).items():
                if held.get(name) not in (None, "", sent):
                    fields = {**fields, name: held[name]}
            rows[key] = {"received_at": now(), "fields": fields}
        self.history.note(operation, sync=sync, key=key)

    def limited(self, retry_after: str) -> Answer:
        """Return too many requests."""
        return Answer(429, {"message": "Too many requests."}, {"Retry-After": retry_after})

    def broken(self) -> Answer:
        """Return trouble on the receiver's side."""
        return Answer(500, {"message": "The receiver failed."})

    def state(self) -> Document:
        """Return rows by sync, known deliveries, and how many appended rows came twice."""
        return {
            "records": self.records,
            "deliveries": self.deliveries,
            "repeated": self.repeated,
            "history": self.history,
        }

    def restore(self, state: Document) -> None:
        """Take back everything kept."""
        self.records, self.deliveries = state["records"], state["deliveries"]
        self.repeated, self.history = state["repeated"], History(state["history"])

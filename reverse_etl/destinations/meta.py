"""Meta custom audiences: members are added and removed as rows of hashed identifiers.

Requires an access token with ``ads_management`` in ``META_TOKEN`` and the ad account's number in
``META_AD_ACCOUNT``; the account must have accepted the custom audience terms. Identifiers are
normalised and hashed here; nothing that names a person leaves in clear. Meta answers with counts,
never per row, and applies changes within a day.

    exposures:
      - name: meta_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_meta_audience_members')]
        config:
          meta:
            sync:
              destination: meta
              object: custom_audience_members
              mode: audience
              key: [person_id]
              match: [email, phone]
              purpose: advertising
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from typing import Any, Literal

from reverse_etl.channel.batch import Batch, Record
from reverse_etl.channel.destination import (
    ChannelObject,
    Destination,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import (
    Conversation,
    Preparation,
    Refused,
    Request,
    Response,
    Verdict,
)
from reverse_etl.conversation.members import Identifiers, Row, Rows, chunks
from reverse_etl.conversation.verdicts import (
    acknowledged,
    entries,
    part,
    readable,
    refuse_or_wait,
    unread,
    waiting,
)

# EXTERN_ID and MADID leave unhashed, as Meta asks; a removal needs no more than tells people apart.
MEMBERS = Identifiers(
    "meta",
    {
        "EXTERN_ID": "external_id",
        "EMAIL": "email",
        "PHONE": "phone",
        "MADID": "mobile_id",
        "GEN": "gender",
        "DOBY": "birth_year",
        "DOBM": "birth_month",
        "DOBD": "birth_day",
        "FN": "first_name",
        "LN": "last_name",
        "CT": "city",
        "ST": "state",
        "ZIP": "postcode",
        "COUNTRY": "country",
    },
    alternatives=(frozenset({"EMAIL"}), frozenset({"PHONE"}), frozenset({"MADID"})),
    removal=("EXTERN_ID", "EMAIL", "PHONE", "MADID"),
)
# Meta reads a removal's rows from the query string, where servers cut at about 8 kB.
REMOVED_PER_REQUEST = 25
# Rate limits, trouble on Meta's side, tokens, permissions, audiences closed for edits: nothing
# that halving the batch would mend.
NOT_ABOUT_ROWS = {1, 2, 4, 10, 17, 32, 102, 104, 190, 294, 613, 2650, *range(200, 300)}
CLOSED_FOR_EDITS = 1713230


def session_id(batch_id: str) -> int:
    """Return a number that stays the same over retries of a batch, as a session needs."""
    return int.from_bytes(hashlib.sha256(batch_id.encode()).digest()[:7], "big")


def parameters(rows: Sequence[Row], session: int, total: int, last: bool) -> dict[str, str]:
    """Return ``payload`` and ``session`` as the form fields Meta reads.

    The schema holds only the keys that some row has; a row without one of them says ``""``, which
    Meta reads as unknown.
    """
    schema = [key for key in MEMBERS.keys if any(key in item for item in rows)]
    payload = {"schema": schema, "data": [[item.get(key, "") for key in schema] for item in rows]}
    counted = {
        "session_id": session,
        "batch_seq": 1,
        "last_batch_flag": last,
        "estimated_num_total": total,
    }
    return {name: json.dumps(value, separators=(",", ":")) for name, value in
            (("payload", payload), ("session", counted))}  # fmt: skip


def _error(answer: Mapping[str, Any], status: int) -> tuple[str, str]:
    """Return Meta's code and the words it means for people, where it gives any."""
    error = part(answer, "error")
    code = str(error.get("code", f"http_{status}"))
    if error.get("error_subcode"):
        code += f"/{error['error_subcode']}"
    words = error.get("error_user_msg") or error.get("message") or f"Meta answered {status}."
    return code, readable(words)


def _version(settings: Mapping[str, str]) -> str:
    return settings.get("VERSION") or "v26.0"


class Meta:
    """Meta's Marketing API."""

    slug = "meta"
    label = "Meta"
    base_url = "https://graph.facebook.com"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token of a system user with ads_management", secret=True),
        Setting("AD_ACCOUNT", "number of the ad account, without act_"),
        Setting("VERSION", "Graph API version", required=False, default="v26.0"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "custom_audience_members",
            modes=("audience",),
            # 10,000 rows is Meta's limit. Hashes are longer than what they hide, so that the
            # bytes of the columns are held well below any limit on the body.
            limits=Limits(rows=10_000, bytes=1_000_000, requests_per_second=10, concurrency=4),
            match=("email", "phone", "mobile_id"),
            fields=MEMBERS.columns,
            hashed=MEMBERS.hashed,
            probe=Probe(
                Request(
                    "GET", "/{VERSION}/act_{AD_ACCOUNT}/customaudiences", params={"limit": "1"}
                ),
                needs=("ads_management",),
            ),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request; the token stays out of URLs, which are logged."""
        return {"Authorization": f"Bearer {settings['TOKEN']}"}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the custom audience by its name, the audience's label, or create it."""
        name = label or audience
        account = settings["AD_ACCOUNT"].removeprefix("act_")
        path = f"/{_version(settings)}/act_{account}/customaudiences"
        params = {"fields": "id,name", "limit": "100"}
        while True:
            answer = _must((yield Request("GET", path, params=params)))
            for found in entries(answer, "data"):
                if found.get("name") == name:
                    return str(found["id"])
            paging = part(answer, "paging")
            if not paging.get("next"):
                break
            params = {**params, "after": str(part(paging, "cursors").get("after"))}
        form = {"name": name, "subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY"}
        # Sent again after a lost answer it would make a second audience of the same name.
        created = _must((yield Request("POST", path, form=form, repeatable=False)))
        return str(created["id"])

    def converse(self, batch: Batch) -> Conversation:
        """Add rows to the audience, or remove them from it."""
        if batch.audience is None:
            raise ValueError("custom_audience_members needs an audience")
        path = f"/{_version(batch.settings)}/{batch.audience.channel_id}/users"
        session = session_id(batch.batch_id)
        return (
            yield from MEMBERS.exchange(
                batch,
                add=lambda rows: _send("POST", path, session, rows),
                remove=lambda rows: _remove(path, session, rows),
            )
        )


def _remove(path: str, session: int, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    verdicts: list[Verdict] = []
    for chunk in chunks(rows, REMOVED_PER_REQUEST):
        verdicts += yield from _send("DELETE", path, session, chunk)
    return verdicts


def _send(
    method: Literal["POST", "DELETE"], path: str, session: int, rows: Rows
) -> Generator[Request, Response, list[Verdict]]:
    """Send rows once. As Meta's own client does it: a form to add, the query string to remove."""
    if not rows:
        return []
    records = [record for record, _ in rows.values()]
    sent = parameters([identifiers for _, identifiers in rows.values()], session, len(rows), True)
    if method == "DELETE":
        response = yield Request("DELETE", path, params=sent)
    else:
        response = yield Request("POST", path, form=sent)
    answer = response.json()
    if not isinstance(answer, dict):
        return unread(records, response)
    if "error" in answer or not response.ok:
        return _refusal(records, response, answer)
    return _counted(records, answer)


def _refusal(records: list[Record], response: Response, answer: Mapping[str, Any]) -> list[Verdict]:
    error = part(answer, "error")
    code, reason = _error(answer, response.status)
    number = error.get("code")
    transient = error.get("is_transient") or error.get("error_subcode") == CLOSED_FOR_EDITS
    if transient or number in NOT_ABOUT_ROWS or (isinstance(number, int) and number >= 80_000):
        return waiting(records, code, reason)
    return refuse_or_wait(records, response, code, reason)


def _counted(records: list[Record], answer: Mapping[str, Any]) -> list[Verdict]:
    """Turn Meta's counts into verdicts.

    Meta says how many rows it could not read, not which. Adding and removing may be repeated, so
    the engine halves the batch until the unreadable row stands alone.
    """
    received = answer.get("num_received")
    invalid = answer.get("num_invalid_entries") or 0
    if not isinstance(received, int):
        return waiting(records, "no_counts", "Meta's answer does not say what it received.")
    if invalid:
        raise Refused(
            "invalid_entries", f"Meta could not read the identifiers of {invalid} of these rows."
        )
    if received < len(records):
        return waiting(records, "not_received", f"Meta received only {received} of these rows.")
    return list(acknowledged(records))


def _must(response: Response) -> Mapping[str, Any]:
    """Return the answer to a request without which an audience cannot be prepared."""
    answer = response.json()
    if response.ok and isinstance(answer, dict) and "error" not in answer:
        return answer
    raise Refused(*_error(answer if isinstance(answer, dict) else {}, response.status))


destination: Destination = Meta()

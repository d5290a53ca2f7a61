"""TikTok custom audiences: files of hashed identifiers are uploaded, then added or taken out.

Requires an access token with audience management in ``TIKTOK_TOKEN`` and the advertiser's number in
``TIKTOK_ADVERTISER``. E-mail addresses, phone numbers and device ids leave hashed. TikTok makes no
empty audience, so a new one begins with one row that is the hash of nobody; it never says which
rows it matched, applies changes within two days, and refuses to change an audience of fewer than
1,000 people: those wait, and are sent again.

Advertisers whom TikTok has allowed to may stream members instead (``streamed_members``): they reach
an audience within the request, by a mapping of identifiers. Such an audience is made in TikTok.

    exposures:
      - name: tiktok_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_tiktok_audience_members')]
        config:
          meta:
            sync:
              destination: tiktok
              object: custom_audience_members
              mode: audience
              key: [person_id]
              match: [email, phone]
              purpose: advertising
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from reverse_etl.channel.batch import Batch
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
from reverse_etl.conversation.members import Identifiers, Row, Rows
from reverse_etl.conversation.verdicts import acknowledged, entries, part, readable, unread, waiting

AUDIENCES = "/dmp/custom_audience"
MAPPING = "/segment/mapping/"
STREAMED = "streamed_members"
SEVERAL_KINDS = "MULTIPLE_TYPES"
MEMBERS = Identifiers(
    "tiktok",
    {"EMAIL_SHA256": "email", "PHONE_SHA256": "phone", "MAID_SHA256": "mobile_id"},
    alternatives=(
        frozenset({"EMAIL_SHA256"}),
        frozenset({"PHONE_SHA256"}),
        frozenset({"MAID_SHA256"}),
    ),
    removal=("EMAIL_SHA256", "PHONE_SHA256", "MAID_SHA256"),
)
# Normalised addresses hold an @: the hash of a text without one is nobody's.
NOBODY: Row = {"EMAIL_SHA256": hashlib.sha256(b"the first row of an audience").hexdigest()}


def as_file(rows: Sequence[Row]) -> bytes:
    """Return rows as the CSV that TikTok reads: hashes only, so nothing in it needs quoting."""
    lines = [",".join(MEMBERS.keys)]
    lines += [",".join(row.get(key, "") for key in MEMBERS.keys) for row in rows]
    return "\n".join([*lines, ""]).encode()


def upload(content: bytes, settings: Mapping[str, str]) -> Request:
    """Return the request that uploads a file; the same file again does no harm."""
    signature = hashlib.md5(content, usedforsecurity=False).hexdigest()
    fields: dict[str, Any] = {
        "advertiser_id": settings["ADVERTISER"],
        "file_signature": signature,
        "calculate_type": SEVERAL_KINDS,
        "file": (f"{signature}.csv", content, "text/csv"),
    }
    body, content_type = encode_multipart_formdata(fields, boundary=signature)
    path = f"{AUDIENCES}/file/upload/"
    return Request("POST", path, body=body, headers={"Content-Type": content_type})


def _read(response: Response) -> dict[str, Any]:
    """Return the data of an answer; TikTok says 200 to what it refuses, too.

    Raises:
        Refused: it is no success.
    """
    answer = response.json()
    if not response.ok or not isinstance(answer, dict) or "code" not in answer:
        raise Refused(f"http_{response.status}", f"TikTok answered {response.status}.")
    if answer["code"] != 0:
        raise Refused(str(answer["code"]), readable(answer.get("message") or "no reason given"))
    return part(answer, "data")


def _complaint(response: Response) -> str:
    """Return what is wrong in an answer of 200."""
    try:
        _read(response)
    except Refused as refused:
        return f"TikTok says {refused.code}: {refused.reason}"
    return ""


PROBE = Probe(
    Request("GET", f"{AUDIENCES}/list/?advertiser_id={{ADVERTISER}}"),
    needs=("audience management",),
    complaint=_complaint,
)


class TikTok:
    """TikTok's Business API."""

    slug = "tiktok"
    label = "TikTok"
    base_url = "https://business-api.tiktok.com/open_api/v1.3"
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token with audience management", secret=True),
        Setting("ADVERTISER", "number of the advertiser"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "custom_audience_members",
            modes=("audience",),
            # No limit on a file is published; changes of one audience follow one another.
            limits=Limits(rows=50_000, bytes=1_000_000, requests_per_second=5, concurrency=1),
            match=("email", "phone", "mobile_id"),
            fields=MEMBERS.columns,
            hashed=MEMBERS.hashed,
            probe=PROBE,
        ),
        ChannelObject(
            STREAMED,
            modes=("audience",),
            # No limit is published; what others send at once.
            limits=Limits(rows=10_000, bytes=1_000_000, requests_per_second=5, concurrency=4),
            match=("email", "phone", "mobile_id"),
            fields=MEMBERS.columns,
            hashed=MEMBERS.hashed,
            probe=PROBE,
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {"Access-Token": settings["TOKEN"]}

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the custom audience by its name, the audience's label, or create it."""
        name = (label or audience)[:128]
        page = 1
        while True:
            params = {"advertiser_id": settings["ADVERTISER"], "page": str(page)}
            data = _read((yield Request("GET", f"{AUDIENCES}/list/", params=params)))
            for found in entries(data, "list"):
                if found.get("name") == name and found.get("audience_id"):
                    return str(found["audience_id"])
            if page >= int(part(data, "page_info").get("total_page") or 1):
                break
            page += 1
        if object_name == STREAMED:
            reason = f"TikTok has no audience '{name}'; make one that is streamed to, of this name."
            raise Refused("no_audience", reason)
        data = _read((yield upload(as_file([NOBODY]), settings)))
        creation = {
            "advertiser_id": settings["ADVERTISER"],
            "custom_audience_name": name,
            "calculate_type": SEVERAL_KINDS,
            "file_paths": [str(data.get("file_path"))],
        }
        # Sent again after a lost answer it would make a second audience of the same name.
        path = f"{AUDIENCES}/create/"
        created = _read((yield Request("POST", path, json=creation, repeatable=False)))
        if not created.get("custom_audience_id"):
            raise Refused("no_audience", "TikTok does not say what the new audience is called.")
        return str(created["custom_audience_id"])

    def converse(self, batch: Batch) -> Conversation:
        """Add people to the audience, or take them out."""
        if batch.audience is None:
            raise ValueError(f"{batch.object} needs an audience")
        if batch.object == STREAMED:
            return (
                yield from MEMBERS.exchange(
                    batch,
                    add=lambda rows: _map("add", batch, rows),
                    remove=lambda rows: _map("delete", batch, rows),
                )
            )
        return (
            yield from MEMBERS.exchange(
                batch,
                add=lambda rows: _apply("APPEND", batch, rows),
                remove=lambda rows: _apply("REMOVE", batch, rows),
            )
        )


def _apply(action: str, batch: Batch, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    """Upload rows and have them added (``APPEND``) or taken out (``REMOVE``).

    The action is always said: left out, it would replace everybody. A file holds only hashes that
    were made here, so that no refusal is about a row of it: all of them wait.
    """
    if not rows:
        return []
    assert batch.audience is not None
    records = [record for record, _ in rows.values()]
    response = yield upload(as_file([row for _, row in rows.values()]), batch.settings)
    try:
        path = _read(response).get("file_path")
        if not path:
            return unread(records, response)
        change = {
            "advertiser_id": batch.settings["ADVERTISER"],
            "custom_audience_id": batch.audience.channel_id,
            "action": action,
            "file_paths": [str(path)],
        }
        response = yield Request("POST", f"{AUDIENCES}/update/", json=change)
        _read(response)
    except Refused as refused:
        return waiting(records, refused.code, refused.reason)
    return list(acknowledged(records))


def _map(action: str, batch: Batch, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    """Say which audience each identifier is in, or is no more; said again, it changes nothing."""
    if not rows:
        return []
    assert batch.audience is not None
    records = [record for record, _ in rows.values()]
    audiences = [batch.audience.channel_id]
    mapping = {
        "advertiser_ids": [batch.settings["ADVERTISER"]],
        "action": action,
        "id_schema": list(MEMBERS.keys),
        "batch_data": [
            [{"id": row[key], "audience_ids": audiences} if key in row else {}
             for key in MEMBERS.keys]
            for _, row in rows.values()
        ],
    }  # fmt: skip
    try:
        _read((yield Request("POST", MAPPING, json=mapping)))
    except Refused as refused:
        return waiting(records, refused.code, refused.reason)
    return list(acknowledged(records))


destination: Destination = TikTok()

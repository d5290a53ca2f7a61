"""Audiences changed by files of hashes: uploaded, then added to or taken out of an audience."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from urllib3.filepost import encode_multipart_formdata

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.conversation.members import Row, Rows
from reverse_etl.conversation.verdicts import acknowledged, unread, waiting
from reverse_etl.destinations.tiktok.answers import read
from reverse_etl.destinations.tiktok.identifiers import MEMBERS

AUDIENCES = "/dmp/custom_audience"
SEVERAL_KINDS = "MULTIPLE_TYPES"
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


def apply(action: str, batch: Batch, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
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
        path = read(response).get("file_path")
        if not path:
            return unread(records, response)
        change = {
            "advertiser_id": batch.settings["ADVERTISER"],
            "custom_audience_id": batch.audience.channel_id,
            "action": action,
            "file_paths": [str(path)],
        }
        response = yield Request("POST", f"{AUDIENCES}/update/", json=change)
        read(response)
    except Refused as refused:
        return waiting(records, refused.code, refused.reason)
    return list(acknowledged(records))

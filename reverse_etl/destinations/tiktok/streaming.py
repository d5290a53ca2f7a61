"""Audiences changed by streaming a mapping of identifiers, for those whom TikTok lets."""

from __future__ import annotations

from collections.abc import Generator

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.exchange import Refused, Request, Response, Verdict
from reverse_etl.conversation.members import Rows
from reverse_etl.conversation.verdicts import acknowledged, waiting
from reverse_etl.destinations.tiktok.answers import read
from reverse_etl.destinations.tiktok.identifiers import MEMBERS

MAPPING = "/segment/mapping/"


def stream(action: str, batch: Batch, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
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
        read((yield Request("POST", MAPPING, json=mapping)))
    except Refused as refused:
        return waiting(records, refused.code, refused.reason)
    return list(acknowledged(records))

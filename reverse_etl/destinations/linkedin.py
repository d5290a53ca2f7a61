"""LinkedIn matched audiences: users of DMP segments, each added or removed with its own answer.

Requires an access token with ``rw_dmp_segments`` in ``LINKEDIN_TOKEN``, or a refresh token, and the
ad account's number in ``LINKEDIN_ACCOUNT``. E-mail addresses leave hashed. LinkedIn would take
names, titles and companies too, but only in clear: they are not sent. The column ``google_aid`` is
a device's Google advertising id; there is no type of id for Apple's.

    exposures:
      - name: linkedin_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_linkedin_audience_members')]
        config:
          meta:
            sync:
              destination: linkedin
              object: segment_users
              mode: audience
              key: [person_id]
              match: [email]
              purpose: advertising
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

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
from reverse_etl.channel.meaning import Meaning
from reverse_etl.channel.oauth import OAuth
from reverse_etl.conversation.complaints import complaint_in, complaint_of
from reverse_etl.conversation.members import Identifiers, Row, Rows
from reverse_etl.conversation.verdicts import (
    entries,
    part,
    refuse_or_wait,
    rejected,
    unread,
    waiting,
)

SEGMENTS = "/rest/dmpSegments"
MEMBERS = Identifiers(
    "linkedin",
    {"SHA256_EMAIL": "email", "GOOGLE_AID": "google_aid", "country": "country"},
    alternatives=(frozenset({"SHA256_EMAIL"}), frozenset({"GOOGLE_AID"})),
    removal=("SHA256_EMAIL", "GOOGLE_AID"),
)
IDS = ("SHA256_EMAIL", "GOOGLE_AID")
QUOTED_ACCOUNT = "urn%3Ali%3AsponsoredAccount%3A{ACCOUNT}"
# A new segment is not there at once; LinkedIn asks for five seconds.
LOOKS = (5, 5, 10, 20)
WORDS = {
    "http_400": "LinkedIn cannot read an identifier",
    "ACCESS_DENIED": "The token may not manage the segments of this ad account",
    "INVALID_ACCESS_TOKEN": "The access token is wrong",
    "EXPIRED_ACCESS_TOKEN": "The access token has expired",
    "REVOKED_ACCESS_TOKEN": "The access token was revoked",
    "NONEXISTENT_VERSION": "LinkedIn has retired this version of its API",
    "RESOURCE_NOT_FOUND": "LinkedIn has no such segment",
}
MEANINGS = (
    Meaning(
        "barred",
        (400, 426),
        ("NONEXISTENT_VERSION",),
        "LinkedIn keeps a version of its API for a year: set LINKEDIN_VERSION to a recent month",
    ),
)


def element(action: str, row: Row) -> dict[str, Any]:
    """Return one user as LinkedIn takes them; ``action`` is ADD or REMOVE."""
    ids = [{"idType": key, "idValue": row[key]} for key in IDS if key in row]
    country = {"country": row["country"]} if "country" in row else {}
    return {"action": action, "userIds": ids, **country}


class LinkedIn:
    """LinkedIn's Marketing API."""

    slug = "linkedin"
    label = "LinkedIn"
    base_url = "https://api.linkedin.com"
    meanings = MEANINGS
    oauth = OAuth(token_url="https://www.linkedin.com/oauth/v2/accessToken")
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token with rw_dmp_segments", secret=True, required=False),
        Setting("ACCOUNT", "number of the ad account"),
        Setting("VERSION", "API version, a month", required=False, default="202610"),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "segment_users",
            modes=("audience",),
            # 600 requests a minute per member of the account.
            limits=Limits(rows=5_000, bytes=1_000_000, requests_per_second=9, concurrency=4),
            match=("email", "google_aid"),
            fields=MEMBERS.columns,
            hashed=MEMBERS.hashed,
            probe=Probe(
                Request("GET", f"{SEGMENTS}?q=account&account={QUOTED_ACCOUNT}&count=1"),
                needs=("rw_dmp_segments",),
            ),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        return {
            "Authorization": f"Bearer {settings['TOKEN']}",
            "LinkedIn-Version": settings.get("VERSION") or "202610",
            "X-Restli-Protocol-Version": "2.0.0",
        }

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the segment by its name, the audience's label, or create it and wait for it."""
        name = label or audience
        account = f"urn:li:sponsoredAccount:{settings['ACCOUNT']}"
        start = 0
        while True:
            params = {"q": "account", "account": account, "start": str(start), "count": "100"}
            response = yield Request("GET", SEGMENTS, params=params)
            answer = response.json()
            if not response.ok or not isinstance(answer, dict):
                raise Refused(*complaint_of(response, WORDS))
            found = entries(answer, "elements")
            for segment in found:
                if segment.get("name") == name and segment.get("type") == "USER":
                    return str(segment["id"])
            if len(found) < 100:
                break
            start += len(found)
        segment = {
            "name": name,
            "type": "USER",
            "account": account,
            "sourcePlatform": "API",
            "accessPolicy": "PRIVATE",
            "destinations": [{"destination": "LINKEDIN"}],
        }
        # Sent again after a lost answer it would make a second segment of the same name.
        response = yield Request("POST", SEGMENTS, json=segment, repeatable=False)
        told = part({"answer": response.json()}, "answer").get("id")
        created = response.headers.get("x-restli-id") or told
        if not response.ok or not created:
            raise Refused(*complaint_of(response, WORDS))
        return (yield from _when_there(str(created)))

    def converse(self, batch: Batch) -> Conversation:
        """Add users to the segment, or remove them from it."""
        if batch.audience is None:
            raise ValueError("segment_users needs an audience")
        path = f"{SEGMENTS}/{batch.audience.channel_id}/users"
        return (
            yield from MEMBERS.exchange(
                batch,
                add=lambda rows: _send("ADD", path, rows),
                remove=lambda rows: _send("REMOVE", path, rows),
            )
        )


def _when_there(segment: str) -> Preparation:
    for wait in LOOKS:
        response = yield Request("GET", f"{SEGMENTS}/{segment}", wait_before=wait)
        if response.ok:
            return segment
    reason = "LinkedIn does not show the new segment yet; the next run finds it."
    raise Refused("not_there_yet", reason)


def _send(action: str, path: str, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    """Send users once and read the answer to each, by position."""
    if not rows:
        return []
    records = [record for record, _ in rows.values()]
    content = {"elements": [element(action, row) for _, row in rows.values()]}
    headers = {"X-RestLi-Method": "BATCH_CREATE"}
    response = yield Request("POST", path, json=content, headers=headers)
    answer = response.json()
    if not response.ok:
        return refuse_or_wait(records, response, *complaint_of(response, WORDS))
    results = answer.get("elements") if isinstance(answer, dict) else None
    if not isinstance(results, list) or len(results) != len(records):
        return unread(records, response)
    return [_verdict(record, result) for record, result in zip(records, results, strict=True)]


def _verdict(record: Record, result: Any) -> Verdict:
    status = result.get("status") if isinstance(result, dict) else None
    if isinstance(status, int) and 200 <= status < 300:
        return Verdict(record.key, "acknowledged")
    if not isinstance(status, int):
        return waiting([record], "no_status", "LinkedIn does not say what became of it.")[0]
    code, reason = complaint_in(result.get("error") or result, status, WORDS)
    if status in (400, 409, 422):
        return rejected(record, code, reason)
    return waiting([record], code, reason)[0]


destination: Destination = LinkedIn()

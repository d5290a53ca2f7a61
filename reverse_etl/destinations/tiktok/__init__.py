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

from collections.abc import Mapping

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import (
    ChannelObject,
    Destination,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import Conversation, Preparation, Refused, Request, Response
from reverse_etl.conversation.verdicts import entries, part
from reverse_etl.destinations.tiktok.answers import MEANINGS, read
from reverse_etl.destinations.tiktok.files import (
    AUDIENCES,
    NOBODY,
    SEVERAL_KINDS,
    apply,
    as_file,
    upload,
)
from reverse_etl.destinations.tiktok.identifiers import MEMBERS
from reverse_etl.destinations.tiktok.streaming import stream

STREAMED = "streamed_members"


def _complaint(response: Response) -> str:
    """Return what is wrong in an answer of 200."""
    try:
        read(response)
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
    meanings = MEANINGS
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
            data = read((yield Request("GET", f"{AUDIENCES}/list/", params=params)))
            for found in entries(data, "list"):
                if found.get("name") == name and found.get("audience_id"):
                    return str(found["audience_id"])
            if page >= int(part(data, "page_info").get("total_page") or 1):
                break
            page += 1
        if object_name == STREAMED:
            reason = f"TikTok has no audience '{name}'; make one that is streamed to, of this name."
            raise Refused("no_audience", reason)
        data = read((yield upload(as_file([NOBODY]), settings)))
        creation = {
            "advertiser_id": settings["ADVERTISER"],
            "custom_audience_name": name,
            "calculate_type": SEVERAL_KINDS,
            "file_paths": [str(data.get("file_path"))],
        }
        # Sent again after a lost answer it would make a second audience of the same name.
        path = f"{AUDIENCES}/create/"
        created = read((yield Request("POST", path, json=creation, repeatable=False)))
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
                    add=lambda rows: stream("add", batch, rows),
                    remove=lambda rows: stream("delete", batch, rows),
                )
            )
        return (
            yield from MEMBERS.exchange(
                batch,
                add=lambda rows: apply("APPEND", batch, rows),
                remove=lambda rows: apply("REMOVE", batch, rows),
            )
        )


destination: Destination = TikTok()

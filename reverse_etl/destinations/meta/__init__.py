"""Meta custom audiences: members are added and removed as rows of hashed identifiers.

Requires an access token with ``ads_management`` in ``META_TOKEN`` and the ad account's number in
``META_AD_ACCOUNT``; the account must have accepted the custom audience terms. Identifiers are
normalised and hashed here; nothing that names a person leaves in clear. Meta answers with counts,
never per row, and applies changes within a day. It tells nobody whom an audience holds; ``seamline
sync --select meta_audience_members --replace`` sends each as a whole, in a session that replaces
what it had.

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

from collections.abc import Iterable, Mapping
from typing import Any

from reverse_etl.channel.batch import Batch
from reverse_etl.channel.destination import (
    ChannelObject,
    Limits,
    Probe,
    Setting,
)
from reverse_etl.channel.exchange import Conversation, Preparation, Refused, Request, Response
from reverse_etl.channel.inspection import Granted
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import entries, part
from reverse_etl.destinations.meta.answers import MEANINGS, WORDS
from reverse_etl.destinations.meta.rows import (
    MEMBERS,
    remove,
    send,
    session_id,
    version,
)
from reverse_etl.destinations.meta.sessions import replace_members


class Meta:
    """Meta's Marketing API."""

    slug = "meta"
    label = "Meta"
    base_url = "https://graph.facebook.com"
    meanings = MEANINGS
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
            replaces=True,
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
        path = f"/{version(settings)}/act_{account}/customaudiences"
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
        path = f"/{version(batch.settings)}/{batch.audience.channel_id}/users"
        session = session_id(batch.batch_id)
        return (
            yield from MEMBERS.exchange(
                batch,
                add=lambda rows: send("POST", path, session, rows),
                remove=lambda rows: remove(path, session, rows),
            )
        )

    def scopes(self, settings: Mapping[str, str]) -> Granted:
        """Return what the token's user was granted."""
        answer = _must((yield Request("GET", f"/{version(settings)}/me/permissions")))
        found = entries(answer, "data")
        return [str(each.get("permission")) for each in found if each.get("status") == "granted"]

    def replace(self, batches: Iterable[Batch], total: int) -> Conversation:
        """Put a whole audience in the place of what Meta has of it."""
        return replace_members(batches, total)


def _must(response: Response) -> Mapping[str, Any]:
    """Return the answer to a request without which an audience cannot be prepared."""
    answer = response.json()
    if response.ok and isinstance(answer, dict) and "error" not in answer:
        return answer
    raise Refused(*complaint_of(response, WORDS))


destination = Meta()

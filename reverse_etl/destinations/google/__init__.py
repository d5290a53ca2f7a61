"""Google Customer Match: members of user lists, through the Data Manager API.

Requires the number of the Google Ads account in ``GOOGLE_ACCOUNT`` (``GOOGLE_LOGIN_ACCOUNT`` too,
where a manager account holds the access) and the scope ``datamanager``, by a service account's key
file in ``GOOGLE_SERVICE_ACCOUNT``, a refresh token, or an access token in ``GOOGLE_TOKEN``. E-mail
addresses, phone numbers and names leave hashed; Google wants country and postcode in clear. It
takes a request at once and works it off later: what it could not take is asked for and kept.

    exposures:
      - name: google_audience_members
        type: application
        owner: {name: Marketing, email: marketing@example.com}
        depends_on: [ref('sync_google_audience_members')]
        config:
          meta:
            sync:
              destination: google
              object: customer_match_members
              mode: audience
              key: [person_id]
              match: [email, phone]
              purpose: advertising
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
)
from reverse_etl.channel.oauth import OAuth
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import (
    entries,
)
from reverse_etl.destinations.google.members import MEMBERS, account
from reverse_etl.destinations.google.requests import WORDS, submit

LONGEST_MEMBERSHIP = f"{540 * 24 * 60 * 60}s"


def _lists(settings: Mapping[str, str]) -> str:
    return (
        f"/accountTypes/GOOGLE_ADS/accounts/{account(settings['ACCOUNT'])['accountId']}/userLists"
    )


class Google:
    """Google's Data Manager API."""

    slug = "google"
    label = "Google Customer Match"
    base_url = "https://datamanager.googleapis.com/v1"
    oauth = OAuth(
        token_url="https://oauth2.googleapis.com/token",
        scope="https://www.googleapis.com/auth/datamanager",
    )
    settings: tuple[Setting, ...] = (
        Setting("TOKEN", "access token with the scope datamanager", secret=True, required=False),
        Setting("ACCOUNT", "number of the Google Ads account that owns the lists"),
        Setting("LOGIN_ACCOUNT", "number of the manager account with access", required=False),
        Setting("QUOTA_PROJECT", "Google Cloud project that is charged", required=False),
        Setting(
            "CONSENT",
            "what everybody in these audiences has said to ads: CONSENT_GRANTED, or "
            "CONSENT_STATUS_UNSPECIFIED where the purpose does not rest on consent",
        ),
    )
    objects: tuple[ChannelObject, ...] = (
        ChannelObject(
            "customer_match_members",
            modes=("audience",),
            # 10,000 members; 300 requests a minute, each polled, for the whole project.
            limits=Limits(rows=10_000, bytes=1_000_000, requests_per_second=4, concurrency=4),
            match=("email", "phone"),
            fields=MEMBERS.columns,
            hashed=MEMBERS.hashed,
            probe=Probe(
                Request(
                    "GET",
                    "/accountTypes/GOOGLE_ADS/accounts/{ACCOUNT}/userLists",
                    params={"pageSize": "1"},
                ),
                needs=("the scope datamanager, and access to the account",),
            ),
        ),
    )

    def headers(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of every request."""
        headers = {"Authorization": f"Bearer {settings['TOKEN']}"}
        if settings.get("QUOTA_PROJECT"):
            headers["x-goog-user-project"] = settings["QUOTA_PROJECT"]
        return headers

    def prepare(
        self, object_name: str, audience: str, label: str, settings: Mapping[str, str]
    ) -> Preparation:
        """Find the user list by its name, the audience's label, or create it."""
        name = label or audience
        login = settings.get("LOGIN_ACCOUNT", "").replace("-", "")
        headers = {"login-account": f"accountTypes/GOOGLE_ADS/accounts/{login}"} if login else {}
        params = {"pageSize": "100"}
        while True:
            answer = _must((yield Request("GET", _lists(settings), params=params, headers=headers)))
            for found in entries(answer, "userLists"):
                if found.get("displayName") == name and not found.get("readOnly"):
                    return str(found["id"])
            if not answer.get("nextPageToken"):
                break
            params = {**params, "pageToken": str(answer["nextPageToken"])}
        user_list = {
            "displayName": name,
            "membershipStatus": "OPEN",
            "membershipDuration": LONGEST_MEMBERSHIP,
            "ingestedUserListInfo": {
                "uploadKeyTypes": ["CONTACT_ID"],
                "contactIdInfo": {"dataSourceType": "DATA_SOURCE_TYPE_FIRST_PARTY"},
            },
        }
        # Sent again after a lost answer it would make a second list of the same name.
        created = _must(
            (
                yield Request(
                    "POST", _lists(settings), json=user_list, headers=headers, repeatable=False
                )
            )
        )
        return str(created["id"])

    def converse(self, batch: Batch) -> Conversation:
        """Add members to the user list, or remove them from it."""
        if batch.audience is None:
            raise ValueError("customer_match_members needs an audience")
        return (
            yield from MEMBERS.exchange(
                batch,
                add=lambda rows: submit("ingest", batch, rows),
                remove=lambda rows: submit("remove", batch, rows),
            )
        )


def _must(response: Response) -> Mapping[str, Any]:
    """Return the answer to a request without which a list cannot be prepared."""
    answer = response.json()
    if response.ok and isinstance(answer, dict):
        return answer
    raise Refused(*complaint_of(response, WORDS))


destination: Destination = Google()

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
from reverse_etl.channel.oauth import OAuth
from reverse_etl.conversation.members import Identifiers, Row, Rows
from reverse_etl.conversation.verdicts import (
    acknowledged,
    entries,
    part,
    readable,
    refuse_or_wait,
    rejected,
    unread,
    waiting,
)

ADDRESS = ("givenName", "familyName", "regionCode", "postalCode")
MEMBERS = Identifiers(
    "google",
    {
        "emailAddress": "email",
        "phoneNumber": "phone",
        "givenName": "first_name",
        "familyName": "last_name",
        "regionCode": "country",
        "postalCode": "postcode",
    },
    # An address is one identifier: all of it, or none.
    alternatives=(
        frozenset({"emailAddress"}),
        frozenset({"phoneNumber"}),
        frozenset(ADDRESS),
    ),
    removal=("emailAddress", "phoneNumber", *ADDRESS),
)
LONGEST_MEMBERSHIP = f"{540 * 24 * 60 * 60}s"
# Google works small requests off in minutes, large ones in hours; a run does not wait for those.
POLLS = (2, 5, 10, 15, 30, 60, 60, 60, 60)


def member(row: Row) -> dict[str, Any]:
    """Return one person as Google takes them: each identifier by itself, the address as a whole."""
    identifiers: list[dict[str, Any]] = [
        {key: row[key]} for key in ("emailAddress", "phoneNumber") if key in row
    ]
    if set(ADDRESS) <= set(row):
        identifiers.append({"address": {key: row[key] for key in ADDRESS}})
    return {"userData": {"userIdentifiers": identifiers}}


def _account(number: str) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": number.replace("-", "")}


def _lists(settings: Mapping[str, str]) -> str:
    return (
        f"/accountTypes/GOOGLE_ADS/accounts/{_account(settings['ACCOUNT'])['accountId']}/userLists"
    )


def _error(response: Response) -> tuple[str, str]:
    error = part(response.json(), "error")
    code = str(error.get("status") or f"http_{response.status}")
    return code, readable(error.get("message") or f"Google answered {response.status}.")


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
                add=lambda rows: _send("ingest", batch, rows),
                remove=lambda rows: _send("remove", batch, rows),
            )
        )


def body(verb: str, batch: Batch, rows: Rows) -> dict[str, Any]:
    """Return the request that adds (``ingest``) or removes (``remove``) members."""
    assert batch.audience is not None
    settings = batch.settings
    destination = {
        "operatingAccount": _account(settings["ACCOUNT"]),
        "productDestinationId": batch.audience.channel_id,
    }
    if settings.get("LOGIN_ACCOUNT"):
        destination["loginAccount"] = _account(settings["LOGIN_ACCOUNT"])
    content: dict[str, Any] = {
        "destinations": [destination],
        "audienceMembers": [member(row) for _, row in rows.values()],
        "encoding": "HEX",
    }
    if verb == "ingest":
        said = settings["CONSENT"]  # never assumed: who owns the lists has to state it
        content["consent"] = {"adUserData": said, "adPersonalization": said}
        content["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    return content


def _send(verb: str, batch: Batch, rows: Rows) -> Generator[Request, Response, list[Verdict]]:
    """Submit members once, and follow the request to its end, or for as long as a run waits."""
    if not rows:
        return []
    records = [record for record, _ in rows.values()]
    path = f"/audienceMembers:{verb}"
    response = yield Request("POST", path, json=body(verb, batch, rows), remembered=True)
    answer = response.json()
    if not isinstance(answer, dict) or (response.ok and not answer.get("requestId")):
        return unread(records, response)
    if not response.ok:
        return refuse_or_wait(records, response, *_error(response))
    return (yield from _follow(str(answer["requestId"]), records))


def _follow(request: str, records: list[Record]) -> Generator[Request, Response, list[Verdict]]:
    params = {"requestId": request}
    for wait in POLLS:
        response = yield Request("GET", "/requestStatus:retrieve", params=params, wait_before=wait)
        found = next(iter(entries(response.json(), "requestStatusPerDestination")), {})
        status = found.get("requestStatus")
        if not response.ok or not status:
            return waiting(records, f"http_{response.status}", "The request cannot be followed.")
        if status == "SUCCESS":
            return list(acknowledged(records))
        if status in ("FAILED", "PARTIAL_SUCCESS"):
            return _failures(records, status, entries(part(found, "errorInfo"), "errorCounts"))
    reason = "Google took it, and was still working it off when the run ended."
    return [Verdict(record.key, "acknowledged", "still_processing", reason) for record in records]


def _failures(records: list[Record], status: str, counts: list[dict[str, Any]]) -> list[Verdict]:
    """Return verdicts by the positions that Google names.

    Raises:
        Refused: it failed some and names none, so that halving must find them.
    """
    blamed: dict[int, str] = {}
    for count in counts:
        reason = str(count.get("reason") or "UNKNOWN").removeprefix("PROCESSING_ERROR_REASON_")
        indices = count.get("recordIndices")
        for index in indices if isinstance(indices, list) else []:
            blamed[int(index)] = reason
    reasons = ", ".join(sorted({str(c.get("reason")) for c in counts})) or "no reason given"
    if status == "PARTIAL_SUCCESS" and not blamed:
        raise Refused("partial_success", f"Google could not take some of these members: {reasons}")
    verdicts = []
    for index, record in enumerate(records):
        if index in blamed:
            words = blamed[index].replace("_", " ").lower()
            verdicts.append(rejected(record, blamed[index], f"Google refused it: {words}."))
        elif status == "FAILED":
            verdicts += waiting([record], "failed", f"Google failed the whole request: {reasons}.")
        else:
            verdicts.append(Verdict(record.key, "acknowledged"))
    return verdicts


def _must(response: Response) -> Mapping[str, Any]:
    """Return the answer to a request without which a list cannot be prepared."""
    answer = response.json()
    if response.ok and isinstance(answer, dict):
        return answer
    raise Refused(*_error(response))


destination: Destination = Google()

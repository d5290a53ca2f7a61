"""What Google is sent of members: identifiers, each by itself, and what was said to ads."""

from __future__ import annotations

from typing import Any

from reverse_etl.channel.batch import Batch
from reverse_etl.conversation.members import Identifiers, Row, Rows

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


def member(row: Row) -> dict[str, Any]:
    """Return one person as Google takes them: each identifier by itself, the address as a whole."""
    identifiers: list[dict[str, Any]] = [
        {key: row[key]} for key in ("emailAddress", "phoneNumber") if key in row
    ]
    if set(ADDRESS) <= set(row):
        identifiers.append({"address": {key: row[key] for key in ADDRESS}})
    return {"userData": {"userIdentifiers": identifiers}}


def account(number: str) -> dict[str, str]:
    """Return an account as Google names it."""
    return {"accountType": "GOOGLE_ADS", "accountId": number.replace("-", "")}


def body(verb: str, batch: Batch, rows: Rows) -> dict[str, Any]:
    """Return the request that adds (``ingest``) or removes (``remove``) members."""
    assert batch.audience is not None
    settings = batch.settings
    destination = {
        "operatingAccount": account(settings["ACCOUNT"]),
        "productDestinationId": batch.audience.channel_id,
    }
    if settings.get("LOGIN_ACCOUNT"):
        destination["loginAccount"] = account(settings["LOGIN_ACCOUNT"])
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

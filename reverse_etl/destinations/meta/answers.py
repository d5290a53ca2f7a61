"""What Meta's error codes mean; it sends most of them with the status 400."""

from __future__ import annotations

from reverse_etl.channel.meaning import Meaning

STATUSES = (400, 401, 403)
TERMS = "accept Meta's custom audience terms for the ad account, in Audience Manager"
MEANINGS = (
    Meaning(
        "busy",
        STATUSES,
        ("4", "17", "32", "613", "80000", "80003", "80004"),
        "Meta counts too many requests of this app, user or ad account",
    ),
    Meaning("unknown", STATUSES, ("102", "104", "190")),
    # The audience would become too small: it is no permission that is lacking.
    Meaning("readable", STATUSES, ("200/1870047",)),
    Meaning("barred", STATUSES, ("200/1870034",), TERMS),
    Meaning("barred", STATUSES, ("3", "10", "294", *map(str, range(200, 300)))),
)
WORDS = {
    "1": "Meta has trouble of its own",
    "2": "Meta has trouble of its own",
    "4": "Meta counts too many requests of this app",
    "10": "The app may not do this",
    "17": "Meta counts too many requests of this user",
    "100": "Meta does not take a value of the request",
    "100/33": "The audience is not there, or the token's user has no part in its ad account",
    "100/1713230": "Meta has closed the audience for edits; appeal in Audience Manager",
    "190": "The access token is wrong, has expired or was revoked",
    "200": "The token may not manage the audiences of this ad account",
    "200/1870034": "Nobody has accepted Meta's custom audience terms for this ad account",
    "200/1870047": "The audience would become too small",
    "294": "The app may not manage ads",
}

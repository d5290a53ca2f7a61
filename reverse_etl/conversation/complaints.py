"""What a vendor's error body says: its code, and a reason in words that a marketer understands.

Vendors write errors in a handful of shapes; what differs is the names. All of these are read:

    {"code": …, "message": …}                        HubSpot, Braze, Iterable, Attio, Slack
    {"title": …, "detail": …}                        problem+json: Mailchimp
    {"errors": [{"code": …, "detail": …, …}]}        Klaviyo, Intercom, SendGrid, ActiveCampaign
    {"error": {"code": …, "message": …}}             Meta, which has an error_subcode as well
    {"error": {"status": …, "message": …}}           Google, whose code repeats the HTTP status
    {"serviceErrorCode": …, "message": …}            LinkedIn, which may have a code as well
    {"error": "Code", "description": …}              Zendesk
    [{"errorCode": …, "message": …}]                 Salesforce
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reverse_etl.channel.batch import Record
from reverse_etl.channel.exchange import Response, Verdict
from reverse_etl.conversation.verdicts import readable, refuse_or_wait, unread

# The first of each that is there counts.
CODES = (
    *("code", "category", "errorCode", "error_code", "statusCode", "serviceErrorCode"),
    *("reason", "title", "type", "id"),
)
WORDS = (
    *("error_user_msg", "detail", "message", "description", "msg", "reason", "title", "error"),
)
PLACES = ("field", "parameter", "pointer", "property")
GENERAL = {
    400: "The channel cannot read the request.",
    401: "The channel does not accept the credentials.",
    403: "The credentials are not allowed to do this.",
    404: "The channel has nothing at this address.",
    409: "The record is being changed by somebody else, or exists already.",
    413: "The request is too large.",
    422: "The channel finds a value unacceptable.",
    429: "The channel asks for fewer requests.",
}

REFUSED = {
    400: "The channel does not take it as it is",
    404: "The channel does not have what it is about",
    409: "The channel has something that contradicts it",
    413: "The channel finds it too large",
}


def complaint_of(response: Response, words: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return code and reason of an answer that is no success.

    ``words`` are a channel's codes in a marketer's words; the vendor's own follow them, for who has
    to look further. A code that has none is put into words by the status. Without a body that can
    be read, the code is ``http_<status>``.
    """
    return complaint_in(response.json(), response.status, words)


def complaint_in(
    answer: Any, status: int, words: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """Return code and reason of what is parsed already, or is about one record of many."""
    error = _first_error(answer)
    code = str(_first(error, CODES) or f"http_{status}")
    if error.get("error_subcode"):
        code += f"/{error['error_subcode']}"
    said = _first(error, WORDS) or (answer if isinstance(answer, str) else "")
    place = _first(error, PLACES) or _first(_mapping(error.get("source")), PLACES)
    detail = f"{place}: {said}" if place and said and str(place) not in str(said) else str(said)
    general = GENERAL.get(status, f"The channel answered {status}.")
    reason = worded(code, detail, words or {}) or general
    if words is not None and detail and reason == detail:
        # A code that nobody has put into words yet.
        reason = f"{REFUSED.get(status, REFUSED[400])} ({detail})"
    return readable(code), readable(reason)


def worded(code: str, said: str, words: Mapping[str, str]) -> str:
    """Return a marketer's words for a code, the vendor's in brackets; the vendor's if none.

    Words for ``200`` are for ``200/1870034`` as well, if that has none of its own.
    """
    known = words.get(code) or words.get(code.partition("/")[0], "")
    return f"{known} ({said})" if known and said and said != code else known or said


def refusal(
    records: Sequence[Record], response: Response, words: Mapping[str, str] | None = None
) -> list[Verdict]:
    """Return the verdicts after an answer that is no success.

    Raises:
        Refused: the channel found something wrong with the content.
    """
    if response.ok or not isinstance(response.json(), dict | list):
        return unread(records, response)
    return refuse_or_wait(records, response, *complaint_of(response, words))


def _first_error(answer: Any) -> Mapping[str, Any]:
    """Return the object that describes the first error, whatever it is wrapped in."""
    if isinstance(answer, list):
        return _mapping(answer[0] if answer else None)
    outer = _mapping(answer)
    listed = outer.get("errors")
    if isinstance(listed, list) and listed:
        first = listed[0]
        inner = _mapping(first) if isinstance(first, Mapping) else {"message": first}
        # HubSpot lists details beside the sentence; the sentence says it better.
        return {**inner, **_described(outer)} if _described(outer) else inner
    if isinstance(outer.get("error"), Mapping):
        inner = _mapping(outer["error"])
        named = inner.get("status")
        return {**inner, "code": named} if named and isinstance(named, str) else inner
    if isinstance(outer.get("error"), str) and _first(outer, ("description", "message", "msg")):
        return {"code": outer["error"], **outer}
    return outer


def _described(outer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the outer object says itself, where it has both a code and a sentence."""
    described = {name: outer[name] for name in ("category", "code", "message") if outer.get(name)}
    return described if "message" in described and len(described) > 1 else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(error: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    found = (error.get(name) for name in names)
    return next((value for value in found if value and isinstance(value, str | int)), "")

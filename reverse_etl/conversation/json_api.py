"""JSON:API documents: pages with cursors, and errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reverse_etl.channel.exchange import Refused, Response
from reverse_etl.conversation.complaints import complaint_of
from reverse_etl.conversation.verdicts import part


def must(response: Response, words: Mapping[str, str] | None = None) -> Any:
    """Return the data of an answer without which one cannot go on.

    Raises:
        Refused: it is an error, or no document.
    """
    answer = response.json()
    if response.ok and isinstance(answer, dict) and "data" in answer:
        return answer["data"]
    raise Refused(*complaint_of(response, words))


def is_page(answer: Any) -> bool:
    """Whether a document is a page of resources."""
    return isinstance(answer, dict) and isinstance(answer.get("data"), list)


def next_cursor(answer: Mapping[str, Any]) -> str:
    """Return the cursor of the next page, ``""`` on the last one."""
    link = part(answer, "links").get("next")
    return parse_qs(urlsplit(link if isinstance(link, str) else "").query).get(
        "page[cursor]", [""]
    )[0]

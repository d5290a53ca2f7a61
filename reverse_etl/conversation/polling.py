"""Jobs that channels work off later: asked after, ever less often, until they are over."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from reverse_etl.channel.exchange import Request, Response

# Waits add up to about ten minutes; the job goes on at the channel all the same.
WAITS = (0.2, 0.4, 0.8, 1.6, 3.2, *([5.0] * 120))


def follow(
    path: str, is_over: Callable[[Any], bool]
) -> Generator[Request, Response, Response | None]:
    """Ask for ``path`` until its answer says that the job is over, and return that answer.

    An answer that is no success, or no document, is returned as well; ``None`` means that the job
    was still going on after ten minutes.
    """
    for wait in WAITS:
        response = yield Request("GET", path, wait_before=wait)
        answer = response.json()
        if not response.ok or not isinstance(answer, dict) or is_over(answer):
            return response
    return None

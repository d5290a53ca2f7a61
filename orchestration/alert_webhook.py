"""Alerts to Slack, or to any webhook that takes ``{"text": …}``.

``SEAMLINE_ALERT_URL`` holds the address, which is a secret: it is in no message, log or cursor.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import urllib3

ADDRESS = "SEAMLINE_ALERT_URL"


class AlertNotDeliveredError(Exception):
    """The webhook did not take the alert; the sensor's tick fails and says so."""


def send(address: str, content: dict[str, Any]) -> None:
    """Post to a webhook; a moment's trouble is waited out.

    Raises:
        AlertNotDeliveredError: it was not taken. The message does not name the address.
    """
    import urllib3  # noqa: PLC0415

    try:
        response = _pool().request(
            "POST",
            address,
            body=orjson.dumps(content),
            headers={"content-type": "application/json"},
        )
    except urllib3.exceptions.HTTPError as error:
        raise AlertNotDeliveredError(f"{ADDRESS}: {type(error).__name__}") from None
    if response.status >= 300:
        raise AlertNotDeliveredError(f"{ADDRESS}: the webhook answered {response.status}")


@cache
def _pool() -> urllib3.PoolManager:
    import urllib3  # noqa: PLC0415

    retries = urllib3.Retry(
        total=3,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=None,
        redirect=0,
        raise_on_status=False,
    )
    return urllib3.PoolManager(timeout=10, retries=retries)

"""When something happened, in the forms that channels take. A time without a zone is UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(text: str | None) -> datetime | None:
    """Return the instant that a column's text names; ``None`` where it is empty or no instant."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def iso(text: str | None) -> str | None:
    """Return it as ISO 8601 in UTC, to the millisecond where it is not a whole second."""
    found = instant(text)
    if found is None:
        return None
    precision = "milliseconds" if found.microsecond else "seconds"
    return found.isoformat(timespec=precision).replace("+00:00", "Z")


def unix(text: str | None) -> int | None:
    """Return it in whole seconds since 1970."""
    found = instant(text)
    return None if found is None else int(found.timestamp())

"""Random visits to the site as a loader would land them: people known and new, old and odd."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from tests.extracts import read_rows, write_rows

_TABLES = ("pages", "product_viewed", "product_added", "checkout_started", "order_completed")


class Visits:
    """A source of visits, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._number = 0
        self._seeds = {table: read_rows("web", table) for table in (*_TABLES, "identifies")}

    def write(self, folder: Path, until: datetime, count: int) -> None:
        """Write ``count`` messages that arrive in the hour before ``until``, and a few forms."""
        for table in _TABLES:
            rows = [self._message(table, until) for _ in range(count // len(_TABLES))]
            write_rows(folder, "web", table, *rows)
        write_rows(folder, "web", "identifies", *(self._form(until) for _ in range(count // 6)))

    def write_again(self, folder: Path, until: datetime, count: int) -> None:
        """Write ``count`` visits of nobody but who was seen before, as they were seen."""
        for table in _TABLES:
            rows = [self._stamped(table, until, odd=0.0) for _ in range(count // len(_TABLES))]
            write_rows(folder, "web", table, *rows)

    def _message(self, table: str, until: datetime) -> dict[str, str]:
        row = self._stamped(table, until)
        row["anonymous_id"] = self._one("anonymous_id", new=0.3)
        row["user_id"] = self._one("user_id", none=0.7)
        if "cart_id" in row:
            row["cart_id"] = self._one("cart_id", of="product_added", none=0.1, new=0.4)
        if self._happens(0.05):
            row["anonymous_id"] = self._random.choice(["null", "", " anonymous "])
        if self._happens(0.05):
            row["timestamp"] = "not a time"
        return row

    def _form(self, until: datetime) -> dict[str, str]:
        """A form: now and then with the address of somebody else."""
        row = self._stamped("identifies", until)
        row["anonymous_id"] = self._one("anonymous_id", new=0.3)
        row["user_id"] = self._one("user_id", none=0.5, new=0.2)
        row["email"] = self._one("email", of="identifies", none=0.3)
        row["phone"] = self._one("phone", of="identifies", none=0.5)
        return row

    def _stamped(self, table: str, until: datetime, odd: float = 0.1) -> dict[str, str]:
        """A message of the seeds at another time; now and then days late, or one seen before."""
        row = dict(self._random.choice(self._seeds[table]))
        arrived = until - timedelta(seconds=self._random.randint(1, 3600))
        happened = arrived - timedelta(
            days=self._random.randint(1, 20) if self._happens(odd) else 0
        )
        if not self._happens(odd):
            self._number += 1
            row["id"] = f"visit-{until:%d%H}-{self._number}"
        for column in ("received_at", "uuid_ts"):
            row[column] = f"{arrived:%Y-%m-%dT%H:%M:%SZ}"
        row["timestamp"] = f"{happened:%Y-%m-%dT%H:%M:%SZ}"
        return row

    def _one(self, column: str, of: str = "pages", none: float = 0.0, new: float = 0.0) -> str:
        if self._happens(none):
            return ""
        if self._happens(new):
            return f"new-{column}-{self._random.randint(1, 30)}"
        rows: list[Mapping[str, str]] = list(self._seeds[of])
        return self._random.choice(rows)[column]

    def _happens(self, share: float) -> bool:
        return self._random.random() < share

"""What of a row may be shown where anybody may read it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from reverse_etl.contract.manifest import Manifest
from reverse_etl.identity.masking import mask


class Shown:
    """Writes values; in clear only for whoever asked for it.

    Numbers, times and truth values say how somebody behaves, keys say nothing to whoever cannot
    look them up; of text only that is shown which the SQL itself compares with a word of its own,
    such as a status, or which is a word that a column of that name declares. All other text is
    masked, and so is every address wherever it stands.
    """

    def __init__(
        self,
        *,
        show_pii: bool = False,
        compared: Iterable[str] = (),
        words: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        self._show_pii = show_pii
        self._words = words
        self._compared = frozenset(compared)

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row as it may be shown, by column."""
        return {column: self._value(column, value) for column, value in row.items()}

    def _value(self, column: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return value.strftime("%Y-%m-%d %H:%M:%S")
        if value is None or isinstance(value, bool | int | float):
            return value
        text = str(value)
        if self._show_pii or not isinstance(value, str):
            return text
        is_word = text in self._words.get(column.rpartition(".")[2], ())
        is_open = is_word or column.endswith("_id") or column in self._compared
        is_address = "@" in text or text.startswith("+")
        return text if is_open and not is_address else mask(text)


def compared_columns(conditions: Iterable[exp.Expr]) -> set[str]:
    """Return the columns that conditions compare with words of their own, as ``table.column``."""
    found = set()
    for condition in conditions:
        for test in condition.find_all(exp.EQ, exp.NEQ, exp.In):
            if any(literal.is_string for literal in test.find_all(exp.Literal)):
                found |= {f"{c.table}.{c.name}" for c in test.find_all(exp.Column)}
    return found


def declared_words(manifest: Manifest) -> dict[str, set[str]]:
    """Return the words that columns may hold by their contracts, by the columns' names.

    They are those of dbt's ``accepted_values``: the project's own, and nobody's.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for node in manifest.nodes.values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "accepted_values":
            found[node["column_name"]] |= {str(word) for word in test["kwargs"]["values"]}
    return dict(found)

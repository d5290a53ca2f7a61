"""Records at a channel that no row of ours stands for: how they are remembered and recognised."""

from __future__ import annotations

from reverse_etl.warehouse.dialect import Dialect, literal

FOREIGN = "at the channel: "  # and a hash: the key of a record that no row of ours stands for


def comparable(dialect: Dialect, document: str, column: str) -> str:
    """Return the expression of a match key as records are found by it: trimmed, small letters."""
    return f"nullif(lower(trim({dialect.json_text(document, column)})), '')"


def foreign_key(dialect: Dialect, identity: str) -> str:
    """Return the key under which a record of somebody we do not send is remembered."""
    return f"{literal(FOREIGN)} || {dialect.sha256(identity)}"

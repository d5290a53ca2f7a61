"""The sets of a batch: whose rows are touched, each set a table of keys beside what is touched."""

from __future__ import annotations

from collections.abc import Sequence

from orchestration.increment.session import TOUCHED, Session

SETS = f"{TOUCHED}.sets"
RECORD_NODE = "'record:' || source_name || '/' || source_id"
NODE = "identifier_type || ':' || identifier_value"
_RECORD = ("source_name", "source_id")
_IDENTIFIER = ("identifier_type", "identifier_value")
_IDENTIFIER_OF_NODE = ("split_part(node_id, ':', 1)", "substr(node_id, 1 + strpos(node_id, ':'))")


def keys(relation: str, key: str) -> str:
    """Return a query of keys to look for among many rows.

    DuckDB sifts rows by a Bloom filter while it reads them, and leaves the other columns of the
    rest alone. It does so for one column, and only where the keys come out of a filter themselves:
    this one keeps them all.
    """
    return f"(select {key} from {relation} where rowid >= 0)"


def of_records(records: str) -> str:
    """Return the condition that a row is of one of a set's records."""
    return _of_pairs(f"{SETS}.{records}", _RECORD, _RECORD)


def of_identifiers(identifiers: str) -> str:
    """Return the condition that a row's identifier is one of a set's."""
    return _of_pairs(f"{SETS}.{identifiers}", _IDENTIFIER, _IDENTIFIER)


def of_nodes(nodes: str) -> str:
    """Return the condition that a row's identifier is one of a set's nodes."""
    return _of_pairs(f"{SETS}.{nodes}", _IDENTIFIER, _IDENTIFIER_OF_NODE)


def _of_pairs(relation: str, columns: tuple[str, str], pair: tuple[str, str]) -> str:
    """Sift by the second of two columns, which tells more apart, before both are compared."""
    return (
        f"({columns[1]} in {keys(relation, pair[1])} "
        f"and ({', '.join(columns)}) in (select {', '.join(pair)} from {relation}))"
    )


def of_people(people: str) -> str:
    """Return the condition that a row is about one of a set's people."""
    return f"person_id in {keys(f'{SETS}.{people}', 'person_id')}"


def of_carts(carts: str) -> str:
    """Return the condition that a row is about one of a set's carts."""
    return f"cart_id in {keys(f'{SETS}.{carts}', 'cart_id')}"


def none(columns: str) -> str:
    """Return a query of no rows, with these columns."""
    return (
        "select "
        + ", ".join(f"cast(null as text) as {name}" for name in columns.split())
        + (" limit 0")
    )


def make_set(session: Session, name: str, query: str) -> None:
    """Build a set, in the place of the one of that name."""
    session.execute(f"create or replace table {SETS}.{name} as {query}")


def any_of(session: Session, name: str, relation: str, conditions: Sequence[str]) -> str:
    """Return the condition that a row of a relation meets one of these; the set keeps which do.

    Each is a look of its own, which reads the columns that it is about, where a condition of them
    all would be evaluated row by row.
    """
    looks = (f"select rowid as place from {relation} where {each}" for each in conditions)
    make_set(session, name, " union ".join(looks))
    return f"rowid in {keys(f'{SETS}.{name}', 'place')}"


def add_to(session: Session, name: str, query: str) -> None:
    """Add to a set."""
    session.execute(f"insert into {SETS}.{name} {query}")


def is_empty(session: Session, name: str) -> bool:
    """Return whether nothing is in a set."""
    return not session.rows(f"select 1 from {SETS}.{name} limit 1")

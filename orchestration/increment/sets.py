"""The sets of a batch: whose rows are touched, each set a table of keys beside what is touched."""

from __future__ import annotations

from orchestration.increment.session import TOUCHED, Session

SETS = f"{TOUCHED}.sets"
RECORD_NODE = "'record:' || source_name || '/' || source_id"
NODE = "identifier_type || ':' || identifier_value"


def of_records(records: str) -> str:
    """Return the condition that a row is of one of a set's records."""
    return f"(source_name, source_id) in (select source_name, source_id from {SETS}.{records})"


def of_nodes(nodes: str) -> str:
    """Return the condition that a row's identifier is one of a set's nodes."""
    return f"{NODE} in (select node_id from {SETS}.{nodes})"


def of_people(people: str) -> str:
    """Return the condition that a row is about one of a set's people."""
    return f"person_id in (select person_id from {SETS}.{people})"


def of_carts(carts: str) -> str:
    """Return the condition that a row is about one of a set's carts."""
    return f"cart_id in (select cart_id from {SETS}.{carts})"


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


def add_to(session: Session, name: str, query: str) -> None:
    """Add to a set."""
    session.execute(f"insert into {SETS}.{name} {query}")


def is_empty(session: Session, name: str) -> bool:
    """Return whether nothing is in a set."""
    return not session.rows(f"select 1 from {SETS}.{name} limit 1")

"""The carts that the touched have a hand in, and who else has one: a cart is of all of them."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.increment.graph import Graph
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS, add_to, make_set, of_carts, of_people


def note_hands(graph: Graph, session: Session, due: Mapping[str, str]) -> None:
    """Note who has a hand in which cart, and begin with the carts of changed events and of time.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
        due: by model, the condition on rows for which an instant has passed.
    """
    bought = " union all ".join(
        f"select cart_id, source_name, source_id from {graph.relation(model)} "
        "where cart_id is not null"
        for model in (*graph.staging("checkouts"), *graph.staging("orders"))
    )
    make_set(
        session,
        "cart_people",
        f"select cart_id, person_id from {graph.relation('int_events_attributed')} "
        "where cart_id is not null and person_id is not null "
        f"union select cart_id, person_id from ({bought}) as bought "
        f"inner join {graph.relation('person_records')} using (source_name, source_id)",
    )
    changed = [
        f"select cart_id from {graph.touched(model)} where cart_id is not null"
        for model in graph.conformed()
        if graph.entity(model) == "events"
    ]
    passed = f"select cart_id from {graph.relation('carts')} where {due.get('carts', '1 = 0')}"
    make_set(session, "carts", " union ".join([*changed, passed]))


def find_partners(session: Session) -> None:
    """Add the new people's carts, and set as ``partners`` who shares one and is not touched yet."""
    add_to(
        session,
        "carts",
        f"select distinct cart_id from {SETS}.cart_people where {of_people('new_people')} "
        f"and not {of_carts('carts')}",
    )
    make_set(
        session,
        "partners",
        f"select distinct person_id from {SETS}.cart_people where {of_carts('carts')} "
        f"and not {of_people('people_before')}",
    )

"""The events of a batch: those that changed, and all others that are read together with them."""

from __future__ import annotations

from orchestration.increment.graph import Graph
from orchestration.increment.landed import BEFORE
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS, make_set, of_carts, of_people


def find_events(graph: Graph, session: Session) -> None:
    """Set the events of the touched, of their carts, and of nobody on the devices of either.

    Each way of belonging is a look of its own: one after the other, they read a column or two of
    all events, where a condition of them all would be evaluated row by row.
    """
    known = graph.relation("int_events_attributed")
    make_set(session, "carts", f"select thing as cart_id from {SETS}.things where kind = 'cart'")
    changed = [
        f"select event_id, anonymous_id, user_id from {graph.touched(model)} union all "
        f"select event_id, anonymous_id, user_id from {BEFORE}.{model}"
        for model in graph.conformed("events")
    ]
    of_nobody = (
        f"select event_id, anonymous_id, user_id from {known} "
        f"where person_id is null and {of_carts('carts')}"
    )
    make_set(session, "changed_events", " union all ".join([*changed, of_nobody]))
    belonging = [of_people("people"), of_carts("carts")]
    belonging += [
        f"person_id is null and trim({device}) in "
        f"(select trim({device}) from {SETS}.changed_events where {device} is not null)"
        for device in ("anonymous_id", "user_id")
    ]
    looks = [
        f"select event_id, anonymous_id from {known} where {condition}" for condition in belonging
    ]
    make_set(
        session,
        "events",
        f"select event_id, anonymous_id from {SETS}.changed_events union " + " union ".join(looks),
    )

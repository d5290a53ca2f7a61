"""Whom a batch touches: everybody whose row in any table it may change, and nobody twice.

They are those who were resolved anew, whose the changed events are or were, and whose instant has
passed. Who has a hand in a cart of theirs, or in a device that they share, is touched too, until
nobody is new.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.increment.events import find_events
from orchestration.increment.graph import Graph
from orchestration.increment.hands import find_partners, note_hands
from orchestration.increment.landed import BEFORE
from orchestration.increment.mirror import Mirror
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS, add_to, is_empty, keys, make_set, none


def touch_people(graph: Graph, session: Session, mirror: Mirror, due: Mapping[str, str]) -> None:
    """Build the sets of people, carts and events that are touched.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
        mirror: who is who by now.
        due: by model, the condition on rows for which an instant has passed.
    """
    found = [f"select person_id from {SETS}.identified"]
    found += [
        f"select person_id from {graph.relation(name)} where {rows}" for name, rows in due.items()
    ]
    found += _owners(graph, mirror)
    make_set(session, "people", none("person_id"))
    make_set(
        session,
        "new_people",
        f"select person_id from ({' union '.join(found)}) as found where person_id is not null",
    )
    note_hands(graph, session, mirror, due)
    while True:  # once at least: a cart that is due has partners, though nobody was found yet
        add_to(session, "people", f"select person_id from {SETS}.new_people")
        find_partners(session)
        if is_empty(session, "new_people"):
            break
    find_events(graph, session)


def _owners(graph: Graph, mirror: Mirror) -> list[str]:
    """Return queries of whose the changed events are, and whose they were."""
    attributed = "int_events_attributed"
    models = list(graph.conformed("events"))
    instead = {}
    for name in graph.reads(attributed):
        if name in models:
            now = graph.touched(name)
        elif graph.entity(name) == "events":
            now = f"(select * from {graph.relation(name)} limit 0)"
        else:
            now = f"({mirror.now(name)})"
        instead[graph.relation(name)] = now
    were = [
        f"select person_id from {graph.relation(attributed)} "
        f"where event_id in {keys(f'{BEFORE}.{model}', 'event_id')}"
        for model in models
    ]
    return [f"select person_id from ({graph.query(attributed, instead)}) as attributed", *were]

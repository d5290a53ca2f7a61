"""What several people may have a hand in, carts and shared devices: each is of all of them."""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.increment.graph import Graph
from orchestration.increment.mirror import Mirror
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS, add_to, make_set, of_people

_IS_KNOWN = f"(kind, thing) in (select kind, thing from {SETS}.things)"


def note_hands(graph: Graph, session: Session, mirror: Mirror, due: Mapping[str, str]) -> None:
    """Note who has a hand in what, and begin with the carts and devices of changed events.

    Args:
        graph: what is built from what.
        session: where the changed rows of staging are.
        mirror: who is who by now.
        due: by model, the condition on rows for which an instant has passed.
    """
    attributed = graph.relation("int_events_attributed")
    make_set(
        session,
        "shared_devices",
        f"select identifier_value as device from ({mirror.now('int_identifiers_shared')}) "
        "as shared where identifier_type = 'anonymous_id'",
    )
    bought = " union all ".join(
        f"select cart_id, source_name, source_id from {graph.relation(model)} "
        "where cart_id is not null"
        for model in (*graph.staging("checkouts"), *graph.staging("orders"))
    )
    make_set(
        session,
        "hands",
        f"select 'cart' as kind, cart_id as thing, person_id from {attributed} "
        "where cart_id is not null and person_id is not null "
        f"union select 'cart', cart_id, person_id from ({bought}) as bought "
        f"inner join {graph.relation('person_records')} using (source_name, source_id) "
        f"union select 'device', trim(anonymous_id), person_id from {attributed} "
        f"where person_id is not null "
        f"and trim(anonymous_id) in (select device from {SETS}.shared_devices) "
        f"union select 'device', anonymous_id, person_id "
        f"from ({mirror.now('int_devices_logged_in')}) as logins where is_shared",
    )
    changed = " union all ".join(
        f"select cart_id, anonymous_id from {graph.touched(model)}"
        for model in graph.conformed("events")
    )
    make_set(
        session,
        "things",
        f"select 'cart' as kind, cart_id as thing from ({changed}) as changed "
        f"where cart_id is not null "
        f"union select 'device', trim(anonymous_id) from ({changed}) as changed "
        f"where trim(anonymous_id) in (select device from {SETS}.shared_devices) "
        f"union select 'cart', cart_id from {graph.relation('carts')} "
        f"where {due.get('carts', '1 = 0')}",
    )


def find_partners(session: Session) -> None:
    """Add what the new people have a hand in, and set as new who else has, and is not touched."""
    add_to(
        session,
        "things",
        f"select distinct kind, thing from {SETS}.hands where {of_people('new_people')} "
        f"and not {_IS_KNOWN}",
    )
    make_set(
        session,
        "new_people",
        f"select distinct person_id from {SETS}.hands where {_IS_KNOWN} "
        f"and not {of_people('people')}",
    )

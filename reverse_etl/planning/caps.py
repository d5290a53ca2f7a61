"""Caps: how often one person may be contacted for a purpose, over all syncs and channels.

A contact is an event that is sent, or an audience that somebody enters: what makes a channel turn
to them. The changelog says who was contacted when; what another run is sending at this moment
counts as well, and so does what may have arrived because an answer was lost. A record beyond a cap
is held back with the reason and planned again by each later run, until the window has moved on.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Project, Sync
from reverse_etl.contract.purpose import Purpose, Window
from reverse_etl.planning.guards import Sight
from reverse_etl.planning.merges import CHANGES
from reverse_etl.planning.plan import held
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

IS_CONTACT = "(operation = 'append' or (operation = 'add' and audience <> ''))"


def hold_capped(sight: Sight, run_id: str) -> None:
    """Hold back what would contact a person more often than a purpose's caps allow."""
    warehouse = sight.warehouse
    windows = _windows(sight.project, sight.sync)
    if not windows:
        return
    people = _people_now(sight.project.manifest, warehouse)
    for purpose, window in windows:
        warehouse.execute(_held(purpose, window, run_id, sight.now, people))


def counting(project: Project, sync: Sync, warehouse: Warehouse) -> AbstractContextManager[None]:
    """Return the context to plan a sync in: of those under caps, one plan counts at a time.

    Two that counted at once would each see an allowance that the other is using up.
    """
    return warehouse.alone("the caps") if _windows(project, sync) else nullcontext()


def _windows(project: Project, sync: Sync) -> list[tuple[Purpose, Window]]:
    if sync.mode not in ("append", "audience"):
        return []
    asked = list(project.purposes.values()) if sync.is_audience else [sync.purpose]
    return [(purpose, window) for purpose in asked for window in purpose.windows]


def _held(purpose: Purpose, window: Window, run_id: str, now: datetime, people: str) -> str:
    mine = f"run_id = {literal(run_id)} and {IS_CONTACT}"
    this = f"purpose = {literal(purpose.name)} and person_id is not null"
    since = literal((now - window.length).isoformat(sep=" "))
    return f"""
update sync.sync_plan
set {held(f"{window.name} for {purpose.name}: {window.rule}")}
where {mine} and (audience, key) in (
    with people as ({people}),
    contacts as (
        select person_id from sync.sync_changelog
        where {this} and {IS_CONTACT} and status in ('acknowledged', 'uncertain')
            and as_of > cast({since} as timestamp)
        union all
        select person_id from sync.sync_plan
        where {this} and {IS_CONTACT} and run_id <> {literal(run_id)}
            and run_id in (select run_id from sync.sync_runs where status = 'sending')
    ),
    counted as (
        select coalesce(people.to_person_id, contacts.person_id) as person_id, count(*) as contacts
        from contacts
        left join people on people.person_id = contacts.person_id
        group by 1
    ),
    coming as (
        select
            audience, key, person_id,
            row_number() over (
                partition by person_id order by occurred_at nulls last, audience, key
            ) as place
        from sync.sync_plan
        where {mine} and {this}
    )
    select coming.audience, coming.key
    from coming
    left join counted on counted.person_id = coming.person_id
    where coming.place + coalesce(counted.contacts, 0) > {window.at_most}
)"""


def _people_now(manifest: Manifest, warehouse: Warehouse) -> str:
    """Whom an id stands for by now: contacts of somebody who was merged are the survivor's."""
    changes = manifest.relation_named(CHANGES, "marts")
    if not warehouse.columns(changes):
        return "select null as person_id, null as to_person_id where false"
    return (
        "select person_id, to_person_id from (select person_id, to_person_id, row_number() over "
        f"(partition by person_id order by sequence desc) as recency from {changes}) as latest "
        "where recency = 1"
    )

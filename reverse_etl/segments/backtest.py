"""A segment replayed over past days: who would have come and gone, and what they bought then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.segments.coverage import Reach, listed
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import Segment, built
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

MOST_DAYS = 400


@dataclass(frozen=True)
class Day:
    """The segment as of one day; ``sent`` and ``removed`` count people over all channels."""

    moment: datetime
    size: int
    entered: int
    left: int
    sent: int
    removed: int


@dataclass(frozen=True)
class Backtest:
    """All days, and what those who entered bought after they did, until the last day."""

    segment: Segment
    days: tuple[Day, ...]
    entered: int
    buyers: int
    orders: int
    net_revenue: Decimal


def backtest(
    project: Project, warehouse: Warehouse, segment: Segment, start: datetime, end: datetime
) -> Backtest:
    """Replay a segment once a day from ``start`` to ``end``, both included.

    Told by what is known now, of the people of today; consent is today's, since nobody may be
    written to against it. The members of the first day were there: they did not enter.

    Raises:
        SeamlineError: the days make no span, or orders are not in the warehouse.
    """
    moments = list(_moments(start, end))
    found = [_members(project, warehouse, segment, moment) for moment in moments]
    reachable = _reachable(project, warehouse, segment, set().union(*found))
    entries: dict[str, datetime] = {}
    days = []
    for number, (moment, members) in enumerate(zip(moments, found, strict=True)):
        before = found[number - 1] if number else members
        entered, left = members - before, before - members
        for person in entered:
            entries.setdefault(person, moment)
        days.append(
            Day(
                moment,
                len(members),
                len(entered),
                len(left),
                len(entered & reachable),
                len(left & reachable),
            )
        )
    buyers, orders, revenue = _bought(project, warehouse, entries, end)
    return Backtest(segment, tuple(days), len(entries), buyers, orders, revenue)


def _moments(start: datetime, end: datetime) -> Iterator[datetime]:
    days = (end - start).days
    if not 0 <= days < MOST_DAYS:
        raise SeamlineError(
            f"--from {start:%Y-%m-%d} --to {end:%Y-%m-%d}: choose an end within {MOST_DAYS} days "
            "after the start."
        )
    yield from (start + timedelta(days=number) for number in range(days + 1))


def _members(
    project: Project, warehouse: Warehouse, segment: Segment, moment: datetime
) -> set[str]:
    replay = Replay(warehouse, project.manifest, moment)
    sql = replay.of(segment)
    return {str(p) for (p,) in replay.rows(f"select person_id from ({sql}) as members")}


def _reachable(
    project: Project, warehouse: Warehouse, segment: Segment, people: set[str]
) -> set[str]:
    if not people:
        return set()
    reach = Reach(project, warehouse, Replay(warehouse, project.manifest), segment)
    return set().union(*reach.reached(listed(sorted(people))).values())


def _bought(
    project: Project, warehouse: Warehouse, entries: dict[str, datetime], end: datetime
) -> tuple[int, int, Decimal]:
    orders = project.manifest.relation_named("orders", "marts")
    built(orders, warehouse)
    if not entries:
        return 0, 0, Decimal(0)
    rows = ", ".join(
        f"({literal(person)}, cast({literal(str(moment))} as timestamp))"
        for person, moment in sorted(entries.items())
    )
    ((buyers, count, revenue),) = warehouse.rows(f"""
        select
            count(distinct orders.person_id),
            count(*),
            coalesce(sum(orders.net_revenue), 0)
        from (values {rows}) as entries (person_id, entered_at)
        inner join {orders} as orders
            on entries.person_id = orders.person_id
            and orders.ordered_at > entries.entered_at
            and orders.ordered_at <= cast({literal(str(end))} as timestamp)
        where orders.status = 'placed'
    """)
    return int(buyers), int(count), Decimal(revenue)

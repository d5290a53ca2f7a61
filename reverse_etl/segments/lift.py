"""What an audience is worth: those whom a channel took, beside those held out on purpose."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reverse_etl.contract.manifest import Relation
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.segments.coverage import Reach, listed
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import Segment, built
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

ASSIGNMENTS = Relation("audiences", "audience_assignments")
CONTROL = "control"
_NORMAL_QUANTILE = 1.959963984540054  # 0.975: two sides of 95 %


@dataclass(frozen=True)
class Arm:
    """One side of an experiment: how many people, and how many of them bought."""

    variant: str
    people: int
    buyers: int

    @property
    def rate(self) -> float:
        """The share that bought, 0 to 1."""
        return self.buyers / self.people if self.people else 0.0


@dataclass(frozen=True)
class Lift:
    """A treated arm beside control: the difference of rates with its 95 % interval."""

    treated: Arm
    control: Arm
    difference: float
    low: float
    high: float


def lift(project: Project, warehouse: Warehouse, segment: Segment, days: int) -> list[Lift]:
    """Return the lift of each variant: purchases within so many days of entering the segment.

    Treated are those whose addition a channel acknowledged. Control are those whom the same
    syncs could have sent: to set all of them beside a part chosen by consent and match keys would
    compare two kinds of people.

    Raises:
        SeamlineError: the segment runs no experiment, or its tables are not built.
    """
    if not segment.meta.get("experiment"):
        raise SeamlineError(
            f"Segment '{segment.name}' runs no experiment; declare one in its YAML: "
            "experiment: {salt: …, control: 0.1}."
        )
    built(ASSIGNMENTS, warehouse)
    arms = {arm.variant: arm for arm in _arms(project, warehouse, segment, days)}
    control = arms.pop(CONTROL, Arm(CONTROL, 0, 0))
    return [compare(arm, control) for _, arm in sorted(arms.items())]


def compare(treated: Arm, control: Arm) -> Lift:
    """Return the difference of two rates and its 95 % interval.

    The interval is Newcombe's hybrid of two Wilson score intervals, method 10 in R. G. Newcombe,
    "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998) 873-890: right for few buyers too, where the usual one is not.
    """
    difference = treated.rate - control.rate
    low_treated, high_treated = _wilson(treated)
    low_control, high_control = _wilson(control)
    below = math.hypot(treated.rate - low_treated, high_control - control.rate)
    above = math.hypot(high_treated - treated.rate, control.rate - low_control)
    return Lift(treated, control, difference, difference - below, difference + above)


def _wilson(arm: Arm) -> tuple[float, float]:
    """Return Wilson's score interval for a rate; all that is possible where there is nobody."""
    if not arm.people:
        return 0.0, 1.0
    square = _NORMAL_QUANTILE**2
    middle = arm.rate + square / (2 * arm.people)
    spread = _NORMAL_QUANTILE * math.sqrt(
        arm.rate * (1 - arm.rate) / arm.people + square / (4 * arm.people**2)
    )
    scale = 1 + square / arm.people
    return (middle - spread) / scale, (middle + spread) / scale


def _arms(project: Project, warehouse: Warehouse, segment: Segment, days: int) -> list[Arm]:
    orders = project.manifest.relation_named("orders", "marts")
    built(orders, warehouse)
    name = literal(segment.name)
    held_out = warehouse.rows(
        f"select person_id from {ASSIGNMENTS} "
        f"where audience_id = {name} and variant = {literal(CONTROL)}"
    )
    people = [str(person) for (person,) in held_out]
    reach = Reach(project, warehouse, Replay(warehouse, project.manifest), segment)
    reached = set().union(*reach.reached(listed(people)).values()) if people else set()
    comparable = listed(sorted(reached)) if reached else "select null as person_id where false"
    rows = warehouse.rows(f"""
        with taken as (
            select distinct person_id from sync.sync_changelog
            where audience = {name} and operation = 'add' and status = 'acknowledged'
        ),
        comparable as ({comparable}),
        taking_part as (
            select assigned.*
            from {ASSIGNMENTS} as assigned
            left join taken on assigned.person_id = taken.person_id
            left join comparable on assigned.person_id = comparable.person_id
            where assigned.audience_id = {name}
                and case
                    when assigned.variant = {literal(CONTROL)} then comparable.person_id
                    else taken.person_id
                end is not null
        ),
        bought as (
            select distinct taking_part.person_id
            from taking_part
            inner join {orders} as orders
                on taking_part.person_id = orders.person_id
                and orders.ordered_at > taking_part.entered_at
                and orders.ordered_at <= taking_part.entered_at + {int(days)} * interval '1 day'
            where orders.status = 'placed'
        )
        select taking_part.variant, count(*), count(bought.person_id)
        from taking_part
        left join bought on taking_part.person_id = bought.person_id
        group by 1
    """)
    return [Arm(str(variant), int(people), int(buyers)) for variant, people, buyers in rows]

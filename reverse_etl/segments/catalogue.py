"""The catalogue: one page of all audiences, for whoever uses them and does not read SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reverse_etl.contract.manifest import Relation
from reverse_etl.contract.project import Project
from reverse_etl.segments.preview import Preview, preview
from reverse_etl.segments.segment import Segment, built, segments, stands_at
from reverse_etl.segments.shown import Shown, declared_words
from reverse_etl.warehouse.dialect import literal
from reverse_etl.warehouse.session import Warehouse

SIZES = Relation("audiences", "audience_sizes")
_WIDTH, _HEIGHT = 320, 60

Size = tuple[datetime, int, int, int]  # instant, members, entered, left


@dataclass(frozen=True)
class Entry:
    """One audience as the page shows it; ``sizes`` are steps, oldest first.

    ``moment`` is the instant that its members are judged by, in UTC.
    """

    segment: Segment
    description: str
    preview: Preview
    sample: Sequence[Mapping[str, Any]]
    sizes: Sequence[Size]
    is_expired: bool
    moment: datetime | None

    @property
    def line(self) -> str:
        """The size over time as points of an SVG line: it steps, since nothing is known between."""
        if not self.sizes:
            return ""
        first, last = self.sizes[0][0], self.sizes[-1][0]
        span = (last - first).total_seconds() or 1.0
        most = max(members for _, members, _, _ in self.sizes) or 1
        points, height = [], float(_HEIGHT)
        for moment, members, _, _ in self.sizes:
            x = _WIDTH * (moment - first).total_seconds() / span
            points.append(f"{x:.1f},{height:.1f}")
            height = _HEIGHT * (1 - members / most)
            points.append(f"{x:.1f},{height:.1f}")
        points.append(f"{_WIDTH},{height:.1f}")
        return " ".join(points)


def catalogue_page(project: Project, warehouse: Warehouse) -> str:
    """Return the page, complete in itself: no script, nothing loaded from elsewhere.

    Samples are masked.

    Raises:
        SeamlineError: segments or their memory are not built.
    """
    entries = [_entry(project, warehouse, segment) for segment in segments(project.manifest)]
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return templates.get_template("catalogue.html").render(
        entries=sorted(entries, key=lambda entry: entry.segment.label),
        width=_WIDTH,
        height=_HEIGHT,
    )


def _entry(project: Project, warehouse: Warehouse, segment: Segment) -> Entry:
    relation = project.manifest.relation(segment.unique_id)
    built(relation, warehouse)
    found = preview(project, warehouse, segment)
    sizes = warehouse.rows(f"""
        select moved_at, member_count, entered_count, left_count
        from {SIZES}
        where segment = {literal(segment.name)}
        order by moved_at
    """)
    moment = stands_at(segment.sql, warehouse) or _latest(warehouse)
    shown = Shown(words=declared_words(project.manifest))
    return Entry(
        segment,
        str(project.manifest.nodes[segment.unique_id]["description"]).strip(),
        found,
        [shown.values(row) for row in found.sample],
        [(row[0], int(row[1]), int(row[2]), int(row[3])) for row in sizes],
        moment is not None and moment.date() >= date.fromisoformat(str(segment.meta["expires_on"])),
        moment,
    )


def _latest(warehouse: Warehouse) -> datetime | None:
    """Return the instant of the newest run that moved somebody."""
    ((moment,),) = warehouse.rows(f"select max(moved_at) from {SIZES}")
    return moment if isinstance(moment, datetime) else None

"""Segments as the manifest has them, and the instants in what dbt compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from reverse_etl.contract.manifest import Manifest, Relation
from reverse_etl.errors import SeamlineError
from reverse_etl.warehouse.session import Warehouse

# What the macro as_of renders. known_at renders the same, and a mark.
_AS_OF = re.compile(
    r"(cast\(')(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})(' as [a-z ]+\))(?!\s*/\* known at \*/)",
    re.IGNORECASE,
)
_MICRO_BATCHES = Relation("ops", "micro_batches")


@dataclass(frozen=True)
class Segment:
    """One segment: its compiled SQL, and what its YAML says of it."""

    name: str
    unique_id: str  # empty where dbt does not know it
    sql: str
    meta: Mapping[str, Any]

    @property
    def label(self) -> str:
        """What channels call it."""
        return str(self.meta.get("label") or self.name)

    @property
    def channels(self) -> tuple[str, ...]:
        """The destinations or connections that receive it."""
        return tuple(self.meta.get("channels") or ())


def segments(manifest: Manifest) -> Iterator[Segment]:
    """Yield every segment, by name."""
    for unique_id, meta in sorted(manifest.segments()):
        node = manifest.nodes[unique_id]
        yield Segment(node["name"], unique_id, node.get("compiled_code") or "", meta)


def find_segment(manifest: Manifest, name: str) -> Segment:
    """Return the segment called ``name``.

    Raises:
        SeamlineError: there is none, or dbt has not compiled it.
    """
    known = {each.name: each for each in segments(manifest)}
    if name not in known:
        raise SeamlineError(f"There is no segment '{name}'; there are: {', '.join(known)}.")
    manifest.compiled(known[name].unique_id)
    return known[name]


def draft(path: Path, sql: str) -> Segment:
    """Return a segment that dbt does not know yet: a file's compiled SQL, and the YAML beside it.

    Raises:
        SeamlineError: the YAML is malformed.
    """
    described = path.with_suffix(".yml")
    meta: Any = {}
    if described.is_file():
        try:
            (model,) = yaml.safe_load(described.read_text())["models"]
            meta = model["config"]["meta"]["segment"]
        except (yaml.YAMLError, KeyError, TypeError, ValueError):
            raise SeamlineError(
                f"{described}: expected models: of one model with config.meta.segment."
            ) from None
    return Segment(path.stem, "", sql, meta or {})


def instant_of(sql: str) -> datetime | None:
    """Return the instant as of which compiled SQL judges; none where it asks for no time."""
    found = _AS_OF.search(sql)
    return datetime.fromisoformat(found[2]) if found else None


def at_instant(sql: str, moment: datetime) -> str:
    """Return the same compiled SQL as of another instant; what is known stays what is known."""
    return _AS_OF.sub(rf"\g<1>{moment:%Y-%m-%d %H:%M:%S.%f}\g<3>", sql)


def stands_at(sql: str, warehouse: Warehouse) -> datetime | None:
    """Return the instant as of which a model's table tells; none where its SQL asks for no time.

    It is that of the compiled ``sql``, or of the micro-batches that have gone on from there.
    """
    instant = instant_of(sql)
    return later(instant, last_micro_batch(warehouse)) if instant else None


def last_micro_batch(warehouse: Warehouse) -> datetime | None:
    """Return the instant of the newest micro-batch; none where there was none."""
    if not warehouse.columns(_MICRO_BATCHES):
        return None
    ((latest,),) = warehouse.rows(f"select max(moment) from {_MICRO_BATCHES}")
    return latest if isinstance(latest, datetime) else None


def later(instant: datetime, other: datetime | None) -> datetime:
    """Return the later of two instants, of which there may be but one."""
    return max(instant, other) if other else instant


def built(relation: Relation, warehouse: Warehouse) -> dict[str, str]:
    """Return the columns of a relation that must be there.

    Raises:
        SeamlineError: it is not.
    """
    columns = warehouse.columns(relation)
    if not columns:
        raise SeamlineError(f"{relation} is not in the warehouse; build the project first.")
    return columns

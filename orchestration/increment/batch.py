"""One micro-batch: stage what landed, find whom it touches, build their rows, put them in place.

Who is who is resolved anew only for those whose identifiers are news.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from orchestration.increment.graph import Graph
from orchestration.increment.identities import touch_identities
from orchestration.increment.landed import stage
from orchestration.increment.memory import last_moment, remember
from orchestration.increment.merging import compare, merge
from orchestration.increment.mirror import Mirror
from orchestration.increment.people import touch_people
from orchestration.increment.session import Session
from orchestration.increment.sets import SETS
from reverse_etl.planning.plan import clock

# Quintiles are of everybody: they stay those of the last full build.
KEPT = frozenset({"rfm_scores"})


@dataclass(frozen=True)
class Batch:
    """What a micro-batch came to.

    ``landed`` rows, ``people`` whom they or time touched, the ``models`` that were computed for
    them, and those of which any row ``changed``. ``sql_seconds`` were spent in the batch's own
    statements; the rest is what surrounds them.
    """

    landed: int
    people: int
    models: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    sql_seconds: float = 0.0


def answer(parsed: Manifest, manifest: str, moment: str) -> str:
    """Take up what changed, on a connection of its own, and return the batch as JSON.

    Args:
        parsed: the project, as dbt has it in memory.
        manifest: path of the manifest that the last full build published.
        moment: the instant to compute for, in ISO 8601.
    """
    published = json.loads(Path(manifest).read_text())
    with Session(parsed).opened() as session:
        batch = take_up(published, session, datetime.fromisoformat(moment))
    return json.dumps(asdict(batch))


def take_up(manifest: Mapping[str, Any], session: Session, moment: datetime) -> Batch:
    """Build what changed since the tables were last computed, as of ``moment``.

    Afterwards every table on the way to the channels has the rows that a full build would give it,
    but for what fades with the clock and for nobody in particular (a score, the days since an
    order): that keeps the values of the last full build until an event or an identity moves it.

    Args:
        manifest: as the last full build published it.
        session: an open one.
        moment: the instant to compute for; not before the last one.
    """
    began_at = clock()
    graph = Graph(manifest, moment)
    since = last_moment(graph, session)
    landed = stage(graph, session)
    due = _due(graph, since, moment)
    if not landed and not _is_any(graph, due, session):
        return Batch(0, 0)
    path = [name for name in graph.path if name not in KEPT]
    following = [name for name in path if name in graph.following]
    resolving = [name for name in path if name not in graph.following]
    built, mirror = following, Mirror(graph, session)
    if touch_identities(graph, session):
        mirror.resolve(resolving)
        built = [*resolving, *following]
    touch_people(graph, session, mirror, due)
    mirror.follow(following)
    changed = compare(graph, session, built)
    with session.transaction():
        merge(graph, session, built, changed)
        remember(graph, session, path, began_at, landed)
    [(people,)] = session.rows(f"select count(*) from {SETS}.people")
    return Batch(landed, int(people), tuple(built), tuple(changed), session.sql_seconds)


def _is_any(graph: Graph, due: Mapping[str, str], session: Session) -> bool:
    found = [f"select 1 from {graph.relation(name)} where {rows}" for name, rows in due.items()]
    return bool(found and session.rows(f"select 1 from ({' union all '.join(found)}) limit 1"))


def _due(graph: Graph, since: datetime, moment: datetime) -> dict[str, str]:
    """Return, by model, the condition on rows that time alone has changed since.

    Columns say so in their YAML: ``changes_after_seconds``.
    """
    between = (
        f"between timestamp '{since:%Y-%m-%d %H:%M:%S.%f}' "
        f"and timestamp '{moment:%Y-%m-%d %H:%M:%S.%f}'"
    )
    return {
        name: " or ".join(
            f"{column} + interval {seconds} second {between}"
            for column, after in changing.items()
            for seconds in after
        )
        for name in graph.path
        if (changing := graph.changing(name))
    }

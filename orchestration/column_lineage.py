"""Which columns a column is made of, and which segments it decides, read from the compiled SQL.

A column decides a segment if the segment's conditions (where, having, qualify, join) read it, or
read something that is made of it, over any number of models. What is computed is kept beside the
manifest until a model changes.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Column = tuple[str, str]  # schema.table, column
_FORMAT = 1


@dataclass(frozen=True)
class Read:
    """One select: its columns with what each is made of, and what its conditions read."""

    made_of: dict[str, set[Column]]
    conditions: set[Column]


@dataclass
class Lineage:
    """Columns by table and name: what each is made of, and the segments that it decides."""

    made_of: dict[str, dict[str, list[Column]]] = field(default_factory=dict)
    decides: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)  # models whose SQL could not be followed


def published_lineage(manifest: Path) -> Lineage:
    """Return the lineage of a published manifest; nothing where none is published yet."""
    if not manifest.is_file():
        return Lineage()
    content = json.loads(manifest.read_text())
    kept = manifest.with_name("column_lineage.json")
    stamp = _stamp(content)
    if kept.is_file():
        known = json.loads(kept.read_text())
        if known.pop("stamp") == stamp:
            return Lineage(**known)
    lineage = compute_lineage(content)
    unfinished = kept.with_suffix(".partial")
    unfinished.write_text(json.dumps({"stamp": stamp, **vars(lineage)}))
    unfinished.replace(kept)
    return lineage


def compute_lineage(manifest: Mapping[str, Any]) -> Lineage:
    """Follow every compiled model of a manifest, those that are read first."""
    lineage = Lineage()
    conditions: dict[str, set[Column]] = {}
    columns: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for source in manifest["sources"].values():
        _declare(columns, source["schema"], source["identifier"], source["columns"])
    dialect = str(manifest["metadata"].get("adapter_type", "duckdb"))
    for unique_id in _in_order(manifest):
        node = manifest["nodes"][unique_id]
        table = f"{node['schema']}.{node['alias']}"
        if node["resource_type"] == "seed":
            _declare(columns, node["schema"], node["alias"], node["columns"])
            continue
        read = _follow(node, dialect, columns)
        if read is None:
            lineage.unread.append(table)
            _declare(columns, node["schema"], node["alias"], node["columns"])
            continue
        conditions[table] = read.conditions
        _declare(columns, node["schema"], node["alias"], read.made_of)
        lineage.made_of[table] = {name: sorted(found) for name, found in read.made_of.items()}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["config"].get("meta", {}).get("segment"):
            for table, name in _behind(
                conditions.get(f"{node['schema']}.{node['alias']}", set()), lineage
            ):
                lineage.decides.setdefault(table, {}).setdefault(name, []).append(node["name"])
    return lineage


def _declare(
    columns: dict[str, dict[str, dict[str, str]]], schema: str, table: str, names: Iterable[str]
) -> None:
    """Note a table's columns; one without any that are known may have every name."""
    if found := dict.fromkeys(names, "text"):
        columns[schema][table] = found


def _behind(found: set[Column], lineage: Lineage) -> set[Column]:
    """Return columns with everything that they are made of."""
    reached: set[Column] = set()
    ahead = list(found)
    while ahead:
        table, name = column = ahead.pop()
        if column not in reached:
            reached.add(column)
            ahead.extend(
                (each[0], each[1]) for each in lineage.made_of.get(table, {}).get(name, [])
            )
    return reached


def _follow(node: Mapping[str, Any], dialect: str, columns: dict[str, Any]) -> Read | None:
    """Return what a model's SQL says; None where it cannot be followed."""
    from sqlglot import errors, exp, parse_one  # noqa: PLC0415 - only when a model has changed
    from sqlglot.optimizer.qualify import qualify  # noqa: PLC0415
    from sqlglot.optimizer.scope import build_scope  # noqa: PLC0415

    if node["language"] != "sql" or not node.get("compiled_code"):
        return None
    try:
        tree = parse_one(node["compiled_code"], dialect=dialect)
        for found in tree.find_all(exp.Table):
            found.set("catalog", None)
        tree = qualify(
            tree,
            dialect=dialect,
            schema=columns,
            validate_qualify_columns=False,
            allow_partial_qualification=True,
            quote_identifiers=False,
            identify=False,
        )
        root = build_scope(tree)
    except errors.SqlglotError:
        return None
    if root is None:
        return None
    known: dict[int, Read] = {}
    for scope in root.traverse():
        known[id(scope)] = _read(scope, known)
    return known[id(root)]


def _read(scope: Any, known: Mapping[int, Read]) -> Read:
    """Read one select, whose inner ones are ``known``."""
    if scope.set_operation_scopes:
        left, right = (known[id(each)] for each in scope.set_operation_scopes)
        theirs = [*right.made_of.values(), *(set() for _ in left.made_of)]
        pairs = zip(left.made_of.items(), theirs, strict=False)
        united = {name: ours | others for (name, ours), others in pairs}
        return Read(united, left.conditions | right.conditions)
    select = scope.expression
    made_of = {each.alias_or_name: _origins(each, scope, known) for each in _selected(select)}
    if "*" in made_of:  # of a raw table, whose columns nobody has declared
        made_of["*"] = _stars(scope, known)
    clauses = [select.args.get(clause) for clause in ("where", "having", "qualify")]
    clauses += [join.args.get("on") for join in select.args.get("joins") or []]
    conditions: set[Column] = set()
    for clause in filter(None, clauses):
        conditions |= _origins(clause, scope, known)
    for source in scope.sources.values():
        if id(source) in known:
            conditions |= known[id(source)].conditions
    for subquery in scope.subquery_scopes:
        inner = known[id(subquery)]
        conditions |= inner.conditions.union(*inner.made_of.values())
    return Read(made_of, conditions)


def _origins(expression: Any, scope: Any, known: Mapping[int, Read]) -> set[Column]:
    """Return the tables' columns that an expression reads, through the selects in between."""
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.optimizer.scope import walk_in_scope  # noqa: PLC0415

    found: set[Column] = set()
    for column in walk_in_scope(expression):
        if not isinstance(column, exp.Column):
            continue
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            found.add((f"{source.db}.{source.name}", column.name))
        elif id(source) in known:
            made_of = known[id(source)].made_of
            passed_on = {(table, column.name) for table, _ in made_of.get("*", ())}
            found |= made_of.get(column.name, passed_on)
    return found


def _stars(scope: Any, known: Mapping[int, Read]) -> set[Column]:
    from sqlglot import exp  # noqa: PLC0415

    found: set[Column] = set()
    for source in scope.sources.values():
        if isinstance(source, exp.Table):
            found.add((f"{source.db}.{source.name}", "*"))
        elif id(source) in known:
            found |= known[id(source)].made_of.get("*", set())
    return found


def _selected(select: Any) -> list[Any]:
    return list(getattr(select, "selects", []))


def _in_order(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield models and seeds, each after what it reads."""
    nodes = manifest["nodes"]
    done: set[str] = set()

    def visit(unique_id: str) -> Iterator[str]:
        node = nodes.get(unique_id)
        if unique_id in done or node is None or node["resource_type"] not in ("model", "seed"):
            return
        done.add(unique_id)
        for parent in node.get("depends_on", {}).get("nodes", []):
            yield from visit(parent)
        yield unique_id

    for unique_id in sorted(nodes):
        yield from visit(unique_id)


def _stamp(manifest: Mapping[str, Any]) -> str:
    """Return what the lineage depends on: the models as they are written, and the engine."""
    parts = [str(_FORMAT), str(manifest["metadata"].get("adapter_type"))]
    parts += sorted(
        f"{unique_id} {node['checksum']['checksum']} {node.get('compiled') is True}"
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

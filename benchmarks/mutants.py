"""Small wrongs in SQL, one at a time: comparators, boundaries, windows, joins, null handling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

_BESIDE = {
    exp.GTE: (exp.GT, exp.LT),
    exp.GT: (exp.GTE, exp.LTE),
    exp.LTE: (exp.LT, exp.GT),
    exp.LT: (exp.LTE, exp.GTE),
    exp.EQ: (exp.NEQ,),
    exp.NEQ: (exp.EQ,),
}
_OTHER_AGGREGATE = {exp.Max: exp.Min, exp.Min: exp.Max}


@dataclass(frozen=True)
class Mutant:
    """One changed statement: which kind of change it is, what was there and what is there now."""

    kind: str
    before: str
    after: str
    sql: str


def mutants(sql: str, dialect: str = "duckdb") -> Iterator[Mutant]:
    """Yield every mutant of a statement, each with one change and all of them different."""
    tree = sqlglot.parse_one(sql, read=dialect)
    seen = {tree.sql(dialect)}
    for number, node in enumerate(tree.walk()):
        for kind, changed in _changes(node):
            copy = tree.copy()
            place = next(n for index, n in enumerate(copy.walk()) if index == number)
            if place is copy:
                continue
            place.replace(changed)
            text = copy.sql(dialect)
            if text not in seen:
                seen.add(text)
                yield Mutant(kind, node.sql(dialect), changed.sql(dialect), text)


def _changes(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    yield from _comparators(node)
    yield from _boundaries(node)
    yield from _logic(node)
    yield from _windows(node)
    yield from _joins(node)
    yield from _nulls(node)
    yield from _aggregates(node)


def _comparators(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for kind in _BESIDE.get(type(node), ()):
        yield "comparator", kind(this=node.this.copy(), expression=node.expression.copy())
    if isinstance(node, exp.Between):
        this, low, high = (node.args[part].copy() for part in ("this", "low", "high"))
        yield (
            "comparator",
            exp.and_(exp.GT(this=this, expression=low), exp.LTE(this=this.copy(), expression=high)),
        )
        yield (
            "comparator",
            exp.and_(
                exp.GTE(this=this.copy(), expression=low.copy()),
                exp.LT(this=this.copy(), expression=high.copy()),
            ),
        )


def _boundaries(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if isinstance(node, exp.Literal) and node.is_int and _is_compared(node):
        for step in (-1, 1):
            yield "boundary", exp.Literal.number(int(node.this) + step)
    if isinstance(node, exp.In) and len(node.expressions) > 1:
        for left_out in range(len(node.expressions)):
            kept = [e.copy() for n, e in enumerate(node.expressions) if n != left_out]
            yield "boundary", exp.In(this=node.this.copy(), expressions=kept)


def _is_compared(node: exp.Expr) -> bool:
    """Whether a number decides on rows: compared, or the length of a window."""
    parent = node.find_ancestor(exp.Predicate, exp.Select)
    return parent is not None and not isinstance(parent, exp.Select)


def _logic(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if isinstance(node, exp.And | exp.Or):
        other = exp.Or if isinstance(node, exp.And) else exp.And
        sides = [
            exp.paren(side.copy()) if isinstance(side, exp.Connector) else side.copy()
            for side in (node.left, node.right)
        ]
        yield "logic", exp.paren(other(this=sides[0], expression=sides[1]))
        yield "logic", node.left.copy()
        yield "logic", node.right.copy()
    if isinstance(node, exp.Where) and not isinstance(node.this, exp.And):
        yield "logic", exp.Where(this=exp.true())
    if isinstance(node, exp.Not) and not isinstance(node.this, exp.Is):
        yield "logic", node.this.copy()
    if isinstance(node, exp.Column) and isinstance(node.parent, exp.Where | exp.And | exp.Or):
        yield "logic", exp.Not(this=node.copy())


def _windows(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if not isinstance(node, exp.Window):
        return
    if node.args.get("partition_by"):
        bare = node.copy()
        bare.set("partition_by", None)
        yield "window", bare
    order = node.args.get("order")
    for place in range(len(order.expressions) if order else 0):
        turned = node.copy()
        term = turned.args["order"].expressions[place]
        term.set("desc", not term.args.get("desc"))
        yield "window", turned
        if len(order.expressions) > 1:
            fewer = node.copy()
            terms = fewer.args["order"].expressions
            fewer.args["order"].set("expressions", terms[:place] + terms[place + 1 :])
            yield "window", fewer


def _joins(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if isinstance(node, exp.Join) and node.args.get("on"):
        other = node.copy()
        other.set("kind", None)
        other.set("side", None if node.side == "LEFT" else "LEFT")
        yield "join", other
    if isinstance(node, exp.Union):
        other = node.copy()
        other.set("distinct", not node.args.get("distinct"))
        yield "join", other


def _nulls(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    if isinstance(node, exp.Not) and isinstance(node.this, exp.Is):
        yield "null", node.this.copy()
    if isinstance(node, exp.Is) and not isinstance(node.parent, exp.Not):
        yield "null", exp.Not(this=node.copy())
    if isinstance(node, exp.Coalesce):
        yield "null", node.this.copy()
    if isinstance(node, exp.Ordered):
        turned = node.copy()
        turned.set("nulls_first", not node.args.get("nulls_first"))
        yield "null", turned


def _aggregates(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    other = _OTHER_AGGREGATE.get(type(node))
    if other:
        yield "aggregate", other(this=node.this.copy())
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        yield "aggregate", exp.Count(this=node.this.expressions[0].copy())
    if isinstance(node, exp.Sum):
        yield "aggregate", exp.Count(this=node.this.copy())

"""A segment's SQL taken apart: its steps, and the predicates that rows must meet in each.

A step is one ``select`` of the statement: a common table expression, a branch of a union, or the
last one. What a row must meet is a conjunct of its ``where`` or ``having``, or a partner at an
inner join. Each step can be asked about given people: which of their rows reach it, and what each
predicate says of every row. The steps before it are as they are, so that a row that reaches a step
has passed all before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from reverse_etl.errors import SeamlineError

PERSON = "person_id"
RESULT = "the segment"
_MATCHED = "is_matched"


class UnexplainableError(SeamlineError):
    """The SQL is of a shape that cannot be taken apart truthfully."""


@dataclass(frozen=True)
class Predicate:
    """One thing that must hold of a row: ``expression`` is true, false or null for each."""

    step: str
    clause: str  # where, having or join
    expression: exp.Expr
    joined: str = ""  # of a join: the relation in which a partner is needed
    on: exp.Expr | None = None

    def text(self, dialect: str) -> str:
        """Return it as SQL to read."""
        if self.on is not None:
            return f"a row of {self.joined} where {_plain(self.on, dialect)}"
        return _plain(self.expression, dialect)

    @cached_property
    def columns(self) -> tuple[exp.Column, ...]:
        """The columns it looks at, each once."""
        source = self.expression if self.on is None else self.on
        found = {column.sql(): column for column in source.find_all(exp.Column)}
        return tuple(found.values())


@dataclass(frozen=True)
class Step:
    """One select, and what it asks of rows. ``person`` says whose a row is."""

    name: str
    select: exp.Select
    ctes: tuple[exp.CTE, ...]
    person: exp.Expr
    predicates: tuple[Predicate, ...]
    required: tuple[str, ...]  # relations without a row of which none comes out

    def of(self, *clauses: str) -> list[Predicate]:
        """Return the predicates of some clauses."""
        return [each for each in self.predicates if each.clause in clauses]

    @property
    def is_grouped(self) -> bool:
        """Whether ``having`` decides on groups of the rows that passed."""
        return bool(self.of("having"))

    def rows_query(self, people: Sequence[str], dialect: str) -> exp.Select:
        """Return the query for what ``where`` and joins say of each row of these people.

        Columns: person_id, one boolean per predicate, then those of ``evidence``.
        """
        asked = self.of("where", "join")
        query = exp.select(
            exp.alias_(self.person.copy(), PERSON),
            *(exp.alias_(each.expression.copy(), f"p{n}") for n, each in enumerate(asked)),
            *(exp.alias_(column.copy(), f"c{n}") for n, column in enumerate(self.evidence)),
        )
        query.set("from_", self.select.args["from_"].copy())
        query.set("joins", [_kept_open(join) for join in self.select.args.get("joins") or []])
        return self._about(query, people, dialect)

    def groups_query(self, people: Sequence[str], dialect: str) -> exp.Select:
        """Return the query for what ``having`` says of each group of these people."""
        query = self.select.copy()
        asked = self.of("having")
        query.set("having", None)
        query.set("order", None)
        query.set(
            "expressions",
            [
                exp.alias_(self.person.copy(), PERSON),
                *(exp.alias_(each.expression.copy(), f"p{n}") for n, each in enumerate(asked)),
                *(exp.alias_(f.copy(), f"c{n}") for n, f in enumerate(self.measures)),
            ],
        )
        return self._about(query, people, dialect)

    @cached_property
    def evidence(self) -> tuple[exp.Column, ...]:
        """The columns that show a row: what is asked about, and the keys beside it."""
        found = {c.sql(): c for each in self.of("where", "join") for c in each.columns}
        tables = {column.table for column in found.values()}
        for column in self.select.find_all(exp.Column):
            if column.name.endswith("_id") and column.table in tables:
                found.setdefault(column.sql(), column)
        return tuple(column for column in found.values() if column.name != PERSON)

    @cached_property
    def measures(self) -> tuple[exp.Expr, ...]:
        """The aggregates that ``having`` asks about."""
        found = {f.sql(): f for p in self.of("having") for f in p.expression.find_all(exp.AggFunc)}
        return tuple(found.values())

    def _about(self, query: exp.Select, people: Sequence[str], dialect: str) -> exp.Select:
        named = [exp.Literal.string(person) for person in people]
        query = query.where(exp.In(this=self.person.copy(), expressions=named), dialect=dialect)
        if self.ctes:
            query.set("with_", exp.With(expressions=[cte.copy() for cte in self.ctes]))
        return query


@dataclass(frozen=True)
class Definition:
    """A segment's statement as steps, in the order in which rows pass them."""

    steps: tuple[Step, ...]
    dialect: str

    def named(self, name: str) -> list[Step]:
        """Return the step called ``name``, as one per branch of a union."""
        return [step for step in self.steps if step.name == name]


def take_apart(sql: str, dialect: str, schema: Mapping[str, Mapping[str, str]]) -> Definition:
    """Return the steps of a segment's compiled SQL.

    Args:
        sql: one select statement.
        dialect: sqlglot's name of the engine, ``duckdb`` or ``postgres``.
        schema: columns with their types, by ``schema.table`` of every relation it reads.

    Raises:
        UnexplainableError: it cannot be parsed, or a step keeps rows by something else than its
            predicates (``limit``, ``qualify``, a right or full join).
    """
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
        tree = qualify(
            tree,
            dialect=dialect,
            schema=_nested(tree, schema),
            validate_qualify_columns=False,
        )
    except SqlglotError as error:
        raise UnexplainableError(f"The SQL cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, exp.Query):
        raise UnexplainableError(f"The SQL is a {tree.key}, and no select.")
    steps: list[Step] = []
    ctes = tuple(tree.ctes)
    for number, cte in enumerate(ctes):
        steps += _steps(cte.alias, cte.this, ctes[:number])
    body = tree.copy()
    body.set("with_", None)
    steps += _steps(RESULT, body, ctes)
    if not any(step.name == RESULT for step in steps):
        raise UnexplainableError(f"The last select does not say whose a row is: no {PERSON}.")
    return Definition(tuple(steps), dialect)


def _steps(name: str, body: exp.Expr, ctes: tuple[exp.CTE, ...]) -> Iterator[Step]:
    if isinstance(body, exp.SetOperation):
        if not isinstance(body, exp.Union):
            raise UnexplainableError(f"{name}: {body.key} cannot be explained row by row.")
        yield from _steps(name, body.left, ctes)
        yield from _steps(name, body.right, ctes)
        return
    select = body.unnest()
    if not isinstance(select, exp.Select):
        return
    person = next((p.unalias() for p in select.selects if p.alias_or_name == PERSON), None)
    if person is None or person.find(exp.AggFunc) or not select.args.get("from_"):
        return
    for clause in ("limit", "qualify", "offset"):
        if select.args.get(clause):
            raise UnexplainableError(f"{name}: {clause} cannot be explained row by row.")
    joins = select.args.get("joins") or []
    predicates = [_partner(name, join) for join in joins if _is_inner(name, join)]
    for clause in ("where", "having"):
        condition = select.args.get(clause)
        if condition:
            predicates += (
                [Predicate(name, clause, each) for each in condition.this.flatten()]
                if (isinstance(condition.this, exp.And))
                else [Predicate(name, clause, condition.this)]
            )
    needed = [select.args["from_"].this, *(j.this for j in joins if _is_inner(name, j))]
    required = tuple(_relation(source) for source in needed)
    yield Step(name, select, ctes, person, tuple(predicates), required)


def _relation(source: exp.Expr) -> str:
    if isinstance(source, exp.Table) and source.db:
        return f"{source.db}.{source.name}"
    return source.name or source.alias_or_name


def _is_inner(name: str, join: exp.Join) -> bool:
    if join.side in ("RIGHT", "FULL") or join.kind in ("SEMI", "ANTI"):
        raise UnexplainableError(f"{name}: a {join.side or join.kind} join cannot be explained.")
    return bool(join.args.get("on")) and join.side != "LEFT"


def _partner(name: str, join: exp.Join) -> Predicate:
    joined = join.this.alias_or_name
    mark = exp.column(_MATCHED, table=joined, quoted=True)
    return Predicate(name, "join", mark.is_(exp.null()).not_(), joined, join.args["on"])


def _kept_open(join: exp.Join) -> exp.Join:
    """Return an inner join as a left one that marks which rows found a partner."""
    kept = join.copy()
    if not join.args.get("on") or join.side == "LEFT":
        return kept
    alias = join.this.alias_or_name
    source = join.this.copy()
    inner = exp.select("*", exp.alias_(exp.Literal.number(1), _MATCHED, quoted=True)).from_(source)
    kept.set("this", inner.subquery(exp.to_identifier(alias, quoted=True)))
    kept.set("kind", None)
    kept.set("side", "LEFT")
    return kept


def _nested(tree: exp.Expr, schema: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """Return the schema by database, schema and table, as sqlglot wants it."""
    found: dict[str, Any] = {}
    for table in tree.find_all(exp.Table):
        columns = schema.get(f"{table.db}.{table.name}")
        if columns:
            found.setdefault(table.catalog, {}).setdefault(table.db, {})[table.name] = dict(columns)
    return found


def _plain(expression: exp.Expr, dialect: str) -> str:
    bare = expression.copy()
    for identifier in bare.find_all(exp.Identifier):
        identifier.set("quoted", False)
    text = bare.sql(dialect=dialect, normalize_functions="lower").replace("\n", " ")
    return re.sub(r"\bNOT ([\w.]+) IS NULL", r"\1 IS NOT NULL", text)

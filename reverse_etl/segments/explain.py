"""Why a person is in a segment, or why not: each predicate, and the rows that decided it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from reverse_etl.segments.predicates import RESULT, Definition, Predicate, Step

Rows = list[tuple[Any, ...]]
Ask = Callable[[str], Rows]


@dataclass(frozen=True)
class Row:
    """What a step saw of one row or group: each predicate's answer, and the columns behind it."""

    answers: tuple[bool | None, ...]
    values: Mapping[str, Any]

    @property
    def passes(self) -> bool:
        """Whether all of it holds; null does not."""
        return all(answer is True for answer in self.answers)


@dataclass(frozen=True)
class Finding:
    """One predicate and what it said of a person's rows. ``decided`` marks why they are not in."""

    predicate: Predicate
    satisfied: tuple[Mapping[str, Any], ...]
    failed: tuple[Mapping[str, Any], ...]
    decided: bool

    def looked_at(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return of a row what the predicate looks at, and the keys by which it is found."""
        if self.predicate.clause == "having":
            return dict(row)  # measures of a group, which has no key
        names = {_short(column) for column in self.predicate.columns}
        return {name: row[name] for name in row if name in names or name.endswith("_id")}


@dataclass(frozen=True)
class Explanation:
    """Whether a person is in, by the predicates alone, and what each of them said.

    ``missing`` names the relations that hold no row of theirs where one is needed.
    """

    person_id: str
    is_member: bool
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def reasons(self) -> tuple[Finding, ...]:
        """The predicates without which they would have come further."""
        return tuple(finding for finding in self.findings if finding.decided)


def explain(definition: Definition, people: Sequence[str], ask: Ask) -> dict[str, Explanation]:
    """Explain the membership of people, all in a few statements; by ``person_id``."""
    seen = [_Seen(step, *_look(definition, step, people, ask)) for step in definition.steps]
    return {person: _Judge(definition, seen, person).judge() for person in people}


def settle(definition: Definition, ask: Ask) -> dict[str, str]:
    """Return the value of each instant that predicates compute, by the SQL that computes it."""
    dialect = definition.dialect
    found = {
        side.sql(dialect=dialect, normalize_functions="lower")
        for step in definition.steps
        for predicate in step.predicates
        for side in predicate.expression.find_all(exp.Paren, exp.Cast)
        if side.find(exp.Literal) and not side.find(exp.Column)
    }
    if not found:
        return {}
    longest_first = sorted(found, key=lambda sql: (-len(sql), sql))
    (values,) = ask(f"select {', '.join(longest_first)}")
    return {sql: str(value) for sql, value in zip(longest_first, values, strict=True)}


def readable(predicate: Predicate, definition: Definition, settled: Mapping[str, str]) -> str:
    """Return a predicate as SQL to read, instants computed."""
    text = predicate.text(definition.dialect)
    for sql, value in settled.items():
        text = text.replace(sql, f"'{value}'")
    return text


@dataclass(frozen=True)
class _Seen:
    """A step and what it saw of each person, before grouping and after."""

    step: Step
    rows: Mapping[str, Sequence[Row]]
    groups: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    def lets_pass(self, person: str) -> bool:
        """Whether something of a person comes out of the step."""
        last = self.groups if self.step.is_grouped else self.rows
        return any(row.passes for row in last.get(person, ()))

    def views(self) -> Iterator[tuple[list[Predicate], Mapping[str, Sequence[Row]]]]:
        """Yield the predicates together with what they were asked about."""
        yield self.step.of("where", "join"), self.rows
        if self.step.is_grouped:
            yield self.step.of("having"), self.groups


def _look(
    definition: Definition, step: Step, people: Sequence[str], ask: Ask
) -> Iterator[dict[str, list[Row]]]:
    dialect = definition.dialect
    where, having = step.of("where", "join"), step.of("having")
    rows = ask(step.rows_query(people, dialect).sql(dialect))
    yield _by_person(rows, len(where), [_short(column) for column in step.evidence])
    if having:
        rows = ask(step.groups_query(people, dialect).sql(dialect))
        names = [measure.sql(dialect=dialect, identify=False) for measure in step.measures]
        yield _by_person(rows, len(having), names)


def _by_person(rows: Rows, asked: int, names: Sequence[str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for person, *values in rows:
        shown = dict(zip(names, values[asked:], strict=True))
        found[str(person)].append(Row(tuple(values[:asked]), shown))
    return dict(found)


class _Judge:
    """Reads off what was seen of one person."""

    def __init__(self, definition: Definition, seen: Sequence[_Seen], person: str) -> None:
        self._steps: dict[str, list[_Seen]] = defaultdict(list)
        for each in seen:
            self._steps[each.step.name].append(each)
        self._seen = seen
        self._person = person
        self._decided: set[int] = set()
        self._missing: list[str] = []

    def judge(self) -> Explanation:
        is_member = self._passes(RESULT)
        if not is_member:
            self._blame(RESULT)
        return Explanation(
            self._person, is_member, tuple(self._findings()), tuple(dict.fromkeys(self._missing))
        )

    def _passes(self, name: str) -> bool:
        return any(each.lets_pass(self._person) for each in self._steps[name])

    def _blame(self, name: str) -> None:
        """Mark what kept a person out of a step: of what stops them, that which comes first."""
        for each in self._steps[name]:
            earlier = [
                source
                for source in each.step.required
                if source in self._steps and not self._passes(source)
            ]
            for source in earlier:
                self._blame(source)
            if not earlier:
                self._blame_predicates(each)

    def _blame_predicates(self, seen: _Seen) -> None:
        for predicates, rows in seen.views():
            mine = rows.get(self._person, ())
            if not mine:
                self._missing.append(seen.step.required[0])
                return
            if not any(row.passes for row in mine):
                closest = min(mine, key=lambda row: sum(a is not True for a in row.answers))
                pairs = zip(predicates, closest.answers, strict=True)
                self._decided |= {id(each) for each, answer in pairs if answer is not True}
                return

    def _findings(self) -> Iterator[Finding]:
        for seen in self._seen:
            for predicates, rows in seen.views():
                mine = rows.get(self._person, ())
                for number, predicate in enumerate(predicates):
                    yield Finding(
                        predicate,
                        tuple(row.values for row in mine if row.answers[number] is True),
                        tuple(row.values for row in mine if row.answers[number] is not True),
                        id(predicate) in self._decided,
                    )


def _short(column: exp.Column) -> str:
    return f"{column.table}.{column.name}" if column.table else column.name

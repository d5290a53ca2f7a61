"""How many small wrongs in the segments' SQL their unit tests find.

Each mutant is one change of a comparator, a boundary, a window, a join or the handling of nulls. It
is killed when a unit test of its segment fails on it. A survivor counts as equivalent only where it
yields the same rows as the original on random data full of boundaries, ties and nulls.

The unit tests' rows are run on DuckDB directly. That this is dbt's own verdict is checked in the
same run: one mutant of each segment is written into a copy of the project, which dbt then tests.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from benchmarks.measure import arguments
from benchmarks.mutants import Mutant, mutants
from benchmarks.unit_tests import UnitTest, load, types_of, unqualified

ROOT = Path(__file__).resolve().parent.parent
AS_OF = datetime(2026, 11, 1)
TARGET = 0.95
TRIALS = 200
ROWS = 12


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant: ``killers`` are the unit tests that fail on it."""

    segment: str
    mutant: Mutant
    killers: tuple[str, ...]
    is_equivalent: bool = False


def main() -> None:
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as folder:
        manifest = _compiled(Path(folder))
        verdicts = list(_judged(manifest, quick=options.quick))
        differences = _disagreements(Path(folder), manifest, verdicts)
    rows = [_row(verdicts, name) for name in [*sorted({v.segment for v in verdicts}), "all"]]
    _print(rows, verdicts, differences, as_json=options.json)
    sys.exit(0 if rows[-1]["holds"] and not differences else 1)


def _compiled(folder: Path) -> dict[str, Any]:
    """Compile the segments, which needs no table."""
    _dbt(folder, ROOT / "dbt_project", "compile", "--select", "path:models/segments")
    manifest: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text())
    return manifest


def _judged(manifest: Mapping[str, Any], *, quick: bool) -> Iterator[Verdict]:
    nodes = manifest["nodes"]
    chance = random.Random(1)
    for unique_id, node in sorted(nodes.items()):
        if node["resource_type"] != "model" or node["fqn"][1] != "segments":
            continue
        tests = [
            UnitTest(test, nodes)
            for test in manifest["unit_tests"].values()
            if test["model"] == node["name"]
        ]
        assert all(test.passes(node["compiled_code"]) for test in tests), unique_id
        found = list(mutants(node["compiled_code"]))
        for mutant in chance.sample(found, min(len(found), 15)) if quick else found:
            killers = tuple(test.name for test in tests if not test.passes(mutant.sql))
            is_equivalent = not killers and _is_equivalent(node, mutant, manifest)
            yield Verdict(node["name"], mutant, killers, is_equivalent)


def _is_equivalent(node: Mapping[str, Any], mutant: Mutant, manifest: Mapping[str, Any]) -> bool:
    """Whether no random data tells a mutant from the original."""
    chance = random.Random(mutant.sql)
    parents = [manifest["nodes"][parent] for parent in node["depends_on"]["nodes"]]
    columns = ", ".join(node["columns"])
    sides = [
        f"select {columns} from ({unqualified(s)}) as s"
        for s in (node["compiled_code"], mutant.sql)
    ]
    pool = _Pool.of(node["compiled_code"], chance)
    with duckdb.connect(config={"threads": 1}) as connection:
        for _ in range(TRIALS):
            for parent in parents:
                load(connection, parent, pool.rows(parent, manifest))
            try:
                ((differences,),) = connection.execute(
                    f"select count(*) from (({sides[0]} except all {sides[1]})"
                    f" union all ({sides[1]} except all {sides[0]})) as differences"
                ).fetchall()
            except duckdb.Error:
                return False
            if differences:
                return False
    return True


@dataclass(frozen=True)
class _Pool:
    """Random rows out of few values, so that they tie, meet, and stand on every edge."""

    chance: random.Random
    words: Sequence[str]
    numbers: Sequence[int]
    edges: Sequence[datetime]

    @classmethod
    def of(cls, sql: str, chance: random.Random) -> _Pool:
        """Return the pool of what a statement compares with."""
        tree = sqlglot.parse_one(sql, read="duckdb")
        literals = [
            literal
            for test in tree.find_all(exp.EQ, exp.In, exp.GT, exp.GTE, exp.LT, exp.LTE)
            for literal in test.find_all(exp.Literal)
        ]
        windows = [int(length) for length in re.findall(r"\((-\d+)\)", sql)]
        return cls(
            chance,
            [each.this for each in literals if each.is_string and each.this.isidentifier()],
            [int(each.this) for each in literals if each.is_int and int(each.this) < 10_000],
            [AS_OF, *(AS_OF + timedelta(seconds=length) for length in windows)],
        )

    def rows(self, node: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
        keys = _keys(node, manifest)
        rows = [
            {name: self._value(name, kind) for name, kind in types_of(node).items()}
            for _ in range(self.chance.randint(0, ROWS))
        ]
        for name in keys["not_null"] | keys["unique"]:
            rows = [row for row in rows if row[name] is not None]
        for name in keys["unique"]:
            rows = list({row[name]: row for row in rows}.values())
        return rows

    def _value(self, name: str, kind: str) -> Any:
        if self.chance.random() < 0.12:
            return None
        if kind == "boolean":
            return self.chance.random() < 0.5
        if kind in ("timestamp", "date"):
            edge = self.chance.choice(self.edges) + timedelta(
                seconds=self.chance.choice((-1, 0, 1))
            )
            return str(edge)
        if kind == "string":
            return self.chance.choice(
                [f"{name}{n}" for n in range(4)]
                if name.endswith("_id")
                else [*self.words * 3, "B", "a"]
            )
        return self.chance.choice([*self.numbers, *(n - 1 for n in self.numbers), 0, 1, 5])


def _keys(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the columns that the project's own tests and contracts hold unique or not null."""
    found: dict[str, set[str]] = {"unique": set(), "not_null": set()}
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and test.get("attached_node") == node["unique_id"]:
            name = (test.get("test_metadata") or {}).get("name")
            if name in found and test.get("column_name"):
                found[name].add(test["column_name"])
    for name, column in node["columns"].items():
        if any(each["type"] == "not_null" for each in column.get("constraints") or []):
            found["not_null"].add(name)
    return found


def _disagreements(
    folder: Path, manifest: Mapping[str, Any], verdicts: Sequence[Verdict]
) -> list[str]:
    """Let dbt judge one mutant of each segment; return where its verdict is another than ours."""
    project = folder / "seamline" / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(ROOT / "seeds" / "reference", folder / "seamline" / "seeds" / "reference")
    chosen = {v.segment: v for v in verdicts if len(v.killers) == 1 or not v.killers}
    chosen = {v.segment: v for v in verdicts} | chosen
    nodes = manifest["nodes"]
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        for segment in chosen:
            for parent in nodes[f"model.seamline.{segment}"]["depends_on"]["nodes"]:
                load(connection, nodes[parent], [])
    for segment, verdict in chosen.items():
        text = re.sub(r'"warehouse"\."\w+"\."(\w+)"', r"{{ ref('\1') }}", verdict.mutant.sql)
        (project / "models" / "segments" / f"{segment}.sql").write_text(text)
    results = folder / "target" / "run_results.json"
    results.unlink(missing_ok=True)
    _dbt(folder, project, "test", "--select", "path:models/segments,test_type:unit", check=False)
    told = {
        result["unique_id"].rsplit(".", 1)[-1]: result["status"]
        for result in json.loads(results.read_text())["results"]
        if result["unique_id"].startswith("unit_test.")
    }
    ours = {
        test["name"]: test["name"] not in chosen[test["model"]].killers
        for test in manifest["unit_tests"].values()
        if test["model"] in chosen
    }
    assert set(told) == set(ours), set(told) ^ set(ours)
    return sorted(name for name, passes in ours.items() if passes != (told[name] == "pass"))


def _dbt(folder: Path, project: Path, *arguments: str, check: bool = True) -> None:
    settings = {
        "SEAMLINE_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
        "SEAMLINE_AS_OF": AS_OF.isoformat(),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }
    where = ["--project-dir", str(project), "--profiles-dir", str(project)]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--quiet", *arguments, *where],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")


def _row(verdicts: Sequence[Verdict], name: str) -> dict[str, Any]:
    mine = [v for v in verdicts if name in (v.segment, "all")]
    equivalent = sum(v.is_equivalent for v in mine)
    killed = sum(bool(v.killers) for v in mine)
    share = killed / max(len(mine) - equivalent, 1)
    return {
        "work": name,
        "unit": "mutants",
        "ours": killed,
        "other": len(mine) - equivalent,
        "other_name": "mutants that differ",
        "ratio": share,
        "target": TARGET,
        "holds": share >= TARGET,
        "equivalent": equivalent,
    }


def _print(
    rows: Sequence[Mapping[str, Any]],
    verdicts: Sequence[Verdict],
    differences: Sequence[str],
    *,
    as_json: bool,
) -> None:
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    print("| segment | killed | of mutants that differ | share | target | equivalent |")
    print("|---|--:|--:|--:|--:|--:|")
    for row in rows:
        print(
            f"| {row['work']} | {row['ours']} | {row['other']} | {row['ratio']:.3f} |"
            f" ≥ {TARGET:g} | {row['equivalent']} |"
        )
    for verdict in verdicts:
        if not verdict.killers:
            reason = "the same rows on random data" if verdict.is_equivalent else "no test sees it"
            mutant = verdict.mutant
            print(f"\n{verdict.segment}, {mutant.kind}: {reason}")
            print(f"  {_line(mutant.before)}\n  {_line(mutant.after)}")
    agreed = "the same" if not differences else f"another: {', '.join(differences)}"
    print(f"\nOn one mutant of each segment dbt's own verdict is {agreed}.")


def _line(sql: str) -> str:
    return sql if len(sql) <= 160 else f"{sql[:80]} … {sql[-70:]}"


if __name__ == "__main__":
    main()

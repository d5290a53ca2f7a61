"""Probabilistic evidence: learnt without labels, the same each time, and under the same guards."""

from __future__ import annotations

import json
import random
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from reverse_etl.identity.clusters import refusals
from reverse_etl.identity.matching import MatchingError, match_records
from tests.conftest import Workspace
from tests.extracts import write_rows
from tests.reverse_etl.identity.test_explain import lead

MATCHING = json.dumps({"probabilistic_matching": True})
SYLLABLES = ("ba", "de", "fi", "go", "lu", "ma", "ne", "ri", "so", "tu", "va", "ze")


def misspelt(draw: random.Random, word: str) -> str:
    position = draw.randrange(len(word) - 1)
    return word[:position] + word[position + 1] + word[position] + word[position + 2 :]


def town(people: int) -> pa.Table:
    """Each person twice, the second time with a typo in one field; ``record_node`` says who."""
    draw = random.Random(5)
    rows = []
    for number in range(people):
        person = {
            "first_name": "".join(draw.choices(SYLLABLES, k=3)),
            "last_name": "".join(draw.choices(SYLLABLES, k=3)),
            "birth_date": f"{draw.randrange(1940, 2005)}-{draw.randrange(1, 13):02d}-15",
            "city": "".join(draw.choices(SYLLABLES[:4], k=2)),
        }
        wrong = draw.choice(["first_name", "last_name", "city"])
        rows.append({"record_node": f"record:t/{number}-a", **person})
        typo = {wrong: misspelt(draw, person[wrong])}
        rows.append({"record_node": f"record:t/{number}-b", **person, **typo})
    return pa.Table.from_pylist(rows)


def accepted(pairs: pa.Table) -> set[tuple[str, str]]:
    return {
        (row["left_node"], row["right_node"])
        for row in pairs.to_pylist()
        if row["refusal_reason"] is None
    }


def test_typos_are_seen_through_without_a_label_and_the_same_each_time() -> None:
    records = town(300)
    pairs = match_records(records)
    shuffled = records.take(random.Random(1).sample(range(len(records)), len(records)))
    assert match_records(shuffled).equals(pairs)
    found = accepted(pairs)
    truth = {(f"record:t/{n}-a", f"record:t/{n}-b") for n in range(300)}
    assert len(found & truth) / len(truth) >= 0.97
    assert len(found & truth) / len(found) >= 0.99
    assert all(0 <= p <= 1 for p in pairs.column("probability").to_pylist())


def test_a_name_counts_where_the_other_is_missing() -> None:
    records = town(300).to_pylist()
    halves = [{**row, "first_name": None} if n % 6 == 1 else row for n, row in enumerate(records)]
    truth = {(f"record:t/{n}-a", f"record:t/{n}-b") for n in range(0, 300, 3)}
    found = accepted(match_records(pa.Table.from_pylist(halves)))
    assert len(found & truth) / len(truth) >= 0.9


def test_records_that_say_the_same_are_paired_with_the_first_of_them() -> None:
    same = town(100).to_pylist()
    copies = [{**same[0], "record_node": f"record:t/copy-{n}"} for n in range(4)]
    found = accepted(match_records(pa.Table.from_pylist(same + copies)))
    assert {("record:t/0-a", f"record:t/copy-{n}") for n in range(4)} <= found
    assert ("record:t/copy-2", "record:t/copy-3") not in found


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(MatchingError, match="say no two of first_name, last_name"):
        match_records(pa.table({"record_node": ["record:a/1"], "city": ["Graz"]}))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(MatchingError, match=r"pip install 'seamline\[probabilistic\]'"):
        match_records(town(1))


def reasons(pairs: list[tuple[str, str, float]]) -> list[str | None]:
    return refusals(*([pair[i] for pair in pairs] for i in range(3)))  # type: ignore[arg-type]


def test_a_chain_of_likenesses_is_taken_apart_and_a_crowd_of_them_stays() -> None:
    chain = [("a", "b", 0.99), ("b", "c", 0.92), ("c", "d", 0.93), ("d", "e", 0.999)]
    assert reasons(chain) == [None, "sparse", "sparse", None]
    crowd = [(one, other, 0.91) for one, other in combinations("vwxyz", 2)]
    assert reasons(crowd) == [None] * 10
    assert reasons([("a", "b", 0.49)]) == ["improbable"]
    assert reasons([]) == []


def test_the_order_of_pairs_does_not_matter() -> None:
    draw = random.Random(3)
    drawn = [(a, b, draw.uniform(0.4, 1)) for a, b in combinations("abcdefghij", 2)]
    pairs = draw.sample(drawn, 22)
    found = dict(zip(pairs, reasons(pairs), strict=True))
    again = draw.sample(pairs, len(pairs))
    assert dict(zip(again, reasons(again), strict=True)) == found
    assert {None, "improbable", "sparse"} >= set(found.values())


@pytest.fixture(scope="module")
def matched(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The built warehouse with matching switched on, and leads with typos in their addresses."""
    folder = tmp_path_factory.mktemp("matched")
    workspace = built.copy(folder / "workspace")
    wilma = {"first_name": "Wilmara", "last_name": "Zwickelbauer"}
    otto = {"first_name": "Ottokar", "last_name": "Quastenfels"}
    write_rows(
        folder / "extracts",
        "crm",
        "lead",
        lead(1, email="wilmara.zwickelbauer@example.org", **wilma),
        lead(2, email="wilmara.zwickelbaeur@example.org", **wilma),
        lead(3, email="ottokar.quastenfels@example.org", **otto),
        lead(4, email="ottokar.quastenfesl@example.org", **otto),
    )
    workspace.seamline("load", str(folder / "extracts"))
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute(
            "insert into reference.identity_decisions"
            " (action, left_type, left_value, right_type, right_value) values"
            " ('split', 'email', 'ottokar.quastenfels@example.org',"
            " 'email', 'ottokar.quastenfesl@example.org')"
        )
    selected = ["path:models/staging/crm", "path:models/intermediate/identity", "identities"]
    marts = ["person_records", "identity_changes"]
    workspace.dbt("run", "--select", *selected, *marts, "--vars", MATCHING)
    return workspace


def explained(workspace: Workspace, one: int, other: int) -> Any:
    ids = [f"crm/lead/00Q5gWHY0{number:06d}EAA" for number in (one, other)]
    return json.loads(workspace.seamline("explain", "identity", *ids, "--json").stdout)


def test_a_match_makes_two_records_one_person_and_is_its_evidence(matched: Workspace) -> None:
    said = explained(matched, 1, 2)
    assert said["is_same_person"]
    (hop,) = said["path"]
    assert hop["kind"] == "matched"
    assert hop["probability"] >= 0.9


def test_a_human_s_split_outweighs_a_match(matched: Workspace) -> None:
    said = explained(matched, 3, 4)
    assert not said["is_same_person"]
    (doubt,) = said["doubts"]
    assert doubt["refusal_reason"] == "split_by_hand"
    assert doubt["probability"] >= 0.9


def test_matching_is_off_unless_somebody_switches_it_on(manifest: dict[str, Any]) -> None:
    built = {node["name"] for node in manifest["nodes"].values()}
    assert "int_identity_components" in built
    assert not {"int_records_described", "int_records_matched", "int_matches_judged"} & built


def test_a_warehouse_other_than_duckdb_is_told_so(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = Workspace(tmp_path, {"SEAMLINE_TARGET": "postgres"})
    done = elsewhere.dbt("parse", "--vars", MATCHING, check=False)
    assert done.returncode != 0
    assert "probabilistic_matching" in done.stdout
    assert "DuckDB" in done.stdout

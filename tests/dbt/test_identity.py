"""Who is who: held against the truth the seeds were made from, and against what happens later.

One warehouse is built from the seeds; two copies of it live on: one is forgotten, shuffled and
resolved anew, the other receives what arrives a day later.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from tests.conftest import ROOT, Workspace

TRUTH = ROOT / "seeds" / "truth" / "person_records.csv"
DAY_AFTER = "2026-11-02T00:00:00"
IDENTITY = [
    "path:models/staging",
    "path:models/intermediate/identity",
    "identities",
    "person_records",
    "identity_changes",
    "identity_refused",
]

Record = tuple[str, str]


def rows(workspace: Workspace, query: str, *parameters: object) -> list[tuple[object, ...]]:
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def people_of_records(workspace: Workspace) -> dict[Record, str]:
    found = rows(workspace, "select source_name, source_id, person_id from marts.person_records")
    return {(str(source), str(record)): str(person) for source, record, person in found}


def people_of_identifiers(workspace: Workspace) -> dict[tuple[str, str], str]:
    found = rows(
        workspace, "select identifier_type, identifier_value, person_id from marts.identities"
    )
    return {(str(kind), str(value)): str(person) for kind, value, person in found}


def pairs(sizes: Counter[object]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())


def quality(found: Mapping[Record, str], truth: Mapping[Record, str]) -> tuple[float, float]:
    """Pairwise precision and recall; a record that nobody could place is a person of its own."""
    placed = {record: found.get(record, f"unplaced:{record}") for record in truth}
    together = pairs(Counter(zip(placed.values(), truth.values(), strict=True)))
    return (
        together / pairs(Counter(placed.values())),
        together / pairs(Counter(truth.values())),
    )


@pytest.fixture(scope="module")
def truth() -> dict[Record, str]:
    with TRUTH.open(newline="") as file:
        return {
            (row["source_name"], row["source_id"]): row["person_key"]
            for row in csv.DictReader(file)
        }


@pytest.fixture(scope="module")
def records_at(truth: Mapping[Record, str]) -> Callable[[str, str], dict[str, Record]]:
    """Of each person, one record of a kind: ``records_at("crm", "contact/")``."""

    def first_of(source_name: str, prefix: str) -> dict[str, Record]:
        kept = [r for r in truth if r[0] == source_name and r[1].startswith(prefix)]
        return {truth[record]: record for record in sorted(kept, reverse=True)}

    return first_of


def test_people_are_the_people_they_were_generated_from(
    built: Workspace, truth: Mapping[Record, str]
) -> None:
    precision, recall = quality(people_of_records(built), truth)
    print(f"identity: pairwise precision {precision:.4f}, recall {recall:.4f}")
    assert precision >= 0.999
    assert recall >= 0.97


def test_a_shared_tablet_never_merges_the_family(
    built: Workspace, truth: Mapping[Record, str]
) -> None:
    logins: dict[str, set[str]] = defaultdict(set)
    for (_, source_id), person in truth.items():
        if source_id.startswith("login/"):
            logins[source_id.split("/")[1]].add(person)
    tablets = {device: family for device, family in logins.items() if len(family) > 1}
    assert tablets, "the seeds hold no shared device"
    found = people_of_records(built)
    for device, family in tablets.items():
        members = {
            truth[record]: found[record]
            for record in truth
            if record[1].startswith("login/") and truth[record] in family
        }
        assert len(set(members.values())) == len(family)
        assert found["web", f"anonymous/{device}"] not in members.values()
        seen = rows(
            built,
            "select user_id, count(distinct person_id) from marts.events"
            " where anonymous_id = ? and user_id is not null group by user_id",
            device,
        )
        assert len(seen) == len(family)
        assert {count for _, count in seen} == {1}


def test_junk_merges_nobody_and_is_counted(built: Workspace) -> None:
    for kind, value in (("email", "test@test.com"), ("user_id", "anonymous")):
        assert (kind, value) not in people_of_identifiers(built)
        (refused,) = rows(
            built,
            "select reason, record_count from marts.identity_refused"
            " where identifier_type = ? and identifier_value_hash = sha256(?)",
            kind,
            value,
        )
        assert refused[0] == "blocked"
        assert int(str(refused[1])) > 1


def test_every_id_was_created_once(built: Workspace) -> None:
    changes = rows(built, "select change, count(*) from marts.identity_changes group by change")
    people = rows(built, "select count(*) from marts.people")
    assert changes == [("created", people[0][0])]


@pytest.fixture(scope="module")
def forgotten(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same landed rows in another order, resolved with no memory of the first time."""
    workspace = built.copy(tmp_path_factory.mktemp("forgotten"))
    with duckdb.connect(str(workspace.warehouse)) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where schema_name like 'raw\\_%'"
            " escape '\\'"
        ).fetchall()
        for schema, table in tables:
            connection.execute(
                f'create or replace table {schema}."{table}" as'
                f' select * from {schema}."{table}" order by md5(_file || _row::varchar)'
            )
        connection.execute("drop table marts.identity_changes")
        connection.execute("drop table intermediate.int_person_ids_registered")
    workspace.dbt("run", "--select", *IDENTITY)
    return workspace


def test_ids_do_not_depend_on_order_or_memory(built: Workspace, forgotten: Workspace) -> None:
    assert people_of_records(forgotten) == people_of_records(built)
    assert people_of_identifiers(forgotten) == people_of_identifiers(built)


LEAD_DEFAULTS = {
    "is_converted": "true",
    "is_deleted": "false",
    "company": "Later Ltd",
    "status": "Open",
    "created_date": "2026-11-01T08:00:00Z",
    "last_modified_date": "2026-11-01T08:00:00Z",
    "_fivetran_synced": "2026-11-01T09:00:00Z",
}
CHAIN = [
    {"email": f"link{number}@example.org", "phone": f"+4915120099{number:03d}"}
    for number in range(1, 7)
]


def lead(number: int, **columns: str | None) -> dict[str, str | None]:
    return {"id": f"00Q5gLATE{number:06d}EAA", **LEAD_DEFAULTS, **columns}


def links_of_a_chain() -> Iterator[dict[str, str | None]]:
    """Leads in which each shares only its e-mail or only its phone with the next."""
    for number, (one, other) in enumerate(pairwise(CHAIN)):
        yield lead(10 + 2 * number, email=one["email"], phone=one["phone"])
        yield lead(11 + 2 * number, email=other["email"], phone=one["phone"])


@pytest.fixture(scope="module")
def strangers(
    built: Workspace, records_at: Callable[[str, str], dict[str, Record]]
) -> dict[str, Record]:
    """Four customers, no two of one person, by the order in which they were given ids.

    Nothing of them hangs on a phone alone: that would rightly come off when names contradict it.
    """
    found = people_of_records(built)
    arrived = dict(
        rows(
            built,
            "select registered.person_id, min(registered.arrived_at)"
            " from intermediate.int_person_ids_registered as registered"
            " inner join marts.person_records using (person_id)"
            " inner join intermediate.int_identities_certain as certain"
            " on certain.node_id = 'record:' || source_name || '/' || source_id"
            " group by 1 having count(distinct certain.component_id) = 1",
        )
    )
    customers = [r for r in records_at("shop", "customer/").values() if found.get(r) in arrived]
    customers.sort(key=lambda record: (str(arrived[found[record]]), record))
    return dict(zip(("older", "younger", "left", "right"), customers, strict=False))


def value_of(workspace: Workspace, record: Record, kind: str) -> str:
    ((value,),) = rows(
        workspace,
        "select min(identifier_value) from intermediate.int_identity_edges"
        " where (source_name, source_id) = (?, ?) and identifier_type = ?"
        " and refusal_reason is null",
        *record,
        kind,
    )
    return str(value)


@pytest.fixture(scope="module")
def day_after(
    built: Workspace, strangers: dict[str, Record], tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """The day after: late evidence, a chain, junk, and two decisions; then a full refresh."""
    folder = tmp_path_factory.mktemp("day_after")
    workspace = built.copy(folder, SEAMLINE_AS_OF=DAY_AFTER)
    older, younger, left, right = (
        {kind: value_of(built, record, kind) for kind in ("shop_customer_id", "email")}
        for record in strangers.values()
    )
    leads = [
        *links_of_a_chain(),
        lead(30, email="test@test.com"),
        lead(31, email="test@test.com"),
        lead(40, email="split@example.org", phone="+4915120098001"),
        lead(41, email="other@example.org", phone="+4915120098001"),
        lead(50, email="ada50@example.org", phone="+4915120098002", first_name="Ada"),
        lead(51, email="ben51@example.org", phone="+4915120098002", first_name="Ben"),
        lead(53, email="eve53@example.org", phone="+4915120098003", first_name="Eve"),
        lead(54, email="eve54@example.org", phone="+4915120098003", first_name=" EVE "),
    ]
    with duckdb.connect(str(workspace.warehouse)) as connection:
        _land(connection, "raw_crm.lead", leads, folder)
        _land(
            connection,
            'raw_shop."order"',
            [
                {
                    "id": "5999",
                    "customer_id": younger["shop_customer_id"],
                    "email": older["email"],
                    "created_at": "2026-11-01T08:00:00Z",
                    "processed_at": "2026-11-01T08:00:00Z",
                    "currency": "EUR",
                    "subtotal_price": "10.00",
                    "total_price": "10.00",
                    "test": "false",
                    "_fivetran_synced": "2026-11-01T09:00:00Z",
                }
            ],
            folder,
        )
        connection.executemany(
            "insert into reference.identity_decisions values (?, ?, ?, ?, ?, 'as they told us')",
            [
                ["link", "email", f" {left['email'].upper()} ", "email", right["email"]],
                ["split", "email", "split@example.org", "phone", "+49 1512 0098001"],
            ],
        )
    workspace.dbt("run", "--full-refresh", "--select", *IDENTITY)
    return workspace


def _land(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    records: list[dict[str, str | None]],
    folder: Path,
) -> None:
    """Append rows as `seamline load` would."""
    file = folder / "later.jsonl"
    file.write_text("\n".join(json.dumps(record) for record in records))
    names = ", ".join({name: None for record in records for name in record})
    connection.execute(
        f"insert into {table} by name select {names}, 'later@00000000' as _file,"
        f" row_number() over () as _row, timestamp '2026-11-01 10:00:00' as _loaded_at"
        f" from read_json('{file}', format = 'newline_delimited', auto_detect = true,"
        " convert_strings_to_integers = false, timestampformat = 'none')"
    )


def test_late_evidence_merges_and_the_older_id_survives(
    built: Workspace, day_after: Workspace, strangers: dict[str, Record]
) -> None:
    before, after = people_of_records(built), people_of_records(day_after)
    older, younger = before[strangers["older"]], before[strangers["younger"]]
    assert older != younger
    assert after[strangers["older"]] == after[strangers["younger"]] == older
    assert rows(
        day_after,
        "select change, person_id, from_person_id, to_person_id, recorded_at::varchar"
        " from marts.identity_changes where person_id = ? and change <> 'created'",
        younger,
    ) == [("merged", younger, younger, older, "2026-11-02 00:00:00")]


def test_nobody_else_changes(
    built: Workspace, day_after: Workspace, strangers: dict[str, Record]
) -> None:
    before, after = people_of_records(built), people_of_records(day_after)
    merged = {before[record] for record in strangers.values()}
    for record, person in before.items():
        if person not in merged:
            assert after[record] == person


def test_a_chain_is_one_person(day_after: Workspace) -> None:
    found = people_of_identifiers(day_after)
    chained = {found["email", link["email"]] for link in CHAIN}
    chained |= {found["phone", link["phone"]] for link in CHAIN[:-1]}
    assert len(chained) == 1
    ((change,),) = rows(
        day_after, "select change from marts.identity_changes where person_id = ?", chained.pop()
    )
    assert change == "created"


def test_junk_that_arrives_later_merges_nobody(day_after: Workspace) -> None:
    found = people_of_records(day_after)
    late = [found["crm", f"lead/00Q5gLATE{number:06d}EAA"] for number in (30, 31)]
    assert len(set(late)) == 2


def test_a_phone_merges_a_person_but_not_a_family(day_after: Workspace) -> None:
    found = people_of_identifiers(day_after)
    assert found["email", "eve53@example.org"] == found["email", "eve54@example.org"]
    assert found["email", "ada50@example.org"] != found["email", "ben51@example.org"]
    assert rows(
        day_after,
        "select reason, record_count from marts.identity_refused where identifier_value_hash"
        " = sha256('+4915120098002')",
    ) == [("shared_phone", 2)]


def test_what_a_human_decided_wins(
    built: Workspace, day_after: Workspace, strangers: dict[str, Record]
) -> None:
    before, after = people_of_records(built), people_of_records(day_after)
    assert before[strangers["left"]] != before[strangers["right"]]
    assert after[strangers["left"]] == after[strangers["right"]] == before[strangers["left"]]
    found = people_of_identifiers(day_after)
    assert found["email", "split@example.org"] != found["email", "other@example.org"]
    reasons = rows(
        day_after,
        "select reason, record_count from marts.identity_refused where identifier_value_hash"
        " = sha256('+4915120098001')",
    )
    assert reasons == [("split_by_hand", 1)]


def test_a_run_without_news_changes_no_id(day_after: Workspace, tmp_path: Path) -> None:
    again = day_after.copy(tmp_path / "again")
    again.dbt("run", "--select", *IDENTITY)
    assert people_of_records(again) == people_of_records(day_after)
    count = "select count(*) from marts.identity_changes"
    assert rows(again, count) == rows(day_after, count)

"""Experiments on a segment: who is held out, that nobody is sent who is, and what it is worth."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import duckdb
import pytest

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.sandbox import running_sandbox
from reverse_etl.segments.lift import Arm, compare, lift
from reverse_etl.segments.segment import find_segment
from reverse_etl.warehouse.duckdb import DuckDBWarehouse
from tests.conftest import ROOT, Workspace

SEGMENT = "newsletter_engaged"
KLAVIYO, KLAVIYO_MODEL = "klaviyo_audience_members", "sync_klaviyo_audience_members"
AUDIENCES = f"activation.{KLAVIYO_MODEL}"
AT_RISK = "high_value_customers_at_risk"
SALT = "weekly-2026"
EXPERIMENT = f"experiment: {{salt: {SALT}, control: 0.4, variants: [short, long]}}"

DECLARED = {
    SEGMENT: EXPERIMENT,
    AT_RISK: "exclude: [best_customers]",
    "abandoned_cart": "priority: 1",
    "new_customers": "priority: 2",
}


def drawn(person: str) -> str:
    """The variant by hand: 32 bits of a hash, four tenths of which are control."""
    share = int(hashlib.md5(f"{SALT}/{person}".encode()).hexdigest()[:8], 16) / 2**32
    return "control" if share < 0.4 else "short" if share < 0.7 else "long"


@pytest.fixture(scope="module")
def running(compiled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The project with an experiment on one segment; only what comes after segments is built."""
    folder = tmp_path_factory.mktemp("experiment")
    project = folder / "dbt_project"
    shutil.copytree(ROOT / "dbt_project", project, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(ROOT / "seeds" / "reference", folder / "seeds" / "reference")
    for segment, says in DECLARED.items():
        declared = project / "models" / "segments" / f"{segment}.yml"
        text, owned = declared.read_text(), "          owner: "
        assert text.count(owned) == 1
        text = text.replace(owned, f"          {says}\n{owned}")
        if segment == SEGMENT:
            assert text.count("channels: [klaviyo]") == 1
            text = text.replace("channels: [klaviyo]", "channels: [klaviyo, meta]")
        declared.write_text(text)
    places = ("SEAMLINE_PROJECT_DIR", "DBT_PROJECT_DIR", "DBT_PROFILES_DIR")
    workspace = compiled.copy(folder / "workspace", **dict.fromkeys(places, str(project)))
    audiences = ("sync_klaviyo_audience_members", "sync_meta_audience_members")
    chosen = ("audience_assignments", *audiences, "membership_history")
    workspace.dbt("build", "--select", *chosen)
    return workspace


def rows(workspace: Workspace, query: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_everybody_is_on_the_side_that_salt_and_id_say(running: Workspace) -> None:
    assigned = dict(rows(running, "select person_id, variant from audiences.audience_assignments"))
    members = {p for (p,) in rows(running, f"select person_id from segments.{SEGMENT}")}
    assert set(assigned) == members
    assert assigned == {person: drawn(person) for person in members}
    assert set(assigned.values()) == {"control", "short", "long"}


@pytest.mark.parametrize("channel", ["klaviyo", "meta"])
def test_nobody_held_out_is_sent_on_any_channel(running: Workspace, channel: str) -> None:
    sent = f"select person_id from activation.sync_{channel}_audience_members where audience = "
    members = {p for (p,) in rows(running, f"select person_id from segments.{SEGMENT}")}
    expected = {p for p in members if drawn(p) != "control"}
    assert {p for (p,) in rows(running, f"{sent} '{SEGMENT}'")} == expected


def test_whoever_is_sent_has_their_variant_there(running: Workspace) -> None:
    sent = "select person_id, properties from activation.sync_klaviyo_audience_members"
    properties = dict(rows(running, f"{sent} where audience = '{SEGMENT}'"))
    assert properties
    assert all(json.loads(text)["variant"] == drawn(p) for p, text in properties.items())
    others = f"{sent} where audience <> '{SEGMENT}' and properties like '%variant%'"
    assert rows(running, others) == []


def test_whom_an_experiment_holds_out_is_taken_out_and_never_added(
    running: Workspace, compiled: Workspace, tmp_path: Path
) -> None:
    """Everybody was at the channel before; then the experiment began."""
    with running_sandbox() as sandbox:
        home = running.copy(tmp_path / "home", SEAMLINE_SANDBOX_URL=sandbox.url)
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute(f"attach '{compiled.warehouse}' as before (read_only)")
            connection.execute(
                f"create table drawn as from {AUDIENCES} where audience = '{SEGMENT}'"
            )
            connection.execute(f"delete from {AUDIENCES}")
            connection.execute(f"insert into {AUDIENCES} by name from before.{AUDIENCES}")
            people = dict(
                connection.execute("select email, person_id from marts.people").fetchall()
            )
        home.seamline("sync", "--select", KLAVIYO)
        label = "Newsletter engaged"
        before = {each["email"] for each in sandbox.state("klaviyo")["audiences"][label]["members"]}
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute(f"delete from {AUDIENCES} where audience = '{SEGMENT}'")
            connection.execute(f"insert into {AUDIENCES} from drawn")
        home.seamline("sync", "--select", KLAVIYO)
        after = {each["email"] for each in sandbox.state("klaviyo")["audiences"][label]["members"]}
    held_out = {email for email in before if drawn(people[email]) == "control"}
    assert held_out
    assert after == before - held_out
    with duckdb.connect(str(home.folder / "sync.duckdb"), read_only=True) as ledger:
        moved = ledger.execute(
            "select operation, person_id from sync_changelog where audience = ? and run_id = "
            "(select run_id from sync_runs order by run_number desc limit 1)",
            [SEGMENT],
        ).fetchall()
    operations = {(operation, drawn(person) == "control") for operation, person in moved}
    assert operations == {("remove", True), ("change", False)}, "the others learn their variant"


@pytest.mark.parametrize("side", ["control", "short"])
def test_a_merge_moves_nobody_to_another_side(
    running: Workspace, tmp_path: Path, side: str
) -> None:
    assigned = dict(rows(running, "select person_id, variant from audiences.audience_assignments"))
    survivor = min(person for person, variant in assigned.items() if variant == side)
    retired = min(person for person, variant in assigned.items() if variant == "long")
    merged = running.copy(tmp_path / "merged")
    with duckdb.connect(str(merged.warehouse)) as connection:
        connection.execute(
            "update intermediate.int_person_ids_resolved set current_person_id = ? "
            "where current_person_id = ?",
            [survivor, retired],
        )
        connection.execute(f"delete from segments.{SEGMENT} where person_id = ?", [retired])
    chosen = ("membership_history", "audience_assignments", KLAVIYO_MODEL)
    merged.dbt("run", "--select", *chosen)
    del assigned[retired]
    found = dict(rows(merged, "select person_id, variant from audiences.audience_assignments"))
    assert found == assigned
    sent = {
        p
        for (p,) in rows(merged, f"select person_id from {AUDIENCES} where audience = '{SEGMENT}'")
    }
    assert (survivor in sent) == (side != "control")
    assert retired not in sent


def test_who_is_excluded_hears_of_it_elsewhere(running: Workspace) -> None:
    sent = rows(
        running,
        "select person_id from activation.sync_klaviyo_audience_members"
        f" where audience = '{AT_RISK}'",
    )
    expected = rows(
        running,
        f"select person_id from segments.{AT_RISK}"
        " except select person_id from segments.best_customers",
    )
    members = rows(running, f"select person_id from segments.{AT_RISK}")
    assert 0 < len(expected) < len(members)
    assert sorted(sent) == sorted(expected)


def test_of_two_with_a_priority_the_first_gets_whom_they_share(running: Workspace) -> None:
    sent = "select person_id from activation.sync_klaviyo_audience_members where audience = '{}'"
    first, second = (
        {person for (person,) in rows(running, f"select person_id from segments.{segment}")}
        for segment in ("abandoned_cart", "new_customers")
    )
    assert first & second
    severe = "select person_id from marts.person_traits where has_severe_ticket"
    waiting = {person for (person,) in rows(running, severe)}
    assert {p for (p,) in rows(running, sent.format("abandoned_cart"))} == first - waiting
    assert {p for (p,) in rows(running, sent.format("new_customers"))} == second - first - waiting
    ads = "select count(*) from activation.sync_meta_audience_members where audience = '{}'"
    assert rows(running, ads.format("new_customers")) == [(len(second - first - waiting),)]


def test_a_broken_ratio_fails_the_build(running: Workspace, tmp_path: Path) -> None:
    """As it stands, it passed: the fixture builds and tests it."""
    broken = running.copy(tmp_path / "broken")
    with duckdb.connect(str(broken.warehouse)) as connection:
        connection.execute("delete from audiences.audience_assignments where variant <> 'control'")
    test = "assert_experiments_keep_their_ratio"
    done = broken.dbt("test", "--select", test, check=False)
    assert done.returncode == 1
    assert "Got 1 result" in done.stdout


def test_the_interval_is_the_published_one() -> None:
    """Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10 and 10/10 - 0/20."""
    for treated, control, low, high in (
        ((70, 56), (80, 48), 0.0524, 0.3339),
        ((10, 9), (10, 3), 0.1705, 0.8090),
        ((10, 10), (20, 0), 0.6791, 1.0000),
    ):
        found = compare(Arm("treated", *treated), Arm("control", *control))
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_lift_compares_those_taken_with_those_who_could_have_been(
    project: Project, changing: DuckDBWarehouse
) -> None:
    segment = find_segment(declaring_experiment(project), SEGMENT)
    found = changing.rows(
        "select segment.person_id, consents.state is not null as is_granted"
        f" from segments.{SEGMENT} as segment left join marts.current_consents as consents"
        " on segment.person_id = consents.person_id and consents.purpose = 'email_marketing'"
        " and consents.channel = 'email' and consents.state = 'granted' order by 1"
    )
    people = [str(person) for person, _ in found]
    may_be_sent = {str(person) for person, is_granted in found if is_granted}
    control, treated, unsent = people[:20], people[20:40], people[40:]
    comparable = [person for person in control if person in may_be_sent]
    assert 0 < len(comparable) < len(control)
    changing.execute("create schema if not exists sync")
    changing.execute(
        "create or replace table audiences.audience_assignments (audience_id text, person_id text,"
        " variant text, entered_at timestamp)"
    )
    changing.execute(
        "create table sync.sync_changelog (person_id text, audience text, operation text,"
        " status text)"
    )
    for variant, some in (("control", control), ("treated", [*treated, *unsent])):
        for person in some:
            changing.execute(
                "insert into audiences.audience_assignments values"
                f" ('{SEGMENT}', '{person}', '{variant}', '2026-10-01')"
            )
    for person in treated:
        changing.execute(
            f"insert into sync.sync_changelog values ('{person}', '{SEGMENT}', 'add',"
            " 'acknowledged')"
        )
    changing.execute("delete from marts.orders")
    columns = "order_id, person_id, source_name, order_channel, status, currency, gross_amount,"
    columns += " discount_amount, returned_amount, net_amount, net_revenue, ordered_at, loaded_at"
    late, early = "2026-10-15 00:00:01", "2026-10-01 00:00:00"
    for number, (person, at) in enumerate(
        [
            *((person, "2026-10-15 00:00:00") for person in treated[:8]),
            *((person, late) for person in treated[8:]),
            *((person, early) for person in control),
            (comparable[0], "2026-10-02"),
            (unsent[0], "2026-10-02"),
        ]
    ):
        changing.execute(
            f"insert into marts.orders ({columns}) values ('o{number}', '{person}', 'shop',"
            f" 'online', 'placed', 'EUR', 1, 0, 0, 1, 1, '{at}', '{at}')"
        )
    (result,) = lift(project, changing, segment, 14)
    assert result.treated == Arm("treated", 20, 8)
    assert (result.control.buyers, result.control.people) == (1, len(comparable))
    assert result.difference == 8 / 20 - 1 / len(comparable)
    with pytest.raises(SeamlineError, match="runs no experiment"):
        lift(project, changing, find_segment(project.manifest, SEGMENT), 14)


def declaring_experiment(project: Project) -> Manifest:
    manifest = project.manifest
    unique_id = manifest.model(SEGMENT)
    assert unique_id
    node = manifest.nodes[unique_id]
    meta = {**node["config"]["meta"]["segment"], "experiment": {"salt": SALT, "control": 0.4}}
    changed = {**node, "config": {**node["config"], "meta": {"segment": meta}}}
    nodes = {**manifest.nodes, unique_id: changed}
    return Manifest(manifest.path, nodes, manifest.sources, manifest.exposures)

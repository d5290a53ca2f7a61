"""What one person may be: components that break a rule lose their weakest evidence, and no other.

Each case is a world of its own in one graph; its identifiers carry its name.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Workspace
from tests.dbt.histories import History, Record
from tests.dbt.test_person_ids import of
from tests.postgres.server import PostgresServer

SETTINGS = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
TYPES, GUARDS = SETTINGS["identifier_types"], SETTINGS["identity_guards"]
RULES = {**GUARDS, "max_identifiers": 40, "least_density": 0.3}


def worlds() -> Iterator[tuple[str, Record]]:
    # Two accounts that may never be one, and a member's card that both showed.
    yield (
        "unique/one",
        of(user_id="unique-one", loyalty_id="unique-card", email="unique1@example.org"),
    )
    yield "unique/one again", of(user_id="unique-one", loyalty_id="unique-card")
    yield "unique/two", of(user_id="unique-two", loyalty_id="unique-card")
    yield "unique/two's till", of(user_id="unique-two", email="unique2@example.org")
    # Seven accounts over one number: three are the most one person may have here.
    for number in range(7):
        yield f"limit/{number}", of(shop_customer_id=f"limit-{number}", zendesk_user_id="limit-hub")
    # Four addresses in a month are too many, three in one and one in the next are not.
    for number, seen in enumerate(("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")):
        yield (
            f"burst/{number}",
            Record(
                [("hubspot_contact_id", "burst-hub"), ("email", f"burst{number}@example.org")],
                seen=seen,
            ),
        )
    for number, seen in enumerate(("2026-01-01", "2026-01-02", "2026-01-03", "2026-06-04")):
        yield (
            f"steady/{number}",
            Record(
                [("hubspot_contact_id", "steady-hub"), ("email", f"steady{number}@example.org")],
                seen=seen,
            ),
        )
    # A number that sixty people share makes nobody of them anybody.
    for number in range(60):
        yield (
            f"large/{number}",
            of(loyalty_id=f"large-{number}", zendesk_user_id="large-hub"),
        )
    # A chain of people, each of whom shares something with the next.
    for number in range(12):
        yield (
            f"chain/{number}",
            of(user_id=f"chain-{number}", zendesk_user_id=f"chain-{number}-{number + 1}"),
        )
        yield (
            f"chain/{number}/next",
            of(user_id=f"chain-{number + 1}", zendesk_user_id=f"chain-{number}-{number + 1}"),
        )
    # Told apart by hand, though a third record and a fourth lead from one to the other.
    yield "apart/left", of(shop_customer_id="apart-left", zendesk_user_id="apart-z")
    yield "apart/middle", of(zendesk_user_id="apart-z", hubspot_contact_id="apart-h")
    yield "apart/right", of(shop_customer_id="apart-right", hubspot_contact_id="apart-h")
    # Linked by hand, though they break the rule; what else they have stays theirs.
    yield "linked/one", of(user_id="linked-one", email="linked1@example.org")
    yield "linked/two", of(user_id="linked-two", email="linked2@example.org")
    # Each record shares its account with one neighbour and its login with the other: no person.
    for number in range(8):
        yield (
            f"drift/{number}",
            of(
                hubspot_contact_id=f"drift-{number // 2}",
                zendesk_user_id=f"drift-{(number + 1) // 2}",
            ),
        )
    # The same number of records, which all share one account.
    for number in range(8):
        login = f"dense-{number // 2}"
        yield f"dense/{number}", of(hubspot_contact_id="dense", zendesk_user_id=login)
    # Within every rule: nothing of it is touched.
    yield "sound/one", of(user_id="sound-one", email="sound@example.org")
    yield "sound/two", of(shop_customer_id="sound", email="sound@example.org")


def world_of_rules(workspace: Workspace, postgres: str = "") -> History:
    """Resolve all worlds under rules that they break."""
    types = {name: dict(settings) for name, settings in TYPES.items()}
    del types["user_id"]["limit"]
    del types["loyalty_id"]["limit"]
    types["user_id"] |= {"unique": True}
    types["shop_customer_id"] |= {"limit": 3}
    types["email"] |= {"limit": 3, "window_days": 31}
    for name in ("loyalty_id", "zendesk_user_id", "hubspot_contact_id"):
        types[name] |= {"common_above": 1000}
    history = History(
        workspace,
        variables={"identifier_types": types, "identity_guards": RULES},
        decisions=[
            ("split", "shop_customer_id", "apart-left", "shop_customer_id", "apart-right"),
            ("link", "user_id", "linked-one", "user_id", "linked-two"),
        ],
        postgres=postgres,
    )
    workspace.folder.mkdir(exist_ok=True)
    history.day("2026-11-01", dict(worlds()))
    return history


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> History:
    return world_of_rules(Workspace(tmp_path_factory.mktemp("rules") / "live"))


def values_of_people(history: History, kind: str, prefix: str) -> list[list[str]]:
    people = defaultdict(list)
    for (type_name, value), person in sorted(history.people().items()):
        if type_name == kind and value.startswith(prefix):
            people[person].append(value)
    return sorted(people.values())


def refused(history: History, prefix: str) -> Counter[tuple[str, str]]:
    return Counter(
        (str(record), str(reason))
        for record, reason in history.rows(
            "select source_id, refusal_reason from intermediate.int_identity_edges"
            " where refusal_reason is not null and source_id like ? || '/%'",
            prefix,
        )
    )


def test_two_unique_values_are_two_people(resolved: History) -> None:
    people = resolved.people()
    one, two = people["user_id", "unique-one"], people["user_id", "unique-two"]
    assert one != two
    assert people["loyalty_id", "unique-card"] == one, "it was seen with the first more often"
    assert people["email", "unique1@example.org"] == one
    assert people["email", "unique2@example.org"] == two
    assert refused(resolved, "unique") == {("unique/two", "not_unique"): 1}


def test_a_limit_keeps_as_many_as_it_allows(resolved: History) -> None:
    found = values_of_people(resolved, "shop_customer_id", "limit-")
    assert sorted(map(len, found)) == [1, 1, 1, 1, 3]
    assert set(refused(resolved, "limit").values()) == {1}
    assert {reason for _, reason in refused(resolved, "limit")} == {"over_limit"}


def test_a_limit_counts_within_its_window(resolved: History) -> None:
    assert sorted(map(len, values_of_people(resolved, "email", "steady"))) == [4]
    burst = values_of_people(resolved, "email", "burst")
    assert burst == [[f"burst{number}@example.org" for number in (1, 2, 3)]]
    assert refused(resolved, "burst") == {("burst/0", "over_limit"): 1}, "the least lately seen"


def test_a_value_of_too_many_people_is_nobody_s(resolved: History) -> None:
    found = values_of_people(resolved, "loyalty_id", "large-")
    assert sorted(map(len, found)) == [1] * 60
    assert ("zendesk_user_id", "large-hub") not in resolved.people()
    assert {reason for _, reason in refused(resolved, "large")} == {"too_large"}


def test_a_chain_falls_apart_into_its_people(resolved: History) -> None:
    assert values_of_people(resolved, "user_id", "chain-") == sorted(
        [f"chain-{number}"] for number in range(13)
    )
    assert sum(refused(resolved, "chain").values()) == 12, "one for each that joined two people"


def test_who_hardly_holds_together_loses_the_weakest_evidence(resolved: History) -> None:
    """Two by two they share the account, which is believed more than the login."""
    assert values_of_people(resolved, "hubspot_contact_id", "drift-") == [
        [f"drift-{number}"] for number in range(4)
    ]
    gone = refused(resolved, "drift")
    assert {reason for _, reason in gone} == {"sparse"}
    # A login that two of them have stays with one.
    assert [(int(record[-1]) + 1) // 2 for record, _ in sorted(gone)] == [1, 2, 3]
    assert len(values_of_people(resolved, "zendesk_user_id", "dense-")) == 1


def test_apart_by_hand_is_apart_whatever_joins_them(resolved: History) -> None:
    people = resolved.people()
    assert people["shop_customer_id", "apart-left"] != people["shop_customer_id", "apart-right"]
    assert [reason for _, reason in refused(resolved, "apart")] == ["split_by_hand"]


def test_a_link_by_hand_outweighs_the_rules(resolved: History) -> None:
    people = resolved.people()
    keys = [("user_id", "linked-one"), ("user_id", "linked-two")]
    keys += [("email", "linked1@example.org"), ("email", "linked2@example.org")]
    assert len({people[key] for key in keys}) == 1
    assert not refused(resolved, "linked")


def test_who_breaks_no_rule_loses_nothing(resolved: History) -> None:
    assert not refused(resolved, "sound")
    people = resolved.people()
    assert people["user_id", "sound-one"] == people["shop_customer_id", "sound"]


def test_no_working_table_is_left(resolved: History) -> None:
    left = resolved.rows(
        "select table_name from duckdb_tables()"
        " where contains(table_name, '__guard_') or contains(table_name, '__cc')"
    )
    assert left == []


def test_a_giant_stops_the_run_and_names_what_glues_it(resolved: History, tmp_path: Path) -> None:
    """Two million records and one over one value, made in SQL."""
    giant = History(resolved.workspace.copy(tmp_path / "giant"), variables=resolved.variables)
    people = (
        "select count(*), count(distinct component_id) from intermediate.int_identity_components"
    )
    before = giant.rows(people)
    giant.execute(
        "create or replace table intermediate.int_identity_evidence as"
        " select evidence.* replace ('record:crm/' || i as record_node,"
        "   'email:hub' as identifier_node, null as refusal_reason)"
        " from (select * from intermediate.int_identity_evidence limit 1) as evidence,"
        "   range(2000001) as r(i)",
        "create or replace table intermediate.int_identity_drafts as"
        " select record_node as node_id, 'email:hub' as component_id"
        " from intermediate.int_identity_evidence",
        "create or replace table intermediate.int_identity_counts as"
        " select 'email:hub' as node_id, 'email:hub' as component_id, 'size' as rule,"
        "   'too_large' as reason, 1 as most",
    )
    told = giant.workspace.dbt(
        "run",
        "--vars",
        json.dumps({"sources": ["crm"], **giant.variables}),
        "--select",
        "int_identity_guarded+",
        "--exclude",
        "path:models/marts",
        check=False,
    )
    said = " ".join(told.stdout.split())
    assert told.returncode != 0
    assert "2000001 pieces of evidence hang together" in said
    assert "Most hang on one email" in said
    assert giant.rows(people) == before


def test_the_order_of_rows_decides_nothing(resolved: History) -> None:
    again = resolved.forget(resolved.workspace.folder / "again", "2026-11-01")
    assert again.people() == resolved.people()


def test_postgresql_refuses_the_same(
    resolved: History, postgres: PostgresServer, tmp_path: Path
) -> None:
    database = postgres.create_database("rules", icu=True)
    elsewhere = world_of_rules(
        Workspace(tmp_path / "live", postgres.environment(database)),
        f"host=127.0.0.1 port={postgres.port} user={postgres.user} dbname={database}",
    )
    assert elsewhere.people() == resolved.people()
    evidence = (
        "select record_node, identifier_node, refusal_reason from intermediate.int_identity_edges"
    )
    assert set(elsewhere.rows(evidence)) == set(resolved.rows(evidence))
    assert sorted(elsewhere.changes()) == sorted(resolved.changes())

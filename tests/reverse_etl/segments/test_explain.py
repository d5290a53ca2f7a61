"""Why, and why not: by the predicates alone, and always as the table has it."""

from __future__ import annotations

import itertools
import json
import random
from collections import defaultdict

import duckdb
import pytest

from reverse_etl.contract.manifest import Manifest
from reverse_etl.contract.project import Project
from reverse_etl.segments.explain import Explanation, explain, readable, settle
from reverse_etl.segments.predicates import UnexplainableError, take_apart
from reverse_etl.segments.replay import Replay
from reverse_etl.segments.segment import find_segment, segments
from reverse_etl.warehouse.duckdb import DuckDBWarehouse
from reverse_etl.warehouse.session import Warehouse
from tests.conftest import Workspace

# For each predicate: a change of a member's rows after which it fails, and how it reads.
TURNS = [
    ("abandoned_cart", "update marts.carts set status = 'converted'", "carts.status = 'abandoned'"),
    ("abandoned_cart", "update marts.carts set item_count = 0", "carts.item_count > 0"),
    (
        "abandoned_cart",
        "update marts.carts set last_activity_at = '2026-10-17 23:59:59'",
        "carts.last_activity_at >= '2026-10-18 00:00:00'",
    ),
    ("abandoned_cart", "update marts.carts set cart_id = 'empty'", "a row of contents where"),
    (
        "anonymous_visitors_with_intent",
        "update marts.people set is_anonymous = false",
        "people.is_anonymous",
    ),
    (
        "anonymous_visitors_with_intent",
        "update marts.events set event_name = 'page_viewed'",
        "events.event_name IN (",
    ),
    (
        "anonymous_visitors_with_intent",
        "update marts.events set occurred_at = '2026-10-17 23:59:59'",
        "events.occurred_at BETWEEN '2026-10-18 00:00:00' AND '2026-11-01 00:00:00'",
    ),
    ("best_customers", "update marts.people set order_count = 2", "people.order_count >= 3"),
    ("best_customers", "update marts.people set net_revenue = 499", "people.net_revenue >= 500"),
    (
        "best_customers",
        "update marts.people set last_order_at = '2025-10-31'",
        "people.last_order_at >= '2025-11-01 00:00:00'",
    ),
    (
        "high_value_customers_at_risk",
        "update marts.people set order_count = 1",
        "people.order_count >= 2",
    ),
    (
        "high_value_customers_at_risk",
        "update marts.people set net_revenue = 299",
        "people.net_revenue >= 300",
    ),
    (
        "high_value_customers_at_risk",
        "update marts.people set last_order_at = '2026-10-01'",
        "people.last_order_at < '2026-09-02 00:00:00'",
    ),
    (
        "high_value_customers_at_risk",
        "update marts.people set last_order_at = '2020-01-01'",
        "people.last_order_at >= '2025-05-10 00:00:00'",
    ),
    (
        "new_customers",
        "update marts.people set first_order_at = '2026-10-01'",
        "people.first_order_at >= '2026-10-02 00:00:00'",
    ),
    ("new_customers", "update marts.orders set status = 'cancelled'", "orders.status = 'placed'"),
    (
        "newsletter_engaged",
        "update marts.email_events set event_type = 'sent'",
        "email_events.event_type IN ('opened', 'clicked')",
    ),
    (
        "newsletter_engaged",
        "update marts.email_events set occurred_at = '2026-08-02'",
        "email_events.occurred_at BETWEEN",
    ),
    (
        "newsletter_engaged",
        "update marts.email_events set campaign_id = 'one'",
        "engagement.engaged_campaign_count >= 2",
    ),
    (
        "newsletter_engaged",
        "update marts.suppressions set channel = 'email', person_id = '{person}'",
        "suppressions.person_id IS NULL",
    ),
    (
        "open_deals_with_unresolved_tickets",
        "update marts.tickets set is_open = false",
        "tickets.is_open",
    ),
]


def told(
    project: Project, warehouse: Warehouse, segment: str, people: list[str]
) -> tuple[dict[str, Explanation], dict[str, set[str]]]:
    """Explain people; return that, and what decided on each, as it reads."""
    found = find_segment(project.manifest, segment)
    replay = Replay(warehouse, project.manifest)
    columns = replay.columns_read(found.unique_id)
    definition = take_apart(found.sql, warehouse.dialect.name, columns)
    settled = settle(definition, warehouse.rows)
    explained = explain(definition, people, warehouse.rows)
    return explained, {
        person: {readable(f.predicate, definition, settled) for f in each.reasons}
        for person, each in explained.items()
    }


def members(warehouse: Warehouse, project: Project, segment: str) -> set[str]:
    """Who is in it by its own SQL, on the rows as they are."""
    sql = find_segment(project.manifest, segment).sql
    return {str(p) for (p,) in warehouse.rows(f"select person_id from ({sql}) as members")}


def test_a_thousand_random_pairs_are_told_as_the_tables_have_them(
    project: Project, warehouse: Warehouse
) -> None:
    people = [str(p) for (p,) in warehouse.rows("select person_id from marts.people order by 1")]
    names = [segment.name for segment in segments(project.manifest)]
    every = [(name, person) for name in names for person in people]
    asked = defaultdict(list)
    for name, person in random.Random(7).sample(every, 1_000):
        asked[name].append(person)
    answers = set()
    for name, some in asked.items():
        real = {p for (p,) in warehouse.rows(f"select person_id from segments.{name}")}
        explained, _ = told(project, warehouse, name, some)
        for person, found in explained.items():
            assert found.is_member == (person in real), (name, person)
            assert found.is_member != bool(found.reasons or found.missing), "no reason, or too many"
            answers.add(found.is_member)
    assert answers == {True, False}


@pytest.mark.parametrize(("segment", "change", "predicate"), TURNS)
def test_a_changed_row_turns_membership_and_its_predicate_says_so(
    segment: str, change: str, predicate: str, project: Project, changing: DuckDBWarehouse
) -> None:
    person = min(members(changing, project, segment))
    explained, _ = told(project, changing, segment, [person])
    assert explained[person].is_member
    statement = change.format(person=person)
    changing.execute(statement + ("" if "{" in change else f" where person_id = '{person}'"))
    assert person not in members(changing, project, segment)
    explained, reasons = told(project, changing, segment, [person])
    assert not explained[person].is_member
    assert any(reason.startswith(predicate) for reason in reasons[person]), reasons[person]


def test_who_has_no_row_at_all_is_told_where_one_is_missing(
    project: Project, changing: DuckDBWarehouse
) -> None:
    person = min(members(changing, project, "abandoned_cart"))
    changing.execute(f"delete from marts.carts where person_id = '{person}'")
    explained, _ = told(project, changing, "abandoned_cart", [person])
    assert explained[person].missing == ("marts.carts",)


def test_a_shape_that_cannot_be_told_truthfully_is_refused() -> None:
    columns = {"marts.people": {"person_id": "text", "order_count": "bigint"}}
    for sql, said in (
        ("select person_id from marts.people limit 3", "limit"),
        ("select person_id from marts.people except select person_id from marts.people", "except"),
        ("select order_count from marts.people", "no person_id"),
        ("select person_id from", "cannot be read"),
    ):
        with pytest.raises(UnexplainableError, match=said):
            take_apart(sql, "duckdb", columns)


def test_the_command_explains_a_person_by_an_address_and_shows_none(compiled: Workspace) -> None:
    with duckdb.connect(str(compiled.warehouse), read_only=True) as connection:
        person, email = connection.execute(
            "select person_id, email from segments.new_customers"
            " inner join marts.people using (person_id) where email is not null order by 1 limit 1"
        ).fetchall()[0]
    asked = ("explain", "membership", email, "new_customers")
    text = compiled.seamline(*asked).stdout
    assert f"person {person} is in New customers as of 2026-11-01 00:00" in text
    assert "people.first_order_at >= '2026-10-02 00:00:00'" in text
    assert "entered 2026-11-01 00:00, still in" in text
    assert email not in text
    earlier = json.loads(compiled.seamline(*asked, "--as-of", "2026-10-01", "--json").stdout)
    assert earlier["is_member"] is False
    assert earlier["was_known"] is False
    assert any(each["decided"] for each in earlier["predicates"]) or earlier["missing"]


def test_each_predicate_stands_above_the_rows_that_it_judged(compiled: Workspace) -> None:
    """With what it looks at in them, and their keys; nothing is said to be `None`."""
    with duckdb.connect(str(compiled.warehouse), read_only=True) as connection:
        ((person, orders),) = connection.execute(
            "select person_id, order_count from marts.people where order_count between 1 and 2"
            " and net_revenue < 500 and last_order_at >= '2025-11-01' order by 1 limit 1"
        ).fetchall()
        ((nobody,),) = connection.execute(
            "select person_id from marts.people where last_order_at is null order by 1 limit 1"
        ).fetchall()
    lines = compiled.seamline("explain", "membership", person, "best_customers").stdout.splitlines()
    below = dict(itertools.pairwise(line.strip() for line in lines))
    assert below["✗ people.order_count >= 3  0 of 1 rows"] == f"✗ order_count {orders}"
    assert below["✗ people.net_revenue >= 500  0 of 1 rows"].startswith("✗ net_revenue ")
    (recent,) = (line for line in below if line.startswith("✓ people.last_order_at"))
    assert below[recent].startswith("✓ last_order_at 202")
    text = compiled.seamline("explain", "membership", nobody, "best_customers").stdout
    assert "✗ last_order_at null" in text
    assert "None" not in text


def test_what_cannot_be_asked_is_one_clear_line(compiled: Workspace) -> None:
    for asked, said in (
        (("nobody@example.com", "new_customers"), "n***@example.com is on no accepted record"),
        (("nobody@example.com", "no_such"), "There is no segment 'no_such'; there are: abandoned"),
        (("x", "new_customers", "--as-of", "soon"), "--as-of: 'soon' is no instant"),
    ):
        done = compiled.seamline("explain", "membership", *asked, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stdout == ""


def test_a_manifest_without_compiled_sql_says_what_to_do(project: Project) -> None:
    manifest = project.manifest
    unique_id = manifest.model("new_customers")
    assert unique_id
    bare = {**manifest.nodes[unique_id], "compiled_code": None}
    nodes = {**manifest.nodes, unique_id: bare}
    with pytest.raises(Exception, match="dbt compile"):
        find_segment(
            Manifest(manifest.path, nodes, manifest.sources, manifest.exposures), "new_customers"
        )

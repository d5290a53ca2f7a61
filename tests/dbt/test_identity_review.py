"""What a human is asked to look at, and the figures by which identity is judged."""

from __future__ import annotations

import hashlib
import json
from itertools import combinations

import pytest
import yaml

from tests.conftest import ROOT, Workspace
from tests.dbt.given import give
from tests.dbt.histories import SOURCE, History, Record
from tests.dbt.test_person_ids import of

TYPES = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"][
    "identifier_types"
]
# Who is who in truth: a login of two people, and somebody who is known by two addresses.
TRUTH = {
    "ada/shop": "ada",
    "ada/web": "ada",
    "bob/web": "bob",
    "eve/home": "eve",
    "eve/work": "eve",
    "nobody/knows": "zoe",
}


def doubts() -> dict[str, Record]:
    """Records that make a doubt of each kind, and some that look like one."""
    return {
        "ada/shop": Record([("email", "ada@example.org")], first_name="Ada"),
        "ada/web": Record([("email", "ada@example.org")], first_name="adelaide"),
        "bob/web": Record([("email", "ada@example.org")], first_name="Bob"),
        "eve/home": Record([("email", "eve@example.org")], first_name="Eve"),
        "eve/work": Record([("email", "eve@work.example.org")], first_name="Eve"),
        **{f"till/{n}": of(user_id=f"till-{n}", loyalty_id="card") for n in range(3)},
        **{f"call/{n}": of(user_id=f"call-{n}", phone="anonymous") for n in range(3)},
        # Twelve records of which each shares something with the next alone.
        **{
            f"chain/{n}": Record(
                [("zendesk_user_id", f"link-{n}"), ("zendesk_user_id", f"link-{n + 1}")]
            )
            for n in range(12)
        },
        # Told apart by hand: nothing is left to ask.
        **{f"apart/{n}": of(user_id=f"apart-{n}", loyalty_id="theirs") for n in range(2)},
        # Five that all share one thing.
        **{f"desk/{n}": of(zendesk_user_id="desk") for n in range(5)},
    }


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The doubts, resolved where more than two logins per card are too many."""
    types = {**TYPES, "loyalty_id": {**TYPES["loyalty_id"], "common_above": 2}}
    types["zendesk_user_id"] = {**TYPES["zendesk_user_id"], "limit": 20}
    workspace = Workspace(tmp_path_factory.mktemp("review") / "live")
    history = History(
        workspace,
        decisions=[("split", "user_id", "apart-0", "loyalty_id", "theirs")],
        variables={"identifier_types": types},
    )
    workspace.folder.mkdir()
    history.day("2026-11-01", doubts())
    build(history, "int_attributes_attributed", "identity_review_queue")
    return history


def build(history: History, *models: str, **variables: object) -> None:
    given = json.dumps({"sources": [SOURCE], **history.variables, **variables})
    history.workspace.dbt("run", "--vars", given, "--select", *models)


def test_each_doubt_is_asked_about_once(reviewed: History) -> None:
    asked = reviewed.rows(
        "select kind, reason, identifier_type, people_count, record_count, round(density, 4)"
        " from marts.identity_review_queue order by kind"
    )
    assert asked == [
        ("conflict", "first_names", None, 1, 3, None),
        ("loose", "low_density", None, 1, 12, round(11 / 66, 4)),
        ("refused", "too_common", "loyalty_id", 3, 3, None),
    ]


def test_a_doubt_names_whom_it_is_about_and_no_value(reviewed: History) -> None:
    people = reviewed.people()
    found = reviewed.rows("select kind, person_id from marts.identity_review_queue")
    by_kind = {str(kind): str(person) for kind, person in found}
    assert by_kind["conflict"] == people["email", "ada@example.org"]
    assert by_kind["loose"] == people["zendesk_user_id", "link-5"]
    assert by_kind["refused"] == min(people["user_id", f"till-{n}"] for n in range(3))
    [(hashed,)] = reviewed.rows(
        "select identifier_value_hash from marts.identity_review_queue where kind = 'refused'"
    )
    assert hashed == hashlib.sha256(b"card").hexdigest()


def test_the_same_doubt_has_the_same_key_tomorrow_and_a_decision_ends_it(
    reviewed: History,
) -> None:
    query = "select kind, review_id from marts.identity_review_queue"
    before = dict(reviewed.rows(query))
    history = History(
        reviewed.workspace.copy(reviewed.workspace.folder.with_name("decided")),
        dict(reviewed.records),
        list(reviewed.decisions),
        reviewed.variables,
    )
    history.day("2026-11-02", gone=["bob/web"])
    build(history, "int_attributes_attributed", "identity_review_queue")
    after = dict(history.rows(query))
    assert after == {kind: key for kind, key in before.items() if kind != "conflict"}


def test_the_figures_are_those_of_the_tables(reviewed: History) -> None:
    give(
        reviewed.workspace,
        people=[
            {"person_id": f"p-{n}", "identifier_count": count, "is_anonymous": count == 1}
            for n, count in enumerate((1, 1, 1, 9, 4, 7, 2, 3))
        ],
    )
    reviewed.execute(
        "create table main.truth (source_name text, source_id text, person_key text)",
        "insert into main.truth values "
        + ", ".join(f"('{SOURCE}', '{record}', '{who}')" for record, who in TRUTH.items()),
    )
    build(reviewed, "identity_quality", identity_truth="main.truth")
    figures = {
        (str(metric), str(subject)): figure
        for metric, subject, figure in reviewed.rows("select * from marts.identity_quality")
    }
    [(born,)] = reviewed.rows("select count(distinct person_id) from marts.identities")
    precision, recall = by_pairs(reviewed)
    assert figures == {
        ("people", ""): 8,
        ("anonymous_share", ""): 3 / 8,
        ("identifiers_per_person", ""): 28 / 8,
        **{
            ("largest_person", str(place)): count
            for place, count in enumerate((9, 7, 4, 3, 2), start=1)
        },
        ("refused", "too_common"): 1,  # a card, however many showed it
        ("refused", "invalid"): 1,
        ("refused", "split_by_hand"): 1,
        ("created", "2026-11-01"): born,
        ("precision", ""): pytest.approx(precision),
        ("recall", ""): pytest.approx(recall),
    }
    assert (precision, recall) == (1 / 3, 1 / 2), "three are one here, of whom two are; eve is two"


def by_pairs(history: History) -> tuple[float, float]:
    """Precision and recall, every pair of records looked at."""
    found = {
        str(record): str(person)
        for record, person in history.rows("select source_id, person_id from marts.person_records")
    }
    pairs = list(combinations(sorted(TRUTH), 2))
    placed = {record: found.get(record, record) for record in TRUTH}
    said = [placed[one] == placed[other] for one, other in pairs]
    true = [TRUTH[one] == TRUTH[other] for one, other in pairs]
    both = sum(here and there for here, there in zip(said, true, strict=True))
    return both / sum(said), both / sum(true)

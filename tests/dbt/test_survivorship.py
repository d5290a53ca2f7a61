"""Which value of a field survives, and what an enrichment adds to it."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.conftest import ROOT, Workspace
from tests.dbt.given import ask

LONGEST = {"by": ["longest", "most_recent"]}
BOUGHT = {
    "identifier_type": "email",
    "identifier": "address",
    "observed_at": "checked_at",
    "fields": {"company_name": "employer", "job_title": "title"},
}
TITLE = "Vice President of Everything There Is"
STRANGER = "nobody.we.know@example.com"


@pytest.fixture(scope="module")
def enriched(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The built warehouse with a bought table beside it, and titles that survive by length."""
    workspace = built.copy(tmp_path_factory.mktemp("enriched"))
    [(unknown, known)] = ask(
        built,
        """
        select min(email) filter (company_name is null),
            min(email) filter (company_name is not null and job_title is not null)
        from marts.people
        """,
    )
    file = workspace.folder / "extracts" / "enrichment" / "firmographics.csv"
    file.parent.mkdir(parents=True)
    file.write_text(
        "address,employer,title,checked_at\n"
        f"{unknown.upper()},Bought Ltd,{TITLE},2026-10-01T00:00:00Z\n"
        f"{known},Bought Ltd,{TITLE},2026-10-31T00:00:00Z\n"
        f"{STRANGER},Bought Ltd,Chief,2026-10-01T00:00:00Z\n"
        "no address,Bought Ltd,Chief,2026-10-01T00:00:00Z\n"
    )
    workspace.seamline("load", str(workspace.folder / "extracts"))
    usual = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())["vars"]
    settings = {
        "sources": [*usual["sources"], "enrichment"],
        "enrichments": {"firmographics": BOUGHT},
        "survivorship": {**usual["survivorship"], "job_title": LONGEST},
    }
    chosen = ("stg_enrichment__rows+1", "int_attributes_attributed", "field_provenance", "people")
    workspace.dbt("build", "--select", *chosen, "--vars", json.dumps(settings))
    return workspace


def test_what_was_bought_joins_whom_we_know_and_says_where_it_is_from(
    built: Workspace, enriched: Workspace
) -> None:
    rows = ask(
        enriched,
        """
        select people.company_name, people.job_title, provenance.source_name,
            provenance.source_id like 'firmographics/%', cast(provenance.observed_at as text)
        from marts.people inner join marts.field_provenance as provenance using (person_id)
        where provenance.source_name = 'enrichment' and field = 'company_name'
        """,
    )
    assert rows == [("Bought Ltd", TITLE, "enrichment", True, "2026-10-01 00:00:00")]
    # A source of our own comes first, however old; and nobody became a person by it.
    companies = "select person_id, company_name from marts.people where company_name is not null"
    assert set(ask(built, companies)) < set(ask(enriched, companies))
    count = "select count(*) from marts.people"
    assert ask(enriched, count) == ask(built, count)
    everything = "select count(*) from marts.field_provenance"
    assert ask(enriched, f"{everything} where value = 'Chief'") == [(0,)]


def test_a_row_about_no_identifier_is_quarantined(enriched: Workspace) -> None:
    status = "select quarantine_reason, row_status, count(*) from staging.stg_enrichment__rows"
    assert sorted(ask(enriched, f"{status} group by 1, 2"), key=repr) == [
        ("bad_identifier", "quarantined", 1),
        (None, "accepted", 3),
    ]


def test_the_longest_value_survives_where_the_rule_says_so(enriched: Workspace) -> None:
    said: dict[str, list[str]] = {}
    for person, title in ask(
        enriched,
        "select person_id, attribute_value from intermediate.int_attributes_attributed"
        " where attribute_name = 'job_title'",
    ):
        said.setdefault(person, []).append(title)
    survived = dict(
        ask(
            enriched,
            "select person_id, value from marts.field_provenance where field = 'job_title'"
            " and rule = 'longest, most_recent'",
        )
    )
    assert survived.keys() == said.keys()
    for person, titles in said.items():
        assert survived[person] in titles
        assert len(survived[person]) == max(map(len, titles))
    assert any(len(set(map(len, titles))) > 1 for titles in said.values()), "nobody had to choose"

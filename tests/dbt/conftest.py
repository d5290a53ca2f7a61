"""One evening after the seeds: people change their minds in every channel, and CRMs are edited.

What lands has arrived before midnight, so the same instant (``AS_OF``) already knows of it and
only the tables above it have to be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Workspace
from tests.dbt.strangers import DuckDb, Engine, Postgres
from tests.extracts import read_rows, write_rows

WISHED_AT = "2026-10-31T22:30:00Z"
GRANTED_AT = "2026-10-31T22:45:00Z"
ARRIVED_AT = "2026-10-31T23:00:00Z"
JUNK_ADDRESS = "test@test.com"
NEW_TITLE = "Head of Lighting"
MARTS = ("suppressions", "current_consents", "contacts", "contact_changes", "tasks")

Row = dict[str, str]


@dataclass(frozen=True)
class Evening:
    """The warehouse after that evening, and who did what: each is a person_id."""

    workspace: Workspace
    unsubscribed: str  # in Mailchimp
    bounced: str  # cleaned off the list for good, and granted afterwards
    returned: str  # unsubscribed in Mailchimp, and granted afterwards
    opted_out_in_hubspot: str  # and given another job title there
    opted_out_in_salesforce: str
    called: str  # has a task that names the contact by the short form of its id


def _reachable(warehouse: Path, source: str) -> list[tuple[str, str]]:
    """(source_id, person_id) of people who may be written to, one record of a source for each."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            """
            select min(records.source_id), records.person_id
            from marts.person_records as records
            inner join marts.current_consents as consents using (person_id)
            left join marts.suppressions as suppressions using (person_id)
            where records.source_name = ? and consents.purpose = 'email_marketing'
                and consents.state = 'granted' and suppressions.person_id is null
                and split_part(records.source_id, '/', 1) in ('member', 'contact')
            group by 2 having count(distinct records.source_id) = 1 order by 1
            """,
            [source],
        ).fetchall()


def _grant(member: Row) -> Row:
    return {
        "id": f"evening-{member['id']}",
        "email": member["email_address"],
        "user_id": "",
        "purpose": "email_marketing",
        "channel": "email",
        "state": "granted",
        "legal_basis": "consent",
        "source": "preference_centre",
        "occurred_at": GRANTED_AT,
        "received_at": ARRIVED_AT,
    }


def _write_evening(folder: Path, built: Workspace) -> dict[str, str]:
    """Write the evening's extracts and return who did what."""
    members = {f"member/{row['list_id']}/{row['id']}": row for row in read_rows("email", "member")}
    hubspot = {f"contact/{row['id']}": row for row in read_rows("hubspot", "contact")}
    salesforce = {f"contact/{row['id']}": row for row in read_rows("crm", "contact")}

    (one, unsubscribed), (two, bounced), (three, returned) = _reachable(built.warehouse, "email")[
        :3
    ]
    taken = {unsubscribed, bounced, returned}
    four, in_hubspot = next(
        (r, p) for r, p in _reachable(built.warehouse, "hubspot") if p not in taken
    )
    five, in_salesforce = next(
        (r, p)
        for r, p in _reachable(built.warehouse, "crm")
        if p not in {*taken, in_hubspot} and salesforce[r]["is_deleted"] == "false"
    )

    left = {"last_changed": WISHED_AT, "_fivetran_synced": ARRIVED_AT}
    unknown = {**members[one], "id": "evening", "email_address": JUNK_ADDRESS}
    write_rows(
        folder,
        "email",
        "member",
        {**members[one], "status": "unsubscribed", **left},
        {**members[two], "status": "cleaned", **left},
        {**members[three], "status": "unsubscribed", **left},
        {**unknown, "status": "unsubscribed", **left},
    )
    write_rows(folder, "consent", "preferences", _grant(members[two]), _grant(members[three]))
    edited = {"property_lastmodifieddate": WISHED_AT, "_fivetran_synced": ARRIVED_AT}
    choice = {"property_hs_email_optout": "true", "property_jobtitle": NEW_TITLE}
    write_rows(folder, "hubspot", "contact", {**hubspot[four], **choice, **edited})
    edited = {"last_modified_date": WISHED_AT, "_fivetran_synced": ARRIVED_AT}
    write_rows(
        folder, "crm", "contact", {**salesforce[five], "has_opted_out_of_email": "true", **edited}
    )
    task = {
        **read_rows("crm", "task")[0],
        "id": "00T5g0000099999EAA",
        "_fivetran_synced": ARRIVED_AT,
    }
    write_rows(folder, "crm", "task", {**task, "who_id": five.removeprefix("contact/")[:15]})
    return {
        "unsubscribed": unsubscribed,
        "bounced": bounced,
        "returned": returned,
        "opted_out_in_hubspot": in_hubspot,
        "opted_out_in_salesforce": in_salesforce,
        "called": in_salesforce,
    }


@pytest.fixture(scope="session")
def evening(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """The built warehouse with that evening's extracts landed and everything above them rebuilt."""
    folder = tmp_path_factory.mktemp("evening")
    people = _write_evening(folder / "extracts", built)
    workspace = built.copy(folder / "workspace")
    workspace.seamline("load", str(folder / "extracts"))
    workspace.dbt("run", "--select", *(f"+{mart}" for mart in MARTS))
    yield Evening(workspace, **people)


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def engine_of_strangers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    """A database of a module's own, on each engine that a stranger might have."""
    if request.param == "duckdb":
        return DuckDb(tmp_path_factory.mktemp("engine"))
    name = request.module.__name__.rpartition(".")[2]
    return Postgres(request.getfixturevalue("postgres"), name)

"""``seamline explain`` on a real warehouse: who is one person and why, what keeps others apart."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest

from tests.conftest import Workspace
from tests.extracts import read_rows, write_rows

ARRIVED_AT = "2026-10-31T22:00:00Z"
IDENTITY = [
    "path:models/staging/crm",
    "path:models/staging/hubspot",
    "path:models/intermediate/identity",
    "int_attributes_attributed",
    "identities",
    "person_records",
    "identity_changes",
]


def lead(number: int, **columns: str) -> dict[str, str]:
    empty = {"first_name": "", "last_name": "", "email": "", "phone": ""}
    return {
        "id": f"00Q5gWHY0{number:06d}EAA",
        "is_converted": "false",
        "is_deleted": "false",
        "company": "Explained Ltd",
        "status": "Open",
        "created_date": ARRIVED_AT,
        "last_modified_date": ARRIVED_AT,
        "_fivetran_synced": ARRIVED_AT,
        **empty,
        **columns,
    }


@pytest.fixture(scope="module")
def explained(built: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The built warehouse after leads, a HubSpot contact and a human's link have come in."""
    folder = tmp_path_factory.mktemp("explained")
    workspace = built.copy(folder / "workspace")
    contact = {
        **read_rows("hubspot", "contact")[0],
        "id": "990001",
        "property_email": "Two.Crms@example.org",
        "property_phone": "+49 151 20990902",
        "property_mobilephone": "",
        "_fivetran_synced": ARRIVED_AT,
    }
    write_rows(folder / "extracts", "hubspot", "contact", contact)
    names = {"first_name": "Typolina", "last_name": "Testrose"}
    write_rows(
        folder / "extracts",
        "crm",
        "lead",
        lead(1, email="two.crms@example.org", phone="+4915120990901"),
        lead(2, email="typolina@example.org", **names),
        lead(3, email="typolnia@example.org", **names),
        lead(4, email="maiden.name@example.org"),
        lead(5, email="married.name@example.org"),
    )
    workspace.seamline("load", str(folder / "extracts"))
    with duckdb.connect(str(workspace.warehouse)) as connection:
        connection.execute(
            "insert into reference.identity_decisions"
            " (action, left_type, left_value, right_type, right_value) values"
            " ('link', 'email', 'Maiden.Name@example.org', 'email', 'married.name@example.org')"
        )
    workspace.dbt("run", "--select", *IDENTITY)
    return workspace


def explain(workspace: Workspace, *asked: str) -> Any:
    return json.loads(workspace.seamline("explain", *asked, "--json").stdout)


def seen_on_a_shared_device(workspace: Workspace) -> tuple[str, str, str]:
    """A device and the logins of two people on it."""
    with duckdb.connect(str(workspace.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select identifier_value, min(split_part(source_id, '/', 3)),"
            " max(split_part(source_id, '/', 3))"
            " from intermediate.int_identity_edges"
            " where refusal_reason = 'shared_device' and source_id like 'login/%'"
            " group by 1 having count(distinct split_part(source_id, '/', 3)) > 1 order by 1"
        ).fetchone()
    assert found is not None, "the seeds hold no shared device"
    return found


def test_two_crms_that_know_one_address_join_two_phones(explained: Workspace) -> None:
    said = explain(explained, "identity", "0049 151 20990901", "+49 151 2099 0902", "--show-pii")
    assert said["is_same_person"]
    assert said["left_person_id"] == said["right_person_id"]
    way = [said["path"][0]["right"], *(hop["left"] for hop in said["path"][1:])]
    assert [hop["source"] for hop in said["path"]] == ["crm", "crm", "hubspot", "hubspot"]
    assert way[0] == "phone +4915120990901"
    assert {hop["right"] for hop in said["path"][1:3]} == {"email two.crms@example.org"}
    assert said["path"][3]["left"] == "record hubspot/contact/990001"
    assert all(hop["first_seen_at"] and hop["arrived_at"] for hop in said["path"])
    text = explained.seamline("explain", "identity", "+4915120990901", "contact/990001").stdout
    assert "one person" in text
    assert "record hubspot/contact/" in text
    assert "arrived 2026-10-31 22:00" in text


def test_a_raw_address_a_record_and_a_type_are_understood(explained: Workspace) -> None:
    by_record = explain(
        explained, "identity", "crm/lead/00Q5gWHY0000001EAA", " email:TWO.CRMS@example.org "
    )
    assert by_record["is_same_person"]
    assert len(by_record["path"]) == 1


def test_a_shared_device_is_named_as_what_keeps_two_apart(explained: Workspace) -> None:
    device, one, other = seen_on_a_shared_device(explained)
    said = explain(explained, "identity", f"user_id:{one}", f"user_id:{other}", "--show-pii")
    assert not said["is_same_person"]
    assert said["left_person_id"] != said["right_person_id"]
    assert said["path"] is None
    assert {"identifier": f"anonymous_id {device}", "reason": "shared_device"}.items() <= {
        key: value for barrier in said["barriers"] for key, value in barrier.items()
    }.items()
    text = explained.seamline("explain", "identity", one, other).stdout
    assert "kept apart" in text
    assert "people with different accounts or first names use this device" in text


def test_a_worthless_value_is_nobody_s_and_says_why(explained: Workspace) -> None:
    said = explain(explained, "identity", "user_id:anonymous", "typolina@example.org")
    assert said["left_person_id"] is None
    assert [edge["refusal_reason"] for edge in said["refused"]] == ["blocked"]
    done = explained.seamline("explain", "person", "user_id:anonymous", check=False)
    assert done.returncode == 1
    assert done.stderr == "error: us***us is nobody's: its evidence is refused (blocked).\n"


def test_a_typo_keeps_apart_what_says_the_same_name(explained: Workspace) -> None:
    said = explain(explained, "identity", "typolina@example.org", "typolnia@example.org")
    assert not said["is_same_person"]
    assert said["barriers"] == []
    assert {"attribute": "last_name", "value": "T***"} in said["hints"]


def test_a_human_s_word_is_a_hop_of_its_own(explained: Workspace) -> None:
    said = explain(explained, "identity", "maiden.name@example.org", "married.name@example.org")
    assert [hop["kind"] for hop in said["path"]] == ["linked"]
    text = explained.seamline("explain", "person", "lead/00Q5gWHY0000004EAA").stdout
    assert "linked by a human" in text


def test_a_person_is_drawn_whole_and_nobody_can_read_who(
    explained: Workspace, tmp_path: Path
) -> None:
    page = tmp_path / "person.html"
    said = explained.seamline("explain", "person", "two.crms@example.org", "--html", str(page))
    with duckdb.connect(str(explained.warehouse), read_only=True) as connection:
        (person,) = connection.execute(
            "select person_id from marts.identities where identifier_value = 'two.crms@example.org'"
        ).fetchone() or ("",)
        identifiers = connection.execute(
            "select identifier_value from marts.identities where person_id = ?", [person]
        ).fetchall()
        (records,) = connection.execute(
            "select count(*) from marts.person_records where person_id = ?", [person]
        ).fetchone() or (0,)
    assert f"person {person}: {len(identifiers)} identifiers on {records} records" in said.stdout
    assert f"{person} created" in said.stdout
    drawn = page.read_text()
    (svg,) = re.findall(r"<svg.*</svg>", drawn, re.DOTALL)
    picture = ElementTree.fromstring(svg)
    assert len(picture.findall("circle")) == len(identifiers) + records
    assert len(picture.findall("path")) == len(
        explain(explained, "person", person)["accepted"]
    ) + len(explain(explained, "person", person)["refused"])
    assert not re.search(r"https?:|<script|src=|url\(", drawn)
    for (value,) in identifiers:
        for output in (said.stdout, drawn):
            assert value not in output
    in_clear = explained.seamline("explain", "person", person, "--show-pii").stdout
    assert all(value in in_clear for (value,) in identifiers)


def test_an_unknown_or_ambiguous_name_is_one_clear_line(explained: Workspace) -> None:
    for asked, said in (
        ("nobody@example.org", "error: n***@example.org is on no accepted record. Check"),
        ("phone:+4915120990999", "error: +49***99 is on no accepted record. Check"),
        ("email:", "error: *** is on no accepted record. Check"),
        (" ", "error: *** is on no accepted record. Check"),
    ):
        done = explained.seamline("explain", "identity", asked, "contact/990001", check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith(said)
    missing = explained.seamline(
        "explain", "person", "contact/990001", "--html", "/no/such/folder/p.html", check=False
    )
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: --html /no/such/folder/p.html: No such file")


def test_help_teaches_by_examples(workspace: Workspace) -> None:
    said = workspace.seamline("explain", "identity", "--help").stdout
    assert "seamline explain identity jane@example.com" in said
    assert "--show-pii" in said


def test_a_warehouse_that_was_never_built_is_said_to_be(workspace: Workspace) -> None:
    workspace.dbt("parse")
    done = workspace.seamline("explain", "person", "jane@example.com", check=False)
    assert done.returncode == 1
    assert "build the project first" in done.stderr

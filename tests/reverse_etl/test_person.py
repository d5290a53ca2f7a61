"""``seamline person`` on the built warehouse: the whole person, by any identifier, and masked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import Workspace
from tests.dbt.given import ask


@pytest.fixture(scope="module")
def known(built: Workspace) -> dict[str, str]:
    """Somebody whom shop, CRM and service desk know, with their identifiers by type."""
    ((person_id,),) = ask(
        built,
        """
        select person_id from marts.person_records
        inner join marts.contacts using (person_id)
        inner join marts.tickets using (person_id)
        inner join marts.orders using (person_id)
        order by 1 limit 1
        """,
    )
    identifiers = ask(
        built,
        f"""
        select identifier_type, min(identifier_value) from marts.identities
        where person_id = '{person_id}' group by 1
        """,
    )
    return {**dict(identifiers), "person": person_id}


def shown(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(workspace.seamline("person", *arguments, "--json").stdout)
    return found


def test_any_identifier_finds_the_same_whole_person(
    built: Workspace, known: dict[str, str]
) -> None:
    whole = shown(built, known["person"], "--limit", "1000", "--show-pii")
    assert whole["person_id"] == known["person"]
    for mart in ("people", "person_traits", "contacts", "orders", "tickets", "timeline"):
        ((count,),) = ask(
            built, f"select count(*) from marts.{mart} where person_id = '{known['person']}'"
        )
        assert whole["marts"][mart]["count"] == len(whole["marts"][mart]["rows"]) == count > 0
    kind = next(kind for kind in known if kind not in ("person", "email"))
    for asked in (known["email"].upper(), f"{kind}:{known[kind]}"):
        assert shown(built, asked, "--limit", "1000", "--show-pii") == whole


def test_nothing_that_says_who_it_is_is_printed_unasked(
    built: Workspace, known: dict[str, str]
) -> None:
    ((name, last_name),) = ask(
        built,
        f"select first_name, last_name from marts.people where person_id = '{known['person']}'",
    )
    secret = {value for kind, value in known.items() if kind != "person"} | {name, last_name}
    for output in ("--json", "--limit=50"):
        printed = built.seamline("person", known["email"], output).stdout
        assert known["person"] in printed
        assert not [value for value in secret if value and value in printed]


def test_nobody_is_an_error_that_does_not_repeat_the_address(built: Workspace) -> None:
    done = built.seamline("person", "no.such.person@example.com", check=False)
    assert done.returncode == 1
    assert "is on no accepted record" in done.stderr
    assert "no.such.person" not in done.stderr

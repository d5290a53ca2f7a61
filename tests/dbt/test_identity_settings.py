"""What nobody can mean is refused before anything is built, with the place and the remedy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Workspace
from tests.dbt.histories import Decision, History
from tests.dbt.strangers import not_ours
from tests.dbt.test_person_ids import of

Settings = dict[str, Any]


def said_by_dbt(settings: Settings, folder: Path) -> str:
    """Parse a project that has nothing but the settings and the check; returns what dbt says."""
    project = {
        "name": "settings",
        "profile": "settings",
        "macro-paths": [str(ROOT / "dbt_project" / "macros" / "identity")],
        "flags": {"send_anonymous_usage_stats": False},
        "vars": settings,
    }
    profile = {"target": "test", "outputs": {"test": {"type": "duckdb", "path": ":memory:"}}}
    (folder / "models").mkdir()
    (folder / "models" / "checked.sql").write_text("{{ check_identifier_types() }} select 1 as one")
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "profiles.yml").write_text(yaml.safe_dump({"settings": profile}))
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "parse"],
        cwd=folder,
        env={**not_ours(), "DBT_PROFILES_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else " ".join(done.stdout.split())


@pytest.fixture
def settings() -> Settings:
    content: Settings = yaml.safe_load((ROOT / "dbt_project" / "dbt_project.yml").read_text())
    return content["vars"]


def test_the_project_s_own_settings_are_in_order(settings: Settings, tmp_path: Path) -> None:
    assert said_by_dbt(settings, tmp_path) == ""


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda types: types["email"].update(normaliser="e-mail"),
            "vars.identifier_types.email.normaliser: 'e-mail' is unknown; use text, lower, email",
        ),
        (
            lambda types: types["email"].update(limits=3),
            "vars.identifier_types.email.limits: no such setting; use normaliser, priority,",
        ),
        (
            lambda types: types["email"].update(limit=0),
            "vars.identifier_types.email.limit: '0' is no count; use a whole number from 1 on",
        ),
        (
            lambda types: types["email"].update(priority=10),
            "vars.identifier_types.phone.priority: 10 is also that of email; say which of them",
        ),
        (
            lambda types: types["user_id"].update(unique=True),
            "vars.identifier_types.user_id.limit: a unique identifier has one value per person",
        ),
        (
            lambda types: types["anonymous_id"].update(unique=True, limit=1),
            "vars.identifier_types.anonymous_id.shareable: what several people use cannot be",
        ),
        (
            lambda types: types["phone"].update(sources=["crm", "fax"]),
            "vars.identifier_types.phone.sources: 'fax' is no source; use those of source_cat",
        ),
        (
            lambda types: types.update(record={"normaliser": "text", "priority": 12}),
            "vars.identifier_types.record: this name cannot be used; take small letters",
        ),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(
    spoil: Callable[[Settings], object], message: str, settings: Settings, tmp_path: Path
) -> None:
    spoil(settings["identifier_types"])
    assert f"dbt_project.yml, {message}" in said_by_dbt(settings, tmp_path)


def test_a_density_that_is_no_share_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings["identity_guards"]["least_density"] = 5
    said = said_by_dbt(settings, tmp_path)
    assert "vars.identity_guards.least_density: '5' is no share; use a number from 0 to 1." in said


def test_an_unknown_type_is_refused_where_the_model_runs_and_only_there(tmp_path: Path) -> None:
    macros = ["identity", "staging", "cross_database"]
    project = {
        "name": "settings",
        "profile": "settings",
        "macro-paths": [str(ROOT / "dbt_project" / "macros" / name) for name in macros],
        "flags": {"send_anonymous_usage_stats": False},
        "vars": {"identifier_types": {"email": {"normaliser": "email", "priority": 1}}},
    }
    profile = {"target": "test", "outputs": {"test": {"type": "duckdb", "path": ":memory:"}}}
    (tmp_path / "models").mkdir()
    for name in ("used", "unused"):
        (tmp_path / "models" / f"{name}.sql").write_text(
            f"{{{{ config(enabled=var('{name}', false)) }}}}\n"
            "{{ identifier_rows('landed', {'number': 'fax'}) }}"
        )
    (tmp_path / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump({"settings": profile}))

    def compile_with(variables: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name("dbt"), "compile", "--vars", variables],
            cwd=tmp_path,
            env={**not_ours(), "DBT_PROFILES_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if done.returncode == 0 else " ".join(done.stdout.split())

    assert compile_with("{}") == ""
    said = compile_with("{used: true}")
    assert "used.sql, identifier_rows, number: identifier type 'fax' is unknown; use email" in said


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Three people, of whom humans have linked the first two."""
    history = History(
        Workspace(tmp_path_factory.mktemp("decided") / "live"),
        decisions=[("link", "email", "One@example.org", "email", "two@example.org")],
    )
    history.workspace.folder.mkdir()
    history.day(
        "2026-11-01",
        {name: of(email=f"{name}@example.org") for name in ("one", "two", "three")},
    )
    return history


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        (
            [
                ("link", "email", "two@example.org", "email", "three@example.org"),
                ("split", "email", "THREE@example.org", "email", "one@example.org"),
            ],
            "identity_decisions.csv, action: split of email ",
        ),
        (
            [("split", "email", "one@example.org", "email", " ONE@example.org")],
            "identity_decisions.csv, action: split of email ",
        ),
        (
            [("link", "fax", "1", "email", "one@example.org")],
            "identity_decisions.csv, left_type: 'fax' is unknown; use user_id,",
        ),
        (
            [("link", "email", "one@example.org", "email", "nobody")],
            "identity_decisions.csv, right_value: a value is no email;",
        ),
        (
            [("join", "email", "one@example.org", "email", "two@example.org")],
            "identity_decisions.csv, action: 'join' is unknown; use link or split",
        ),
    ],
)
def test_decisions_that_cannot_be_leave_everybody_as_they_were(
    decisions: list[Decision], message: str, decided: History
) -> None:
    before = decided.people()
    assert len(set(before.values())) == 2
    told = History(decided.workspace, dict(decided.records), [*decided.decisions, *decisions]).day(
        "2026-11-02", check=False
    )
    said = " ".join(told.stdout.split())
    assert told.returncode != 0
    assert message in said
    assert "example.org" not in said[said.index("Completed with") :], "no value is printed"
    assert decided.people() == before


def test_a_changed_rule_resolves_what_was_long_known_and_logs_who_moved(
    decided: History, settings: Settings, tmp_path: Path
) -> None:
    till, holder = ("user_id", "till"), ("user_id", "holder")
    history = History(
        decided.workspace.copy(tmp_path / "ruled"), dict(decided.records), list(decided.decisions)
    )
    history.day(
        "2026-11-02",
        {name: of(user_id=name, loyalty_id="card") for name in ("till", "holder")},
    )
    before = history.people()
    assert before[till] == before[holder]
    told_before = history.changes()

    settings["identifier_types"]["loyalty_id"]["sources"] = ["shop"]
    history.variables = {"identifier_types": settings["identifier_types"]}
    history.day("2026-11-03")
    after = history.people()
    assert after[till] != after[holder]
    assert before[till] in {after[till], after[holder]}, "one of them keeps the id"
    [split] = [change for change in history.changes() if change not in told_before]
    assert split[0] == "split"
    assert {*split[1:4]} >= {after[till], after[holder]}
    assert history.rows("select distinct reason from marts.identity_refused") == [("out_of_scope",)]
    others = {name: person for name, person in before.items() if name[1].endswith("@example.org")}
    assert others.items() <= after.items(), "nobody else moved"


def test_decisions_in_a_circle_are_each_followed(decided: History, tmp_path: Path) -> None:
    """Links that close a circle say nothing new; splits that do keep all of them apart."""
    circle = [("one", "two"), ("two", "three"), ("three", "one")]
    history = History(decided.workspace.copy(tmp_path / "circle"), dict(decided.records))
    for left, right in circle:
        history.decisions += [
            ("link", "email", f"{left}@example.org", "email", f"{right}@example.org"),
            ("split", "user_id", left, "user_id", right),
        ]
    history.day(
        "2026-11-02",
        {f"login/{name}": of(user_id=name, zendesk_user_id="desk") for name, _ in circle},
    )
    people = history.people()
    assert len({people["email", f"{name}@example.org"] for name, _ in circle}) == 1
    assert len({people["user_id", name] for name, _ in circle}) == 3
    refused = history.rows("select reason, record_count from marts.identity_refused")
    assert refused == [("split_by_hand", 2)], "the desk stays with one of the three"

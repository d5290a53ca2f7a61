"""The recipes of CONTRIBUTING.md, carried out as written in a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import house_rules, house_texts
from tests.conftest import ROOT, Workspace
from tests.house_rules import House

COPIED = ("dbt_project", "orchestration", "reverse_etl", "seeds", "tests")
FENCE = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it belongs to, its text."""

    language: str
    title: str
    text: str


def recipe(heading: str) -> list[Block]:
    """Return the blocks below one heading of CONTRIBUTING.md, in order."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    chapter = re.split(r"^## ", page.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]
    return [Block(*found) for found in FENCE.findall(chapter)]


@dataclass(frozen=True)
class Kitchen:
    """A copy of the project, and a warehouse of its own that is built already."""

    root: Path
    workspace: Workspace

    def cook(self, heading: str) -> dict[str, str]:
        """Carry out one recipe: write, edit, then run. Returns what each command printed."""
        blocks = recipe(heading)
        assert blocks, f"CONTRIBUTING.md has no recipe '{heading}'"
        for block in blocks:
            if block.language != "console":
                self.write(block)
        commands = "".join(block.text for block in blocks if block.language == "console")
        return {
            line.removeprefix("$ "): self.run(*shlex.split(line.removeprefix("$ ")))
            for line in commands.splitlines()
        }

    def write(self, block: Block) -> None:
        path = self.root / block.title
        if block.language == "diff":
            lines = block.text.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            text = path.read_text()
            # An edit at the end of its lines shows only their beginning.
            old, new = old.removesuffix("\n"), new.removesuffix("\n")
            assert text.count(old) == 1, f"{block.title} does not hold exactly once:\n{old}"
            path.write_text(text.replace(old, new))
        elif block.language == "md":
            path.write_text(path.read_text() + "\n" + block.text)
        else:
            assert not path.exists(), f"{block.title} exists; a recipe adds new files"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)

    def run(self, command: str, *arguments: str) -> str:
        done = self.attempt(command, *arguments)
        if done.returncode != 0:
            pytest.fail(f"{command} {' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        binaries = Path(sys.executable).parent
        program = {
            "seamline": [sys.executable, "-m", "orchestration.cli"],
            "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        }.get(command, [str(binaries / command)])
        return subprocess.run(
            [*program, *arguments],
            cwd=self.root,
            env={**os.environ, **self.workspace.environment, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=False,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.workspace.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def kitchen(built: Workspace, tmp_path: Path) -> Kitchen:
    """A fresh copy of everything."""
    root = tmp_path / "project"
    skipped = shutil.ignore_patterns("__pycache__", "target", "logs", "raw", "truth")
    for room in COPIED:
        shutil.copytree(ROOT / room, root / room, ignore=skipped)
    for file in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, root / file)
    project = str(root / "dbt_project")
    settings = dict.fromkeys(
        ("SEAMLINE_PROJECT_DIR", "DBT_PROJECT_DIR", "DBT_PROFILES_DIR"), project
    )
    return Kitchen(root, built.copy(tmp_path / "home", **settings))


SALES = """
    select orders.order_id, orders.person_id, people.email
    from marts.orders
    left join marts.people on orders.person_id = people.person_id
    where orders.source_name = 'marketplace'
    order by 1
"""


def test_a_source_and_an_identifier_type_are_added(kitchen: Kitchen) -> None:
    kitchen.cook("Add a source")
    first, second = kitchen.rows(SALES)
    assert (first[0], first[2]) == ("marketplace-M-1001", "wilma.testrose@example.com")
    assert first[1] is not None
    assert second == ("marketplace-M-1002", None, None)
    assert kitchen.rows(
        "select source_id, quarantine_reason from marts.quarantined_rows "
        "where source_name = 'marketplace'"
    ) == [("orders/M-1003", "bad_timestamp")]
    others = "select count(*) from marts.orders where source_name <> 'marketplace'"
    assert kitchen.rows(others)[0][0] > 0

    kitchen.cook("Add an identifier type")
    first, second = kitchen.rows(SALES)
    assert first[1] is not None
    assert first[1] == second[1], "the buyer's number makes one person of both"


def test_a_segment_is_added(kitchen: Kitchen) -> None:
    printed = kitchen.cook("Add a segment")
    built, activated = printed.values()
    assert "unit_test" in built
    assert "ERROR=0" in activated
    found = {person for (person,) in kitchen.rows("select person_id from segments.store_regulars")}
    assert found
    assert found == {
        person
        for (person,) in kitchen.rows(
            "select person_id from segments.segment_memberships "
            "where segment = 'store_regulars' and left_at is null"
        )
    }
    audience = kitchen.rows(
        "select person_id, audience_label, properties "
        "from activation.sync_klaviyo_audience_members where audience = 'store_regulars'"
    )
    assert {person for person, _, _ in audience} == found
    assert {label for _, label, _ in audience} == {"Store regulars"}
    assert all('"visit_count": ' in properties for _, _, properties in audience)
    # Its own build compiled only what it selected; what was built before is still known.
    shown = json.loads(kitchen.run("seamline", "preview", "new_customers", "--json"))
    assert shown["size"] > 0
    kitchen.run("seamline", "catalogue")
    assert "Store regulars" in (kitchen.workspace.folder / "catalogue.html").read_text()


def test_what_was_edited_since_dbt_looked_is_not_called_well_declared(kitchen: Kitchen) -> None:
    assert "well declared" in kitchen.run("seamline", "check")
    path = kitchen.root / "dbt_project/models/segments/new_customers.yml"
    os.utime(path)
    done = kitchen.attempt("seamline", "check")
    assert done.returncode == 1
    assert "new_customers.yml was edited after dbt last read" in done.stderr
    kitchen.run("dbt", "parse")
    assert "well declared" in kitchen.run("seamline", "check")


def test_a_segment_that_does_not_say_what_it_is_for_is_refused(kitchen: Kitchen) -> None:
    path = "dbt_project/models/segments/new_customers.yml"
    described = kitchen.root / path
    lines = described.read_text().splitlines(keepends=True)
    described.write_text("".join(line for line in lines if "purpose:" not in line))
    done = kitchen.attempt("dbt", "run", "--select", "sync_klaviyo_audience_members")
    assert done.returncode == 1
    assert f"{path.partition('/')[2]}: the segment 'new_customers' has no" in done.stdout
    assert "config.meta.segment.purpose" in done.stdout
    assert kitchen.rows("select 1 from activation.sync_klaviyo_audience_members limit 1")


def test_a_destination_is_added(kitchen: Kitchen) -> None:
    listed, tested = kitchen.cook("Add a destination").values()
    assert "mattermost" in listed
    assert "2 passed" in tested
    house = House(kitchen.root, {})
    assert not list(house_texts.every_destination_is_in_the_readme(house))


def test_a_metric_is_added(kitchen: Kitchen) -> None:
    kitchen.cook("Add a metric")
    cohorts = kitchen.rows(
        "select sum(customer_count), sum(repeat_customer_count), "
        "count(distinct cohort_date), count(*) from marts.repeat_purchases"
    )[0]
    people = kitchen.rows(
        "select count(*), count(case when order_count >= 2 then 1 end) "
        "from marts.people where first_order_at is not null"
    )[0]
    assert cohorts[:2] == people
    assert cohorts[2] == cohorts[3]
    assert (
        kitchen.rows("select * from marts.repeat_purchases where repeat_rate not between 0 and 1")
        == []
    )


def test_what_the_recipes_add_obeys_the_house(kitchen: Kitchen) -> None:
    """Every recipe at once, parsed but not run: none of them breaks a rule."""
    headings = re.findall(r"^## (Add .*)$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert len(headings) == 5
    for heading in headings:
        for block in recipe(heading):
            if block.language != "console":
                kitchen.write(block)
    kitchen.run("dbt", "parse")
    manifest = kitchen.workspace.manifest
    added = House(kitchen.root, json.loads(manifest.read_text()))
    messages = [
        message
        for rule in house_rules.RULES
        if rule is not house_texts.every_dependency_is_in_the_readme_s_table
        for message in rule(added)
    ]
    named = ("marketplace", "store_regulars", "mattermost", "repeat_purchases")
    assert [m for m in messages if any(name in m for name in named)] == []

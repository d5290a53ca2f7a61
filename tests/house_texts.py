"""Rules of the house about what is said twice: to people in README.md, or to dbt in a var."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.house_rules import House, rule


@rule
def who_waits_for_help_gets_nothing_that_is_marketing(house: House) -> Iterator[str]:
    """dbt cannot read purposes.yml: what it must know of it stands in a var as well."""
    project = yaml.safe_load(house.text(Path("dbt_project/dbt_project.yml")))
    purposes = yaml.safe_load(house.text(Path("dbt_project/purposes.yml")))["purposes"]
    marketing = {name for name, purpose in purposes.items() if purpose["marketing"]}
    if marketing != set(project["vars"]["promotional_purposes"]):
        yield (
            "dbt_project/dbt_project.yml: promotional_purposes are not those that purposes.yml "
            f"marks as marketing: {', '.join(sorted(marketing))}"
        )


@rule
def every_destination_is_in_the_readme(house: House) -> Iterator[str]:
    readme = house.text(Path("README.md")).lower()
    folder = house.root / "reverse_etl" / "destinations"
    for path in sorted([*folder.glob("[a-z]*.py"), *folder.glob("[a-z]*/__init__.py")]):
        # Modules that say nothing about a channel are shared by those that do.
        is_destination = re.search(r"^destination\b", path.read_text(), re.MULTILINE)
        name = path.parent.name if path.stem == "__init__" else path.stem
        if is_destination and not re.search(rf"\b{name}\b", readme):
            yield f"{path.relative_to(house.root)}: README.md does not name {name}"


@rule
def every_dependency_is_in_the_readme_s_table(house: House) -> Iterator[str]:
    rows = [row for row in house.text(Path("README.md")).splitlines() if row.startswith("|")]
    table = "\n".join(rows).lower()
    project = tomllib.loads(house.text(Path("pyproject.toml")))["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[^A-Za-z0-9_.-]", requirement)[0].rstrip(".").lower()
        if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", table):
            yield f"README.md: its table of dependencies does not say why {name} is needed"

"""The rules of the house that a machine can check, over dbt's manifest and the tree.

A rule is a function that reads a ``House`` and yields one message for everything that breaks it;
each message names the file and the fix. ``tests/test_house.py`` runs them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

LAYERS = ("staging", "intermediate", "marts", "segments", "activation")
PUBLISHED = ("marts", "segments", "activation")
# Published facts at the finest grain. Steps that join or count build on what everybody can read
# instead of on a second copy of it; no other mart is read before the marts.
EARLY_MARTS = {"identities", "person_records", "events", "orders", "returns"}
# Built with activation, since they too loop over the segments; nothing of them is sent.
AUDIENCES = "audiences"
SEGMENT_FACTS = ("label", "owner", "objective", "purpose", "expires_on", "channels")

# Macros in these folders may speak one engine's dialect: they dispatch.
DIALECT_FOLDERS = ("cross_database", "normalisers", "materializations", "identity")
CLOCKS = r"\bnow\s*\(|\bcurrent_date\b|\bcurrent_timestamp\b|\bgetdate\s*\(|\blocaltimestamp\b"
ONE_ENGINE_ONLY = (
    r"\bqualify\b",
    r"\bfilter\s*\(\s*where\b",
    r"\bgroup by all\b",
    r"\basof\b",
    r"\bexclude\s*\(",
    r"::",
    r"\btry_cast\s*\(",
    r"\bstruct_pack\s*\(",
    r"\blist_\w+\s*\(",
    r"\bunnest\s*\(",
    r"\bany_value\s*\(",
    r"\barg_(min|max)\s*\(",
    r"\b(max|min)_by\s*\(",
    r"\bread_(csv|parquet|json)\w*\s*\(",
    r"(?<!\.)\bstr[fp]time\s*\(",
    r"\bepoch\w*\s*\(",
    r"\bdate_?diff\s*\(",
    r"\bregexp_\w+\s*\(",
    r"\bstring_agg\s*\(",
    r"\bjson_\w+\s*\(",
)
DRAWERS = re.compile(r"(^|_)(utils?|helpers?|common|managers?|base\d+|misc)(_|$)")
NEWER = re.compile(r"(_v\d+|[a-z]\d)$")
LONGEST = {".sql": 150, ".py": 400, ".yml": 400}
LONGER = {
    "country_names.sql": "a table of all countries, one a line",
}
CODE = ("dbt_project", "orchestration", "reverse_etl", "seeds", "tests", "benchmarks")


@dataclass(frozen=True)
class House:
    """The project: its tree, and what dbt made of it."""

    root: Path
    manifest: Mapping[str, Any]

    def models(self, *layers: str) -> Iterator[dict[str, Any]]:
        """Models of the given layers, or all."""
        for node in self.manifest["nodes"].values():
            if node["resource_type"] == "model" and (not layers or layer_of(node) in layers):
                yield node

    @cached_property
    def macros(self) -> set[str]:
        """Names of our own macros."""
        found = self.manifest.get("macros", {}).values()
        return {macro["name"] for macro in found if macro["package_name"] == "seamline"}

    def tests_of(self, model: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Data tests attached to a model."""
        for node in self.manifest["nodes"].values():
            if node["resource_type"] == "test" and node.get("attached_node") == model["unique_id"]:
                yield node

    @cached_property
    def files(self) -> list[Path]:
        """Files of our own making that hold code, relative to the root."""
        found = (path for room in CODE for path in (self.root / room).rglob("*") if path.is_file())
        skipped = {"target", "logs", "__pycache__", "dbt_packages"}
        return sorted(
            path.relative_to(self.root)
            for path in found
            if path.suffix in LONGEST and not skipped & set(path.relative_to(self.root).parts)
        )

    def text(self, path: Path) -> str:
        """A file's text."""
        return (self.root / path).read_text()


Rule = Callable[[House], Iterator[str]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    """Put a rule on the list."""
    RULES.append(function)
    return function


def layer_of(node: Mapping[str, Any]) -> str:
    """The folder below ``models`` that a model lies in."""
    return str(node["fqn"][1])


def file_of(node: Mapping[str, Any]) -> str:
    """A node's file, from the root."""
    return f"dbt_project/{node['original_file_path']}"


def without_comments(sql: str) -> str:
    """SQL or Jinja without what is written for readers only."""
    sql = re.sub(r"\{#.*?#\}|/\*.*?\*/", "", sql, flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", sql)


@rule
def sources_are_read_only_in_staging(house: House) -> Iterator[str]:
    for model in house.models():
        if layer_of(model) == "staging":
            continue
        for parent in model["depends_on"]["nodes"]:
            if parent.startswith("source."):
                yield f"{file_of(model)}: reads {parent}; ref() its staging model instead"


@rule
def no_model_reads_from_a_later_layer(house: House) -> Iterator[str]:
    for model in house.models():
        for parent_id in model["depends_on"]["nodes"]:
            parent = house.manifest["nodes"].get(parent_id)
            if parent is None or parent["resource_type"] != "model":
                continue
            if layer_of(model) == "intermediate" and parent["name"] in EARLY_MARTS:
                continue
            if LAYERS.index(layer_of(parent)) > LAYERS.index(layer_of(model)):
                yield (
                    f"{file_of(model)}: {layer_of(model)} reads {parent['name']} of "
                    f"{layer_of(parent)}; data flows {' → '.join(LAYERS)}, so move one of them"
                )


@rule
def schema_is_folder(house: House) -> Iterator[str]:
    for model in house.models():
        if model["schema"] != layer_of(model) and model["schema"] != model["fqn"][-2]:
            yield f"{file_of(model)}: lands in schema {model['schema']}; use {layer_of(model)}"


@rule
def only_staging_has_views(house: House) -> Iterator[str]:
    for model in house.models(*LAYERS[1:]):
        if model["config"]["materialized"] == "view":
            yield f"{file_of(model)}: is a view; PostgreSQL drops it when its table is rebuilt"


@rule
def published_models_have_contracts(house: House) -> Iterator[str]:
    for model in house.models(*PUBLISHED):
        if not model["config"]["contract"]["enforced"]:
            yield f"{file_of(model)}: has no contract; set contract: {{enforced: true}}"


@rule
def published_models_have_an_owner(house: House) -> Iterator[str]:
    for model in house.models(*PUBLISHED):
        group = house.manifest["groups"].get(f"group.{model['package_name']}.{model['group']}")
        if group is None or not group["owner"].get("email"):
            yield f"{file_of(model)}: nobody owns it; give it a group whose owner has an email"


@rule
def models_and_reference_tables_are_described(house: House) -> Iterator[str]:
    for node in house.manifest["nodes"].values():
        if node["resource_type"] in {"model", "seed"} and not node["description"].strip():
            yield f"{file_of(node)}: has no description; write one in its YAML"


@rule
def published_columns_are_described(house: House) -> Iterator[str]:
    for model in house.models(*PUBLISHED):
        for column in model["columns"].values():
            if not column["description"].strip():
                yield f"{file_of(model)}: column {column['name']} has no description"


@rule
def published_models_have_a_tested_key(house: House) -> Iterator[str]:
    for model in house.models(*PUBLISHED):
        names = [
            (test.get("test_metadata") or {}).get("name", "") for test in house.tests_of(model)
        ]
        if not any("unique" in name for name in names):
            yield f"{file_of(model)}: no test holds its key; add unique or unique_together"


@rule
def published_columns_are_named_by_type(house: House) -> Iterator[str]:
    # At a channel the names are the channel's own.
    for model in house.models("marts", "segments"):
        for column in model["columns"].values():
            name, kind = column["name"], (column.get("data_type") or "").lower()
            if kind == "boolean" and not name.startswith(("is_", "has_")):
                yield f"{file_of(model)}: boolean {name}; call it is_… or has_…"
            # The bounds of a slowly changing row have names of their own.
            if kind == "timestamp" and not name.endswith(("_at", "valid_from", "valid_to")):
                yield f"{file_of(model)}: timestamp {name}; call it …_at"
            if kind == "date" and not name.endswith("_date"):
                yield f"{file_of(model)}: date {name}; call it …_date"


@rule
def every_sync_model_has_exactly_one_exposure(house: House) -> Iterator[str]:
    exposures = house.manifest["exposures"].values()
    for model in house.models("activation"):
        if model["schema"] == AUDIENCES:
            continue
        beside = [e for e in exposures if model["unique_id"] in e["depends_on"]["nodes"]]
        if len(beside) != 1:
            yield f"{file_of(model)}: has {len(beside)} exposures; exactly one makes it a sync"
        for exposure in beside:
            if f"sync_{exposure['name']}" != model["name"]:
                yield f"{file_of(model)}: its exposure {exposure['name']} is not named after it"
            if exposure["original_file_path"] != model["original_file_path"][:-3] + "yml":
                yield f"{file_of(model)}: its exposure is in another file; put it beside the SQL"
            if "sync" not in exposure["config"]["meta"]:
                yield f"{file_of(model)}: its exposure has no config.meta.sync"


@rule
def every_segment_says_what_it_is_for(house: House) -> Iterator[str]:
    for model in house.models("segments"):
        facts = model["config"]["meta"].get("segment", {})
        for name in SEGMENT_FACTS:
            if name not in facts:
                yield f"{file_of(model)}: config.meta.segment lacks {name}"


@rule
def every_segment_yields_person_id(house: House) -> Iterator[str]:
    for model in house.models("segments"):
        if next(iter(model["columns"]), None) != "person_id":
            yield f"{file_of(model)}: person_id is not its first column"


@rule
def every_segment_has_a_unit_test(house: House) -> Iterator[str]:
    tested = {test["model"] for test in house.manifest["unit_tests"].values()}
    for model in house.models("segments"):
        if model["name"] not in tested:
            yield f"{file_of(model)}: has no unit test; add one for each edge of its windows"


@rule
def nothing_reads_the_clock(house: House) -> Iterator[str]:
    for path in house.files:
        if path.suffix != ".sql" or path.parts[0] != "dbt_project" or path.name == "as_of.sql":
            continue
        for found in re.finditer(CLOCKS, without_comments(house.text(path)), re.IGNORECASE):
            yield f"{path}: reads the clock ({found.group()}); use as_of()"


@rule
def what_is_known_ends_at_as_of(house: House) -> Iterator[str]:
    # union_sources takes what had arrived by then; the counts of landed rows are about all of them.
    for path in house.files:
        if path.parts[:2] != ("dbt_project", "models") or path.suffix != ".sql":
            continue
        if path.parts[2] == "staging" or "ops" in path.parts:
            continue
        for found in re.findall(r"ref\(\s*['\"](stg_\w+)", without_comments(house.text(path))):
            yield f"{path}: reads {found} past as_of(); take it from union_sources()"


@rule
def one_engine_s_functions_stay_in_dispatched_macros(house: House) -> Iterator[str]:
    for path in house.files:
        if path.suffix != ".sql" or path.parts[0] != "dbt_project":
            continue
        if set(DIALECT_FOLDERS) & set(path.parts):
            continue
        text = without_comments(house.text(path))
        for word in ONE_ENGINE_ONLY:
            for found in re.finditer(word, text, re.IGNORECASE):
                if found.group().rstrip("( ") in house.macros:
                    continue
                yield f"{path}: {found.group()} is not portable; use or write a dispatched macro"


@rule
def models_are_named_by_their_layer(house: House) -> Iterator[str]:
    shapes = {
        "staging": r"stg_(?P<folder>[a-z]+)__[a-z_]+",
        "intermediate": r"int_[a-z_]+",
        # sync_health is about the syncs and is none itself.
        "marts": r"(?!stg_|int_|sync_(?!health$)|fct_|dim_)[a-z_]+",
        "segments": r"(?!stg_|int_|sync_)[a-z_]+",
        "activation": r"sync_(?P<folder>[a-z]+)_[a-z_]+",
        AUDIENCES: r"(audience|membership)[a-z_]+",
    }
    for model in house.models():
        layer = AUDIENCES if model["schema"] == AUDIENCES else layer_of(model)
        shape = re.fullmatch(shapes[layer], model["name"])
        if shape is None:
            yield f"{file_of(model)}: is not named like {shapes[layer]}"
        elif layer_of(model) == "staging" and shape["folder"] != model["fqn"][2]:
            yield f"{file_of(model)}: names another source than its folder"
        if layer_of(model) != "staging" and "__" in model["name"]:
            yield f"{file_of(model)}: a double underscore means a source, and this is none"


@rule
def yaml_is_named_after_its_model_or_its_folder(house: House) -> Iterator[str]:
    models = {model["name"] for model in house.models()}
    for path in house.files:
        if path.suffix != ".yml" or path.parts[:2] != ("dbt_project", "models"):
            continue
        if not path.stem.startswith("_") and not (house.root / path.with_suffix(".sql")).exists():
            yield f"{path}: no such model beside it; start its name with an underscore"
        if path.stem.startswith("_") and path.stem.strip("_") in models:
            yield f"{path}: speaks for one model; drop the underscore"


@rule
def a_macro_is_in_the_file_of_its_name(house: House) -> Iterator[str]:
    for path in house.files:
        if path.suffix != ".sql" or path.parts[:2] != ("dbt_project", "macros"):
            continue
        macros = re.findall(r"\{%-?\s*macro\s+(\w+)", house.text(path))
        # A materialization's parts stay together.
        if "materializations" in path.parts:
            continue
        if macros and path.stem not in macros:
            yield f"{path}: holds {', '.join(macros)}; name the file after its macro"


@rule
def names_say_what_is_inside(house: House) -> Iterator[str]:
    for path in house.files:
        for name in (*path.parts[:-1], path.stem):
            if DRAWERS.search(name):
                yield f"{path}: '{name}' is a drawer; name it after the one thing in it"
        if NEWER.search(path.stem) and path.suffix != ".yml":
            yield f"{path}: a digit does not say what differs; use a word"


@rule
def tests_are_sentences(house: House) -> Iterator[str]:
    for path in house.files:
        singular = path.parts[:2] == ("dbt_project", "tests") and "generic" not in path.parts
        if singular and path.suffix == ".sql" and not re.match(r"assert_\w+_\w+", path.stem):
            yield f"{path}: say what holds: assert_no_…_has_…"
    for name, test in house.manifest["unit_tests"].items():
        if not re.match(r"test_\w+_\w+", test["name"]):
            yield f"{file_of(test)}: {name} is no sentence; say what holds: test_…"


@rule
def files_stay_short(house: House) -> Iterator[str]:
    for path in house.files:
        lines, most = house.text(path).count("\n"), LONGEST[path.suffix]
        if lines > most and path.name not in LONGER:
            yield f"{path}: {lines} lines, at most {most}; take it apart"
        if lines <= most and path.name in LONGER:
            yield f"{path}: is short enough by now; take it off the list of exceptions"

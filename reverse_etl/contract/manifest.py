"""What dbt knows about the project, read from ``manifest.json``: the contract between rooms."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from reverse_etl.errors import SeamlineError

Nodes: TypeAlias = dict[str, dict[str, Any]]

_COMPILED = {"compiled", "compiled_code", "compiled_path", "relation_name", "extra_ctes"}


class ManifestError(SeamlineError):
    """There is no manifest, or it is not one."""


@dataclass(frozen=True)
class Relation:
    """A table or view by its name in the warehouse."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


def manifest_path(project_dir: Path, home: Path) -> Path:
    """Return the manifest to plan from: ``SEAMLINE_MANIFEST``, else the newest that was built.

    ``<home>/manifest.json`` is published by the pipeline when a build is complete;
    ``target/manifest.json`` is what dbt writes when it is called by hand.
    """
    configured = os.environ.get("SEAMLINE_MANIFEST")
    if configured:
        return Path(configured)
    candidates = [home / "manifest.json", project_dir / "target" / "manifest.json"]
    built = [path for path in candidates if path.is_file()]
    if not built:
        places = " nor ".join(str(path) for path in candidates)
        raise ManifestError(f"There is neither {places}; build the project with dbt first.")
    return max(built, key=lambda path: path.stat().st_mtime)


def recompleted(nodes: Nodes, earlier: Nodes) -> Nodes:
    """Return ``nodes``, and what dbt compiled ``earlier`` of those it did not compile now.

    An invocation compiles only what it was asked for; a node that has changed since is left as it
    is.
    """
    found = dict(nodes)
    for unique_id, node in nodes.items():
        known = earlier.get(unique_id, {})
        is_same = known.get("checksum") == node.get("checksum")
        if known.get("compiled") and is_same and not node.get("compiled"):
            found[unique_id] = {**node, **{name: known[name] for name in _COMPILED & known.keys()}}
    return found


@dataclass(frozen=True)
class Manifest:
    """Nodes, sources and exposures by their unique ids, as dbt writes them."""

    path: Path
    nodes: dict[str, dict[str, Any]] = field(repr=False)
    sources: dict[str, dict[str, Any]] = field(repr=False)
    exposures: dict[str, dict[str, Any]] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest.

        Raises:
            ManifestError: the file is missing or is no manifest.
        """
        try:
            content = orjson.loads(path.read_bytes())
            return cls(path, content["nodes"], content["sources"], content["exposures"])
        except FileNotFoundError:
            raise ManifestError(f"{path} does not exist; build the project with dbt.") from None
        except (ValueError, KeyError, TypeError):
            raise ManifestError(f"{path} is not dbt's manifest; build the project again.") from None

    def compiled(self, unique_id: str) -> str:
        """Return a model's SQL as the warehouse reads it.

        Raises:
            ManifestError: dbt has not compiled it.
        """
        node = self.nodes[unique_id]
        if not node.get("compiled_code"):
            raise ManifestError(
                f"{self.path} holds no compiled SQL of '{node['name']}'; build the project, or "
                "compile it with `dbt compile --select 'fqn:*'`."
            )
        return str(node["compiled_code"])

    def completed_by(self, published: Path, project_dir: Path) -> Manifest:
        """Return this manifest with the SQL of models that its invocation did not compile.

        It is in the manifest at ``published``, where the model has not changed since; or in the
        file that an invocation by hand wrote beside this manifest.
        """
        is_other = published != self.path and published.is_file()
        nodes = recompleted(self.nodes, Manifest.read(published).nodes if is_other else {})
        for unique_id, node in nodes.items():
            if node["resource_type"] == "model" and not node.get("compiled_code"):
                sql = self._compiled_by_hand(node, project_dir)
                nodes[unique_id] = {**node, "compiled_code": sql}
        return replace(self, nodes=nodes)

    def _compiled_by_hand(self, node: Mapping[str, Any], project_dir: Path) -> str | None:
        source = project_dir / node["original_file_path"]
        folder = self.path.parent / "compiled" / node["package_name"]
        file = folder / node["original_file_path"]
        if not file.is_file() or not source.is_file():
            return None
        return file.read_text() if file.stat().st_mtime > source.stat().st_mtime else None

    def edited_since(self, project_dir: Path) -> list[Path]:
        """Return the models' files, SQL and YAML, that dbt has not read as they are now."""
        read_at = self.path.stat().st_mtime
        files = (path for end in ("sql", "yml") for path in project_dir.glob(f"models/**/*.{end}"))
        return sorted(path for path in files if path.stat().st_mtime > read_at)

    def relation(self, unique_id: str) -> Relation:
        """Return where a node or a source lies in the warehouse."""
        node = self.nodes.get(unique_id) or self.sources[unique_id]
        return Relation(node["schema"], node.get("alias") or node.get("identifier") or node["name"])

    def model(self, name: str) -> str | None:
        """Return the unique id of the model called ``name``."""
        return self._models.get(name)

    def relation_named(self, name: str, schema: str) -> Relation:
        """Return where the model ``name`` lies; by its usual name where this project lacks it."""
        unique_id = self.model(name)
        return self.relation(unique_id) if unique_id else Relation(schema, name)

    def ancestors(self, unique_id: str) -> set[str]:
        """Return every node and source that ``unique_id`` is built from, itself included."""
        found: set[str] = set()
        ahead = [unique_id]
        while ahead:
            current = ahead.pop()
            if current not in found:
                found.add(current)
                node = self.nodes.get(current, {})
                ahead.extend(node.get("depends_on", {}).get("nodes", []))
        return found

    def tests_of(self, nodes: set[str]) -> set[str]:
        """Return the data tests of ``nodes``: attached to one, or reading nothing else."""
        return {
            unique_id
            for unique_id, test in self.nodes.items()
            if test["resource_type"] == "test"
            and (
                test.get("attached_node") in nodes
                or (not test.get("attached_node") and set(test["depends_on"]["nodes"]) <= nodes)
            )
        }

    def is_materialized(self, unique_id: str) -> bool:
        """Whether dbt builds something in the warehouse for this node."""
        node = self.nodes.get(unique_id, {"resource_type": "source"})
        is_model: bool = node["resource_type"] == "model"
        return is_model and node["config"]["materialized"] != "ephemeral"

    def segments(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each segment's unique id and what its YAML says about it."""
        for unique_id in self._models.values():
            segment = self.nodes[unique_id]["config"].get("meta", {}).get("segment")
            if segment:
                yield unique_id, segment

    @cached_property
    def _models(self) -> dict[str, str]:
        return {
            node["name"]: unique_id
            for unique_id, node in self.nodes.items()
            if node["resource_type"] == "model"
        }

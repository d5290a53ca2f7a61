"""The project as the engine sees it: every sync that an exposure declares, validated.

A sync is an exposure beside its ``sync_*`` model. ``config.meta.sync`` says where the rows go and
how; the model's columns, but for the control columns, are the fields that are sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reverse_etl.connection import Connection, connect
from reverse_etl.destination import ChannelObject, Mode
from reverse_etl.errors import SeamlineError
from reverse_etl.manifest import Manifest, Relation, manifest_path
from reverse_etl.profile import Profile, home_directory, project_directory, read_profile
from reverse_etl.purpose import Purpose, describe, read_purposes
from reverse_etl.registry import Channel, UnknownDestination, find_destination

CONTROL_COLUMNS = frozenset({"person_id", "audience", "audience_label", "purpose", "occurred_at"})


class SyncError(SeamlineError):
    """An exposure declares a sync that cannot be."""


class Guards(BaseModel):
    """How much a sync may change before it refuses; ``None`` means that nothing is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_removed_fraction: float | None = Field(default=0.3, ge=0, le=1)
    max_removed_count: int | None = Field(default=None, ge=0)
    stale_after_hours: float | None = Field(default=None, gt=0)


class Declaration(BaseModel):
    """``config.meta.sync`` of an exposure, as written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    destination: str
    connection: str = ""
    object: str
    mode: Mode
    key: tuple[str, ...] = Field(min_length=1)
    match: tuple[str, ...] = ()
    purpose: str
    guards: Guards = Guards()


@dataclass(frozen=True)
class Sync:
    """One sync, complete: nothing in it is still a name that might not exist."""

    name: str
    label: str
    path: str  # the YAML file that declares it, for messages
    model: str  # dbt's unique id of the ``sync_*`` model
    relation: Relation
    columns: tuple[str, ...]  # the model's contract
    types: Mapping[str, str]
    channel: Channel
    connection: str
    object: ChannelObject
    mode: Mode
    key: tuple[str, ...]
    match: tuple[str, ...]
    purpose: Purpose
    guards: Guards

    @property
    def destination(self) -> str:
        """The destination's slug."""
        return self.channel.slug

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns that are sent."""
        return tuple(column for column in self.columns if column not in CONTROL_COLUMNS)

    @property
    def is_audience(self) -> bool:
        """Whether rows are memberships of several lists at the channel."""
        return self.mode == "audience"


@dataclass(frozen=True)
class Project:
    """A dbt project with everything that the engine needs to run its syncs."""

    directory: Path
    home: Path
    profile: Profile
    manifest: Manifest
    purposes: dict[str, Purpose]
    live_targets: frozenset[str]
    syncs: dict[str, Sync] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        directory: Path | None = None,
        home: Path | None = None,
        destinations: Mapping[str, Channel] | None = None,
    ) -> Project:
        """Read profile, manifest and purposes, and validate every sync.

        Args:
            directory: the dbt project; ``SEAMLINE_PROJECT_DIR`` by default.
            home: local state; ``SEAMLINE_HOME`` by default.
            destinations: further destinations by slug, before those that are registered.

        Raises:
            SeamlineError: something is missing or malformed; the message names file and field.
        """
        directory = directory or project_directory()
        home = home or home_directory()
        manifest = Manifest.read(manifest_path(directory, home))
        purposes = read_purposes(directory / "purposes.yml")
        syncs = {}
        for exposure in manifest.exposures.values():
            if "sync" in exposure["config"].get("meta", {}):
                sync = _Reader(exposure, manifest, purposes, destinations or {}).read()
                syncs[sync.name] = sync
        return cls(
            directory=directory,
            home=home,
            profile=read_profile(directory),
            manifest=manifest,
            purposes=purposes,
            live_targets=_live_targets(directory),
            syncs=dict(sorted(syncs.items())),
        )

    def sync(self, name: str) -> Sync:
        """Return the sync called ``name``.

        Raises:
            SyncError: no exposure declares it.
        """
        if name not in self.syncs:
            known = ", ".join(self.syncs) or "none"
            raise SyncError(f"There is no sync '{name}'; the manifest declares: {known}.")
        return self.syncs[name]

    def connection(self, sync: Sync) -> Connection:
        """Return the sync's connection, its settings read from the environment."""
        return connect(sync.connection, sync.channel, self.profile.target, self.live_targets)


@dataclass(frozen=True)
class _Reader:
    """Turns one exposure into a ``Sync``; every complaint names the file and the field."""

    exposure: dict[str, Any]
    manifest: Manifest
    purposes: Mapping[str, Purpose]
    destinations: Mapping[str, Channel]

    def read(self) -> Sync:
        declared = self._declaration()
        channel = self._channel(declared)
        channel_object = self._object(declared, channel)
        model = self._model()
        node = self.manifest.nodes[model]
        types = {name: column.get("data_type") or "" for name, column in node["columns"].items()}
        if not types:
            raise self._error("depends_on", f"{node['name']} declares no columns; add its contract")
        for part, columns in (("key", declared.key), ("match", declared.match)):
            for column in columns:
                if column not in types:
                    raise self._error(part, f"{node['name']} has no column '{column}'")
        self._check_columns(declared, channel_object, types)
        return Sync(
            name=self.exposure["name"],
            label=self.exposure.get("label") or self.exposure["name"],
            path=self.exposure["original_file_path"],
            model=model,
            relation=self.manifest.relation(model),
            columns=tuple(types),
            types=types,
            channel=channel,
            connection=declared.connection or channel.slug,
            object=channel_object,
            mode=declared.mode,
            key=declared.key,
            match=declared.match or tuple(c for c in channel_object.match if c in types),
            purpose=self._purpose(declared),
            guards=declared.guards,
        )

    def _error(self, part: str, complaint: str) -> SyncError:
        return SyncError(
            f"{self.exposure['original_file_path']}: exposure '{self.exposure['name']}': "
            f"{part}: {complaint}."
        )

    def _declaration(self) -> Declaration:
        try:
            return Declaration.model_validate(self.exposure["config"]["meta"]["sync"])
        except ValidationError as error:
            raise self._error("config.meta.sync", describe(error)) from None

    def _channel(self, declared: Declaration) -> Channel:
        try:
            known = self.destinations.get(declared.destination)
            return known or find_destination(declared.destination)
        except UnknownDestination as error:
            raise self._error("config.meta.sync.destination", str(error).rstrip(".")) from None

    def _object(self, declared: Declaration, channel: Channel) -> ChannelObject:
        objects = {each.name: each for each in channel.objects}
        found = objects.get(declared.object)
        if found is None:
            raise self._error(
                "config.meta.sync.object",
                f"{channel.label} has no '{declared.object}'; known: {', '.join(sorted(objects))}",
            )
        if declared.mode not in found.modes:
            raise self._error(
                "config.meta.sync.mode",
                f"{channel.label} {found.name} cannot '{declared.mode}'; "
                f"possible: {', '.join(found.modes)}",
            )
        return found

    def _purpose(self, declared: Declaration) -> Purpose:
        if declared.purpose not in self.purposes:
            raise self._error(
                "config.meta.sync.purpose",
                f"'{declared.purpose}' is not in purposes.yml; declare it there or use one of: "
                f"{', '.join(sorted(self.purposes))}",
            )
        return self.purposes[declared.purpose]

    def _model(self) -> str:
        models = [
            unique_id
            for unique_id in self.exposure["depends_on"]["nodes"]
            if self.manifest.nodes.get(unique_id, {}).get("name", "").startswith("sync_")
        ]
        if len(models) != 1:
            raise self._error(
                "depends_on", f"expected exactly one sync_* model, found {len(models)}"
            )
        return str(models[0])

    def _check_columns(
        self, declared: Declaration, target: ChannelObject, types: Mapping[str, str]
    ) -> None:
        needed = {"person_id"} if self._purpose(declared).is_about_a_person else set()
        if declared.mode == "audience":
            needed |= {"person_id", "audience", "audience_label", "purpose"}
        missing = sorted(needed - set(types))
        if missing:
            raise self._error("columns", f"the model lacks {', '.join(missing)}")
        unknown = sorted(set(types) - CONTROL_COLUMNS - set(target.fields) - set(declared.key))
        if target.fields and unknown:
            raise self._error(
                "columns",
                f"{declared.destination} {target.name} takes no {', '.join(unknown)}; "
                f"it takes: {', '.join(target.fields)}",
            )


def _live_targets(directory: Path) -> frozenset[str]:
    path = directory / "dbt_project.yml"
    if not path.is_file():
        raise SyncError(f"{path} does not exist; set SEAMLINE_PROJECT_DIR to the dbt project.")
    content = yaml.safe_load(path.read_text()) or {}
    declared = (content.get("vars") or {}).get("live_targets") or []
    if not isinstance(declared, list):
        raise SyncError(f"{path}: vars.live_targets: expected a list of target names.")
    return frozenset(str(target) for target in declared)

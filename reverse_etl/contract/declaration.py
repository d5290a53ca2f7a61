"""How a sync is declared: ``config.meta.sync`` of the exposure beside its ``sync_*`` model.

It says where the rows go and how. The model's columns, but for the control columns, are the fields
that are sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reverse_etl.channel.batch import Mode, Options
from reverse_etl.channel.destination import ChannelObject
from reverse_etl.channel.registry import Channel, UnknownDestination, find_destination
from reverse_etl.contract.manifest import Manifest, Relation
from reverse_etl.contract.purpose import Purpose, describe
from reverse_etl.errors import SeamlineError
from reverse_etl.home import project_file

CONTROL_COLUMNS = frozenset({"person_id", "audience", "audience_label", "purpose", "occurred_at"})


class SyncError(SeamlineError):
    """An exposure declares a sync that cannot be."""


class Guards(BaseModel):
    """How much a sync may change before it refuses; ``None`` means that nothing is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_removed_fraction: float | None = Field(default=0.3, ge=0, le=1)
    max_removed_count: int | None = Field(default=None, ge=0)
    stale_after_hours: float | None = Field(default=None, gt=0)


class Pace(BaseModel):
    """Limits of a sync's own, where the account's differ from what the channel declares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int | None = Field(default=None, ge=1)
    bytes: int | None = Field(default=None, ge=1)
    requests_per_second: float | None = Field(default=None, ge=0)  # 0: none is known
    requests_per_minute: int | None = Field(default=None, ge=0)
    concurrency: int | None = Field(default=None, ge=1, le=256)


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
    update_only: bool = False
    create_only: bool = False
    keep_edits: tuple[str, ...] = ()
    limits: Pace = Pace()


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
    options: Options

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
class Reader:
    """Turns one exposure into a ``Sync``; every complaint names the file and the field."""

    exposure: dict[str, Any]
    manifest: Manifest
    purposes: Mapping[str, Purpose]
    destinations: Mapping[str, Channel]

    def read(self) -> Sync:
        """Return the sync.

        Raises:
            SyncError: it cannot be.
        """
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
        match = declared.match or tuple(c for c in channel_object.match if c in types)
        return Sync(
            name=self.exposure["name"],
            label=self.exposure.get("label") or self.exposure["name"],
            path=project_file(self.exposure["original_file_path"]),
            model=model,
            relation=self.manifest.relation(model),
            columns=tuple(types),
            types=types,
            channel=channel,
            connection=declared.connection or channel.slug,
            object=channel_object,
            mode=declared.mode,
            key=declared.key,
            match=match,
            purpose=self._purpose(declared),
            guards=declared.guards,
            options=self._options(declared, channel_object, set(types) - CONTROL_COLUMNS, match),
        )

    def _error(self, part: str, complaint: str) -> SyncError:
        return SyncError(
            f"{project_file(self.exposure['original_file_path'])}: "
            f"exposure '{self.exposure['name']}': {part}: {complaint}."
        )

    def _declaration(self) -> Declaration:
        declared = self.exposure["config"]["meta"]["sync"]
        try:
            return Declaration.model_validate(declared)
        except ValidationError as error:
            complaint = describe(error)
            if "purpose" not in declared:
                complaint += f" (purposes.yml has {', '.join(sorted(self.purposes))})"
            raise self._error("config.meta.sync", complaint) from None

    def _channel(self, declared: Declaration) -> Channel:
        try:
            known = self.destinations.get(declared.destination)
            return known or find_destination(declared.destination)
        except UnknownDestination as error:
            raise self._error("config.meta.sync.destination", str(error).rstrip(".")) from None

    def _object(self, declared: Declaration, channel: Channel) -> ChannelObject:
        objects = {each.name: each for each in channel.objects}
        found = objects.get(declared.object)
        if found is None and (any_object := getattr(channel, "any_object", None)):
            found = replace(any_object, name=declared.object)
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
        chosen = declared.limits.model_dump(exclude_none=True)
        for size in ("rows", "bytes"):
            most = getattr(found.limits, size)
            if chosen.get(size, 0) > most:
                raise self._error(
                    f"config.meta.sync.limits.{size}",
                    f"{channel.label} {found.name} takes {most} per request at most",
                )
        return replace(found, limits=replace(found.limits, **chosen))

    def _options(
        self,
        declared: Declaration,
        target: ChannelObject,
        fields: Collection[str],
        match: Collection[str],
    ) -> Options:
        options = Options(declared.update_only, declared.create_only, declared.keep_edits)
        possible = ", ".join(target.options) or "none"
        for name in options.chosen:
            if name not in target.options:
                raise self._error(
                    f"config.meta.sync.{name}",
                    f"{declared.destination} {target.name} cannot do that"
                    f"{target.no_others and f': {target.no_others}'}; possible: {possible}",
                )
            if name != "keep_edits" and declared.mode not in ("upsert", "mirror"):
                raise self._error(
                    f"config.meta.sync.{name}", f"is for upsert and mirror, not {declared.mode}"
                )
        if options.update_only and options.create_only:
            raise self._error("config.meta.sync.create_only", "excludes update_only; choose one")
        for column in options.keep_edits:
            complaint = (
                "is no field that is sent"
                if column not in fields
                else "is a match key, by which the channel finds the record"
                if column in match
                else "holds several values, whose edits cannot be told apart"
                if column in target.composite
                else ""
            )
            if complaint:
                raise self._error("config.meta.sync.keep_edits", f"'{column}' {complaint}")
        return options

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
        sent = sorted(set(types) - CONTROL_COLUMNS)
        if target.longest_name and (long := [c for c in sent if len(c) > target.longest_name]):
            raise self._error(
                "columns",
                f"{declared.destination} {target.name} takes names of {target.longest_name} "
                f"characters at most; rename {', '.join(long)} in the model",
            )

"""The project as the engine sees it: profile, manifest, purposes, and every declared sync."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from reverse_etl.channel.connection import Connection, connect
from reverse_etl.channel.registry import Channel
from reverse_etl.contract.declaration import CONTROL_COLUMNS, Guards, Reader, Sync, SyncError
from reverse_etl.contract.manifest import Manifest, manifest_path
from reverse_etl.contract.profile import Profile, read_profile
from reverse_etl.contract.purpose import Purpose, read_purposes
from reverse_etl.home import home_directory, project_directory, token_directory

__all__ = ["CONTROL_COLUMNS", "Guards", "Project", "Sync", "SyncError"]


@dataclass(frozen=True)
class Project:
    """A dbt project with everything that the engine needs to run its syncs."""

    directory: Path
    home: Path
    profile: Profile
    manifest: Manifest
    purposes: dict[str, Purpose]
    live_targets: frozenset[str]
    log_retention_days: int | None = None  # None: the logs of syncs are kept for good
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
            SeamlineError: something is missing or malformed; the message names file and field, and
                has a line for every sync that cannot be.
        """
        directory = directory or project_directory()
        home = home or home_directory()
        manifest = Manifest.read(manifest_path(directory, home))
        purposes = read_purposes(directory / "purposes.yml")
        variables = _variables(directory)
        syncs = _read_syncs(manifest, purposes, destinations or {})
        return cls(
            directory=directory,
            home=home,
            profile=read_profile(directory),
            manifest=manifest,
            purposes=purposes,
            live_targets=_live_targets(directory, variables),
            log_retention_days=_log_retention_days(directory, variables, purposes),
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
        return connect(
            sync.connection,
            sync.channel,
            self.profile.target,
            self.live_targets,
            token_directory(self.directory),
        )


def _read_syncs(
    manifest: Manifest, purposes: Mapping[str, Purpose], destinations: Mapping[str, Channel]
) -> dict[str, Sync]:
    syncs: dict[str, Sync] = {}
    complaints = []
    for exposure in manifest.exposures.values():
        if "sync" in exposure["config"].get("meta", {}):
            try:
                sync = Reader(exposure, manifest, purposes, destinations).read()
            except SyncError as error:
                complaints.append(str(error))
            else:
                syncs[sync.name] = sync
    if complaints:
        raise SyncError("\n".join(sorted(complaints)))
    return syncs


def _variables(directory: Path) -> dict[str, Any]:
    path = directory / "dbt_project.yml"
    if not path.is_file():
        raise SyncError(f"{path} does not exist; set SEAMLINE_PROJECT_DIR to the dbt project.")
    content = yaml.safe_load(path.read_text()) or {}
    return content.get("vars") or {}


def _live_targets(directory: Path, variables: Mapping[str, Any]) -> frozenset[str]:
    declared = variables.get("live_targets") or []
    if not isinstance(declared, list):
        path = directory / "dbt_project.yml"
        raise SyncError(f"{path}: vars.live_targets: expected a list of target names.")
    return frozenset(str(target) for target in declared)


def _log_retention_days(
    directory: Path, variables: Mapping[str, Any], purposes: Mapping[str, Purpose]
) -> int | None:
    days = variables.get("log_retention_days")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 1):
        path = directory / "dbt_project.yml"
        raise SyncError(
            f"{path}: vars.log_retention_days: '{days}' is no number of days; write 1 or more, or "
            "leave it empty to keep the logs for good."
        )
    for purpose in purposes.values():
        for window in purpose.windows:
            if days is not None and window.length > timedelta(days=days):
                raise SyncError(
                    f"{directory / 'purposes.yml'}: purpose '{purpose.name}': the {window.name} "
                    f"({window.rule}) looks back further than vars.log_retention_days ({days}) "
                    "keeps the logs that it counts in; keep them longer."
                )
    return days

"""What a person may ask of one run: the fields of ``resources: options`` in the launchpad."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from orchestration.load import parse_instant
from reverse_etl.contract.manifest import manifest_path
from reverse_etl.contract.project import Project
from reverse_etl.errors import SeamlineError
from reverse_etl.home import home_directory, project_directory

_AS_OF = "SEAMLINE_AS_OF"


class LaunchOptions(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Options of one run. Left alone they mean: build everything chosen, send what changed."""

    dry_run: bool = Field(
        default=False, description="Build and plan, and send nothing: look at the plans."
    )
    syncs: list[str] = Field(
        default=[],
        description="Syncs to plan and send, by name. All that the run selects if it is empty.",
    )
    override: dict[str, str] = Field(
        default={},
        description="Guards to send in spite of, each with the reason for it, such as "
        "{removed_fraction: the campaign is over}. Names the syncs too, in `syncs`. The reason is "
        "recorded with the run, so it must name no person.",
    )
    as_of: str = Field(
        default="",
        description="Instant to build for, such as 2026-11-01T00:00:00 (UTC). Empty: now. "
        "Only where no vendor is reached: a target in live_targets refuses the past.",
    )

    @contextmanager
    def project(self) -> Iterator[Project]:
        """Check the options against the project, and set its clock while a step works.

        Raises:
            Failure: an option names what is not there; the message says how to mend it.
        """
        with self.clock(), mendable():
            project = _project(*_stamp())
            for name in self.syncs:
                project.sync(name)
            if self.override and not self.syncs:
                raise SeamlineError("options.override: name the syncs it is for in options.syncs.")
            empty = [guard for guard, reason in self.override.items() if not reason.strip()]
            if empty:
                raise SeamlineError(f"options.override.{empty[0]}: give the reason for it.")
            if self.as_of and project.profile.target in project.live_targets:
                raise SeamlineError(
                    f"options.as_of: target '{project.profile.target}' reaches vendors, who are "
                    "sent what holds now; leave it out, or use a target not in live_targets."
                )
            yield project

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Set ``SEAMLINE_AS_OF``, for this process and the dbt that it starts."""
        if not self.as_of:
            yield
            return
        before = os.environ.get(_AS_OF)
        with mendable():
            os.environ[_AS_OF] = parse_instant(self.as_of, "options.as_of").isoformat()
        try:
            yield
        finally:
            if before is None:
                del os.environ[_AS_OF]
            else:
                os.environ[_AS_OF] = before

    @property
    def overriding(self) -> dict[str, Any]:
        """The engine's arguments for the guards to override, and why."""
        return {"overrides": self.override, "because": "; ".join(self.override.values())}

    def leaves_out(self, sync: str) -> bool:
        """Return whether the run is not about this sync."""
        return bool(self.syncs) and sync not in self.syncs


@contextmanager
def mendable() -> Iterator[None]:
    """Show what the user can mend as one sentence, and do not try it again."""
    try:
        yield
    except SeamlineError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error


def _stamp() -> tuple[Path, Path, int]:
    """Return what the project depends on: folders, and the manifest as it lies there now."""
    directory, home = project_directory(), home_directory()
    path = manifest_path(directory, home)
    return directory, home, path.stat().st_mtime_ns if path.is_file() else 0


@lru_cache(maxsize=1)
def _project(directory: Path, home: Path, _: int) -> Project:
    """Load the project once per published manifest; it takes longer than a plan."""
    return Project.load(directory, home)

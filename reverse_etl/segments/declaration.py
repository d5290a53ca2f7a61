"""How a segment is declared: ``config.meta.segment`` in the YAML beside its SQL."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reverse_etl.contract.project import Project
from reverse_etl.contract.purpose import describe
from reverse_etl.errors import SeamlineError
from reverse_etl.home import project_file


class SegmentError(SeamlineError):
    """A segment's YAML lacks something, or says what cannot be."""


class Experiment(BaseModel):
    """An experiment on a segment: ``control`` of its people are held out, the rest is split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    salt: str = Field(pattern=r"^[\w-]+$")
    control: float = Field(gt=0, lt=1)
    variants: tuple[str, ...] = Field(default=("treated",), min_length=1, max_length=4)


class Declaration(BaseModel):
    """``config.meta.segment`` of a model, as written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str = Field(min_length=1)
    owner: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    objective: str = Field(min_length=1)
    purpose: str
    expires_on: date
    channels: tuple[str, ...]
    max_changed_fraction: float | None = Field(default=None, ge=0, le=1)
    experiment: Experiment | None = None
    exclude: tuple[str, ...] = ()  # segments whose members this one's channels do not get by it
    # Of two segments on one channel the lower number gets whom they share.
    priority: int | None = Field(default=None, ge=1)


@dataclass(frozen=True)
class DeclaredSegment:
    """One segment as declared, complete and possible."""

    name: str
    path: str
    declaration: Declaration
    is_expired: bool

    @property
    def pause(self) -> str:
        """What to say of it once it has expired."""
        return (
            f"Segment '{self.name}' expired on {self.declaration.expires_on}: it is paused at its "
            f"channels. Ask {self.declaration.owner} whether it is still wanted, and move "
            f"expires_on in {self.path}."
        )


def declared_segments(project: Project, today: date) -> list[DeclaredSegment]:
    """Return every segment by name, as of a day.

    Raises:
        SegmentError: one lacks a fact, or names a purpose or channel that there is not.
    """
    return [
        _declared(project, unique_id, today) for unique_id, _ in sorted(project.manifest.segments())
    ]


def _declared(project: Project, unique_id: str, today: date) -> DeclaredSegment:
    node = project.manifest.nodes[unique_id]
    path = project_file(node.get("patch_path") or node["original_file_path"])
    try:
        found = Declaration.model_validate(node["config"]["meta"]["segment"])
    except ValidationError as error:
        raise _error(path, node["name"], describe(error)) from None
    if found.purpose not in project.purposes:
        raise _error(path, node["name"], _unknown("purpose", found.purpose, project.purposes))
    audiences = [sync for sync in project.syncs.values() if sync.is_audience]
    known = {name for sync in audiences for name in (sync.destination, sync.connection)}
    for channel in found.channels:
        if channel not in known:
            raise _error(path, node["name"], _unknown("channels", channel, known))
    segments = {project.manifest.nodes[other]["name"] for other, _ in project.manifest.segments()}
    for other in found.exclude:
        if other not in segments - {node["name"]}:
            raise _error(path, node["name"], _unknown("exclude", other, segments))
    return DeclaredSegment(node["name"], path, found, today >= found.expires_on)


_KINDS = {
    "purpose": "is not in purposes.yml",
    "channels": "has no sync of audiences",
    "exclude": "is no other segment",
}


def _unknown(field: str, value: str, known: Collection[str]) -> str:
    return f"{field}: '{value}' {_KINDS[field]}; use one of: {', '.join(sorted(known))}"


def _error(path: str, name: str, complaint: str) -> SegmentError:
    return SegmentError(f"{path}: segment '{name}': config.meta.segment: {complaint}.")

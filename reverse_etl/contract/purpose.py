"""Purposes: why personal data may be used, and what ends when permission does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from reverse_etl.channel.batch import Mode
from reverse_etl.errors import SeamlineError

Withdrawal = Literal["stop", "remove"]


class PurposeError(SeamlineError):
    """``purposes.yml`` is missing or says something that no purpose can say."""


@dataclass(frozen=True)
class Window:
    """``at_most`` contacts of a person within any span of ``length``."""

    name: str
    rule: str
    at_most: int
    length: timedelta


class Caps(BaseModel):
    """How often a person is contacted for a purpose, whatever the channel and the sync.

    ``cooldown_hours`` pass after each contact before the next one, and ``at_most`` contacts fall
    ``within_days``, wherever the window is laid.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cooldown_hours: float | None = Field(default=None, gt=0, le=24 * 366)
    at_most: int | None = Field(default=None, ge=1)
    within_days: float | None = Field(default=None, gt=0, le=366)

    @model_validator(mode="after")
    def _say_something_whole(self) -> Self:
        if (self.at_most is None) != (self.within_days is None):
            raise ValueError("'at_most' and 'within_days' are one cap; write both")
        if self.at_most is None and self.cooldown_hours is None:
            raise ValueError("write 'cooldown_hours', or 'at_most' and 'within_days', or no caps")
        return self


class Purpose(BaseModel):
    """One entry of ``purposes.yml``.

    ``withdrawal`` says, per mode, what becomes of a record that the channel holds once permission
    has ended: nothing more is sent (``stop``), or what we added is taken away (``remove``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    description: str
    subject: str
    legal_basis: Literal["consent", "contract", "legitimate_interest"]
    channel: str
    marketing: bool
    withdrawal: dict[Mode, Withdrawal]
    caps: Caps | None = None

    @property
    def windows(self) -> tuple[Window, ...]:
        """The caps as windows."""
        found = []
        if self.caps and self.caps.cooldown_hours is not None:
            hours = self.caps.cooldown_hours
            rule = f"{hours:g} hours between two contacts"
            found.append(Window("cooldown", rule, 1, timedelta(hours=hours)))
        if self.caps and self.caps.at_most is not None and self.caps.within_days is not None:
            most, days = self.caps.at_most, self.caps.within_days
            rule = f"at most {most} within {days:g} days"
            found.append(Window("frequency cap", rule, most, timedelta(days=days)))
        return tuple(found)

    @property
    def is_about_a_person(self) -> bool:
        """Whether a person has to be known, and asked where the legal basis says so."""
        return self.subject == "person"

    def removes(self, mode: Mode) -> bool:
        """Whether withdrawn permission takes away what we sent in ``mode``."""
        return self.withdrawal.get(mode) == "remove"


def describe(error: ValidationError) -> str:
    """Return pydantic's complaints as one line that names each field and the fix."""
    words = {"missing": "is missing; add it", "extra_forbidden": "is not known; remove it"}
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'])}: {words.get(fault['type'], fault['msg'])}"
        for fault in error.errors(include_url=False, include_input=False)
    )


def read_purposes(path: Path) -> dict[str, Purpose]:
    """Return the purposes by name.

    Raises:
        PurposeError: the file is missing, or an entry is malformed.
    """
    if not path.is_file():
        raise PurposeError(f"{path} does not exist; no sync may run without declared purposes.")
    content = yaml.safe_load(path.read_text()) or {}
    entries = content.get("purposes") if isinstance(content, dict) else None
    if not isinstance(entries, dict):
        raise PurposeError(f"{path}: expected a mapping under 'purposes:'.")
    purposes = {}
    for name, entry in entries.items():
        try:
            purposes[name] = Purpose.model_validate({**(entry or {}), "name": name})
        except ValidationError as error:
            raise PurposeError(f"{path}: purpose '{name}': {describe(error)}.") from None
    return purposes

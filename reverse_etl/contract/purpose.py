"""Purposes: why personal data may be used, and what ends when permission does."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from reverse_etl.channel.destination import Mode
from reverse_etl.errors import SeamlineError

Withdrawal = Literal["stop", "remove"]


class PurposeError(SeamlineError):
    """``purposes.yml`` is missing or says something that no purpose can say."""


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

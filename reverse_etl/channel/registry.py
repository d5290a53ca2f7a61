"""Which destinations there are: one module each, plus those that other packages register."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from importlib.metadata import entry_points
from typing import TypeAlias

from reverse_etl.channel.destination import Destination, Store
from reverse_etl.errors import SeamlineError

Channel: TypeAlias = Destination | Store

BUILT_IN = "reverse_etl.destinations"
ENTRY_POINTS = "seamline.destinations"


class UnknownDestination(SeamlineError):  # noqa: N818 - it reads as what it says
    """No module and no entry point provides a destination of this name."""


def destination_names() -> list[str]:
    """Return every slug that can be asked for, without importing what provides it."""
    folder = importlib.import_module(BUILT_IN).__path__
    built_in = {module.name for module in pkgutil.iter_modules(folder) if module.name[0] != "_"}
    return sorted(built_in | set(entry_points(group=ENTRY_POINTS).names))


def find_destination(slug: str) -> Channel:
    """Return the destination called ``slug``; the built-in one where a package offers another.

    Raises:
        UnknownDestination: nothing provides it.
    """
    if _is_built_in(slug):  # known without asking every package that is installed
        found = importlib.import_module(f"{BUILT_IN}.{slug}").destination
    else:
        provided = entry_points(group=ENTRY_POINTS)
        if slug not in provided.names:
            known = ", ".join(destination_names())
            raise UnknownDestination(f"destination '{slug}' does not exist; known: {known}.")
        found = provided[slug].load()
    if not isinstance(found, Destination | Store):
        raise UnknownDestination(
            f"destination '{slug}' is neither a Destination nor a Store; see "
            "reverse_etl/channel/destination.py for what each must provide."
        )
    return found


def _is_built_in(slug: str) -> bool:
    if not slug.isidentifier() or slug.startswith("_"):
        return False
    return importlib.util.find_spec(f"{BUILT_IN}.{slug}") is not None

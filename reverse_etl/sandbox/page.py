"""The page at ``/``: every channel and every audience, as a marketer would see them arrive."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import jinja2

from reverse_etl.sandbox.audiences import klaviyo, meta
from reverse_etl.sandbox.crm_records import hubspot, salesforce
from reverse_etl.sandbox.deliveries import files, webhook
from reverse_etl.sandbox.display import number
from reverse_etl.sandbox.wire import Document


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True)
    environment.filters["number"] = number
    return environment.get_template("page.html")


def render(state: Callable[[str], Document], home: Path | None, query: Mapping[str, str]) -> str:
    """Return the page. ``?show=addresses`` unmasks, ``?refresh=10`` reloads it by itself."""
    is_open = query.get("show") == "addresses"
    refresh = query.get("refresh", "")
    sections = [
        klaviyo(state("klaviyo"), is_open),
        meta(state("meta")),
        hubspot(state("hubspot"), is_open),
        salesforce(state("salesforce"), is_open),
        webhook(state("webhook"), is_open),
        files(home, is_open),
    ]
    return _template().render(
        sections=[section for section in sections if section],
        is_open=is_open,
        refresh=int(refresh) if refresh.isdigit() and int(refresh) > 0 else 0,
    )

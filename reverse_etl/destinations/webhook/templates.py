"""A JSON document made of a record, in the shape that a receiver wants.

A template is JSON. Where a text is one placeholder, ``"{{ amount }}"``, the column's value takes
its place as it is, number or list; within a longer text it is written out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from reverse_etl.errors import SeamlineError

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class UnknownColumn(Exception):  # noqa: N818 - a state, which becomes a verdict
    """The template names something that the record does not have."""


def read_template(text: str) -> Any:
    """Return the template of the setting ``TEMPLATE``.

    Raises:
        SeamlineError: it is no JSON.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SeamlineError(f"The webhook's TEMPLATE is no JSON ({error}); mend it.") from None


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """Return the template with its placeholders filled.

    Raises:
        UnknownColumn: one of them is not among ``values``.
    """
    if isinstance(template, dict):
        return {name: fill(each, values) for name, each in template.items()}
    if isinstance(template, list):
        return [fill(each, values) for each in template]
    if not isinstance(template, str):
        return template
    if whole := _PLACE.fullmatch(template):
        return _value(whole[1], values)
    return _PLACE.sub(lambda place: _written(_value(place[1], values)), template)


def _value(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise UnknownColumn(name)
    return values[name]


def _written(value: Any) -> str:
    if isinstance(value, str) or value is None:
        return value or ""
    return orjson.dumps(value).decode()

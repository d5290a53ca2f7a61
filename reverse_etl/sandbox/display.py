"""How values look to people: masked addresses, times, names of fields, things in a cart."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from markupsafe import Markup

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_MONEY = re.compile(r"(value|revenue|amount|price|total)$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_EMAIL = re.compile(r"[^\s@]+@([^\s@]+)")
_PHONE = re.compile(r"\+\d{7,15}")
# SHA-256, and the ids that a warehouse makes of md5: nobody reads more than their beginning.
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


def masked(value: str) -> str:
    """Hide who an address belongs to and leave it recognisable: ``a•••@example.com``."""
    if _EMAIL.fullmatch(value):
        name, _, domain = value.partition("@")
        return f"{name[0]}•••@{domain}"
    return f"{value[:3]}•••{value[-2:]}" if _PHONE.fullmatch(value) else value


def label(name: str) -> str:
    """Return the words of a field's name: ``cart_value`` is Cart value."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def moment(value: str) -> Markup:
    """Return a time for people and machines."""
    parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    has_time = len(value) > 10
    shown = parsed.strftime("%-d %b %Y, %H:%M" if has_time else "%-d %b %Y")
    return Markup('<time datetime="{}">{}</time>').format(value, shown)


def number(value: float) -> str:
    """Return a number with thousands apart and no pointless digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def item(entry: dict[str, Any]) -> Markup:
    """Return one thing of a list, a product in a cart most often: ``2 × Linen shirt, 39.00``."""
    rest = dict(entry)
    name = next((rest.pop(key) for key in ("product_name", "name", "title") if key in rest), "")
    if not name:
        return Markup(", ").join(Markup("{} {}").format(label(k), cell(v)) for k, v in rest.items())
    quantity = rest.pop("quantity", 1)
    price = next((rest.pop(key) for key in ("unit_price", "price") if key in rest), None)
    shown = Markup('<b class="count">{} ×</b> {}').format(cell(quantity), name)
    if isinstance(price, int | float):
        shown += Markup(' <span class="price">{:,.2f}</span>').format(price)
    return shown


def cell(value: Any, is_open: bool = False) -> Markup:
    """Return any JSON value as a reader would write it; addresses are masked unless open."""
    if value is None or value in ("", []):
        return Markup('<span class="nothing" title="nothing">–</span>')
    if isinstance(value, bool):
        return Markup("yes" if value else "no")
    if isinstance(value, int | float):
        return Markup(number(value))
    if isinstance(value, list):
        entries = [item(entry) if isinstance(entry, dict) else cell(entry) for entry in value]
        lines = Markup("").join(Markup("<li>{}</li>").format(entry) for entry in entries)
        return Markup('<ul class="items">{}</ul>').format(lines)
    if isinstance(value, dict):
        return item(value)
    return _words(str(value), is_open)


def _words(text: str, is_open: bool) -> Markup:
    if _INSTANT.fullmatch(text) or _DAY.fullmatch(text):
        return moment(text)
    if _HASH.fullmatch(text):
        return Markup('<code title="{}">{}…</code>').format(text, text[:12])
    return Markup.escape(text if is_open else masked(text))


def properties(held: dict[str, Any], is_open: bool = False) -> Markup:
    """Return a profile's properties as a list of terms: what is in a cart first, ids last."""
    currency = str(held.get("currency") or "")
    terms = (
        Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(
            label(name), _amount(value, currency) if is_money else cell(value, is_open)
        )
        for name, value in sorted(held.items(), key=_place)
        for is_money in [bool(_MONEY.search(name)) and isinstance(value, int | float)]
        if name != "currency"
    )
    return Markup('<dl class="properties">{}</dl>').format(Markup("").join(terms))


def _place(entry: tuple[str, Any]) -> int:
    name, value = entry
    return 0 if isinstance(value, list) else 2 if name.endswith("_id") else 1


def _amount(value: float, currency: str) -> str:
    return f"{value:,.2f} {currency}".strip()

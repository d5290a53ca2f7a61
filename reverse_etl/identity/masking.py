"""How nodes are written where anybody may read them: recognisable, but nobody's address.

One node is written the same everywhere in an explanation, and two never the same: where masks
collide, they are numbered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reverse_etl.identity.evidence import Node


def mask(value: str) -> str:
    """Return what may be shown of a value: ``j***@example.com``, ``+44***58``, ``a-***c2``.

    Whatever it is, it is masked: an identifier of a new type may be a passport's number.
    """
    local, at, domain = value.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    head, tail = (3, 2) if value.startswith("+") else (2, 2)
    if len(value) < 2 * (head + tail):
        return f"{value[:1]}***"
    return f"{value[:head]}***{value[-tail:]}"


class Labels:
    """Writes nodes; in clear only for whoever asked for it.

    A record is named by its source's own key, by which it can be looked up there; parts of the key
    that identify somebody are masked as they are elsewhere.
    """

    def __init__(self, nodes: Iterable[Node], *, show_pii: bool = False) -> None:
        self._show_pii = show_pii
        self._identifying = {node.value for node in nodes if not node.is_record}
        self._written: dict[Node, str] = {}
        self._taken: Counter[str] = Counter()

    def value(self, value: str) -> str:
        """Return a value of an attribute, of a name no more than its initial."""
        if self._show_pii:
            return value
        return mask(value) if "@" in value or value.startswith("+") else f"{value[:1]}***"

    def node(self, node: Node) -> str:
        """Return ``email j***@example.com``, or ``record crm/contact/17``."""
        if node not in self._written:
            label = f"{node.type} {self._shown(node)}"
            self._taken[label] += 1
            again = self._taken[label]
            self._written[node] = f"{label} ({again})" if again > 1 else label
        return self._written[node]

    def _shown(self, node: Node) -> str:
        if self._show_pii:
            return node.value
        if node.is_record:
            return "/".join(self._shown_part(part) for part in node.value.split("/"))
        return mask(node.value)

    def _shown_part(self, part: str) -> str:
        is_private = part in self._identifying or "@" in part or part.startswith("+")
        return mask(part) if is_private else part

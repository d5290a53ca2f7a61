"""A person's graph as a page of its own: an SVG without scripts, fonts or anything from elsewhere.

Identifiers stand on the left, records on the right, a line for each record that carries an
identifier. Every column is put in the order of what it is joined to, so that few lines cross.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from statistics import fmean

from reverse_etl.identity.evidence import Evidence, Node
from reverse_etl.identity.masking import Labels
from reverse_etl.identity.path import spanning_tree
from reverse_etl.identity.verdict import Portrait

MOST_NODES = 400
_LEFT, _RIGHT, _WIDTH, _ROW, _TOP = 380, 720, 1100, 26, 20

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 14px system-ui, sans-serif; margin: 2em; color: #1c1c1c; background: #fff }}
svg {{ max-width: 100%; height: auto }}
text {{ font: 13px ui-monospace, monospace; fill: currentColor }}
.identifier {{ fill: #2b6cb0 }} .record {{ fill: #718096 }}
path {{ fill: none; stroke: #a0aec0; stroke-width: 1.3 }}
.linked {{ stroke: #2f855a; stroke-width: 2.5 }} 
.matched {{ stroke: #b7791f; stroke-dasharray: 6 3 }}
.refused {{ stroke: #c53030; stroke-dasharray: 2 4 }}
@media (prefers-color-scheme: dark) {{ body {{ color: #eee; background: #1a1a1a }} }}
</style>
<h1>{title}</h1>
<p>{legend}</p>
<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
{edges}
{nodes}
</svg>
</html>
"""


def portrait_page(portrait: Portrait, labels: Labels) -> str:
    """Return the page. Of a person with more than ``MOST_NODES`` nodes, those nearest the root."""
    reached = [portrait.root, *(n for n, _ in spanning_tree(portrait.accepted, portrait.root))]
    kept = set(reached[:MOST_NODES])
    edges = [edge for edge in portrait.accepted if kept.issuperset(edge.ends)]
    refused = [edge for edge in portrait.refused if edge.left in kept]
    shown = kept | {edge.right for edge in refused}
    places = _places(shown, edges + refused)
    nodes = "\n".join(_drawn_node(node, places[node], labels) for node in sorted(shown))
    lines = "\n".join(_drawn_edge(edge, places) for edge in edges + refused)
    rows = max(sum(node.is_record for node in shown), sum(not node.is_record for node in shown))
    left_out = len(reached) - len(kept)
    legend = (
        "Blue: identifiers. Grey: records. Green: linked by a human. Dashed: matched by the model, "
        "in red refused." + (f" {left_out} nodes further away are not drawn." if left_out else "")
    )
    return _PAGE.format(
        title=escape(f"Person {portrait.person_id}"),
        legend=legend,
        width=_WIDTH,
        height=_TOP * 2 + _ROW * rows,
        edges=lines,
        nodes=nodes,
    )


def _places(nodes: set[Node], edges: Sequence[Evidence]) -> dict[Node, tuple[float, float]]:
    """Place each column in the order of its neighbours' middle (the barycentre heuristic)."""
    around: dict[Node, list[Node]] = defaultdict(list)
    for edge in edges:
        around[edge.left].append(edge.right)
        around[edge.right].append(edge.left)
    columns = [sorted(n for n in nodes if n.is_record is side) for side in (False, True)]
    rows = {node: float(row) for column in columns for row, node in enumerate(column)}
    for _ in range(8):
        for column in columns:
            middle = {n: fmean([rows[o] for o in around[n]] or [rows[n]]) for n in column}
            column.sort(key=lambda node: (middle[node], node))
            rows.update({node: float(row) for row, node in enumerate(column)})
    return {
        node: (_RIGHT if node.is_record else _LEFT, _TOP + _ROW * (rows[node] + 0.5))
        for node in nodes
    }


def _drawn_node(node: Node, place: tuple[float, float], labels: Labels) -> str:
    x, y = place
    offset, anchor = (12, "start") if node.is_record else (-12, "end")
    kind = "record" if node.is_record else "identifier"
    return (
        f'<circle class="{kind}" cx="{x}" cy="{y:.1f}" r="5"/>'
        f'<text x="{x + offset}" y="{y + 4:.1f}" text-anchor="{anchor}">'
        f"{escape(labels.node(node))}</text>"
    )


def _drawn_edge(edge: Evidence, places: dict[Node, tuple[float, float]]) -> str:
    (x, y), (to_x, to_y) = places[edge.left], places[edge.right]
    # Lines within a column bend away from it.
    bend = (x + to_x) / 2 if x != to_x else x + (60 if x == _LEFT else -60)
    kind = "refused" if edge.refusal_reason else edge.kind
    told = (
        edge.refusal_reason
        or edge.source
        or ("linked by a human" if edge.kind == "linked" else f"probability {edge.probability}")
    )
    curve = f"M{x},{y:.1f} C{bend},{y:.1f} {bend},{to_y:.1f} {to_x},{to_y:.1f}"
    return f'<path class="{kind}" d="{curve}"><title>{escape(told)}</title></path>'

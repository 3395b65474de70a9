"""What lines and marks are called: sentences and a key above a panel, names at the ends of its lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import escape

from framework.report.axes import Panel, text_width
from framework.report.charts import TEXT_WIDTH, Layout, fold, short, svg_block, svg_line, svg_text

SERIES = 5
"""How many series differ by colour, dash and dot; a sixth begins anew, and its name tells."""
DOTS = (
    "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0Z",
    "M-3.8-3.8H3.8V3.8H-3.8Z",
    "M-4-4L4 4M-4 4L4-4",
    "M-5 0H5M0-5V5",
    "M-3.8-3.8H3.8V3.8H-3.8Z",
)
"""Disc, square, cross, plus, open square."""
BESIDE = 214.0
"""Width of the column of names right of a wide panel."""


@dataclass(frozen=True)
class Name:
    """What one kind of line or mark is called; `kind` says how its sample looks, `series` counts from 0."""

    text: str
    kind: str = "curve"
    series: int = 0


@dataclass(frozen=True)
class Canvas:
    """What is settled before the axes: the words and the key already drawn above, and the room left for the panel."""

    parts: list[str]
    top: float
    bottom: float
    right: float


def canvas(layout: Layout, *, notes: Sequence[str] = (), ends: Sequence[Name] = (), key: Sequence[Name] = ()) -> Canvas:
    """Return the room for a panel below `notes` (sentences) and the key.

    `ends` are series named at the right of a wide panel and in the key of a narrow one; `key` is in the key of both.
    """
    parts, y = sentences(notes, layout, 2.0)
    drawn, y = _key(key if layout.label else [*ends, *key], layout, y)
    top = y + layout.size * 1.9
    least = sum(_height(name.text, layout) for name in ends) if layout.label else 0.0
    height = max(330.0 if layout.label else 230.0, least)
    beside = BESIDE + 30 if layout.label and ends else 16.0
    return Canvas([*parts, *drawn], top, top + height, layout.width - beside)


def sentences(notes: Sequence[str], layout: Layout, y: float) -> tuple[list[str], float]:
    """Return sentences folded to the picture's width from `y` down, and where they end."""
    parts = []
    leading = layout.size * 1.4
    for note in notes:
        for line in fold(note, layout.width / (layout.size * TEXT_WIDTH)):
            parts.append(svg_text(0, y + leading * 0.8, line, "label"))
            y += leading
    return parts, y + (4 if notes else 0)


def dot(series: int, x: float, y: float, hint: str = "") -> str:
    """Return a series' own mark."""
    kind = series % SERIES
    css = f"dot s{kind + 1}" + ("" if kind < 2 else " open")
    title = f"<title>{escape(hint)}</title>" if hint else ""
    return f'<path class="{css}" transform="translate({short(x)} {short(y)})" d="{DOTS[kind]}">{title}</path>'


def style(series: int) -> str:
    """Return the class of a series' colour and dash."""
    return f"s{series % SERIES + 1}"


def end_labels(ends: Sequence[tuple[Name, float, float]], panel: Panel, layout: Layout) -> list[str]:
    """Return names right of a wide panel, each led to from the end (x, y) of its line; a narrow one has its key."""
    if not layout.label:
        return []
    ends = [(name, x, y if math.isfinite(y) else panel.bottom) for name, x, y in ends]
    heights = [_height(name.text, layout) for name, _, _ in ends]
    middles = settled([y for _, _, y in ends], heights, panel.top - 8, panel.bottom + 8)
    parts = []
    for (name, x, y), middle in zip(ends, middles, strict=True):
        start = max(x, panel.right) if math.isfinite(x) else panel.right
        parts.append(svg_line(start + 3, y, panel.right + 20, middle, "leader"))
        parts += _sample(name, panel.right + 22, middle)
        lines = fold(name.text, (BESIDE - 42) / (layout.size * TEXT_WIDTH))
        css = f"series {style(name.series)}" if name.kind == "curve" else "label"
        parts += svg_block(panel.right + 62, middle, lines, layout.size * 1.25, css, "start")
    return parts


def side_texts(texts: Sequence[tuple[float, str, str]], layout: Layout, y: float, step: float) -> list[str]:
    """Return texts (x, text, class) beside their x, their baseline at `y`, by `step` further where they meet."""
    parts = []
    taken: list[float] = []
    for x, text, css in sorted(texts):
        width = text_width(text, layout)
        start = x - 6 - width if x + 6 + width > layout.width and x - 6 - width >= 0 else x + 6
        start = max(0.0, min(start, layout.width - width))
        level = next((index for index, edge in enumerate(taken) if edge + 6 <= start), len(taken))
        taken[level : level + 1] = [start + width]
        parts.append(svg_text(start, y + level * step, text, css))
    return parts


def settled(wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Return middles of boxes near the wanted ones, in their order, none over another, all between top and bottom.

    Where the boxes are higher than the room together, they reach beyond the top.
    """
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    middles = [0.0] * len(wanted)
    edge = top
    for index in order:
        middles[index] = max(wanted[index], edge + heights[index] / 2)
        edge = middles[index] + heights[index] / 2
    edge = bottom
    for index in reversed(order):
        middles[index] = min(middles[index], edge - heights[index] / 2)
        edge = middles[index] - heights[index] / 2
    return middles


def _key(names: Sequence[Name], layout: Layout, y: float) -> tuple[list[str], float]:
    parts: list[str] = []
    leading = layout.size * 1.4
    x, room = 0.0, (layout.width - 44) / (layout.size * TEXT_WIDTH)
    for name in names:
        lines = fold(name.text, room)
        width = 40 + max(text_width(line, layout) for line in lines) + 18
        if x and x + width > layout.width:
            x, y = 0.0, y + leading
        parts += _sample(name, x, y + leading * 0.5)
        parts += [svg_text(x + 40, y + leading * (0.84 + i), line, "label") for i, line in enumerate(lines)]
        x += width
        if len(lines) > 1 or not layout.label:
            x, y = 0.0, y + leading * len(lines)
    return parts, y + (leading if x else 0.0) + (4 if names else 0.0)


def _sample(name: Name, x: float, y: float) -> list[str]:
    css = style(name.series)
    if name.kind in {"area", "inner", "rope", "reject"}:
        return [f'<rect class="{name.kind} {css}" x="{short(x)}" y="{short(y - 6)}" width="32" height="12"/>']
    if name.kind == "upright":
        return [svg_line(x + 16, y - 8, x + 16, y + 8, f"whisker {css}")]
    if name.kind == "planned":
        return [svg_line(x + 16, y - 8, x + 16, y + 8, "planned")]
    line = svg_line(x, y, x + 32, y, f"{'curve' if name.kind == 'line' else name.kind} {css}")
    mark = dot(name.series, x + 16, y)
    return {"curve": [line, mark], "dot": [mark]}.get(name.kind, [line])


def _height(text: str, layout: Layout) -> float:
    return len(fold(text, (BESIDE - 42) / (layout.size * TEXT_WIDTH))) * layout.size * 1.25 + 6

"""Average ranks of systems on one axis, with bars that join those which do not differ (Demsar 2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from framework.report.charts import TEXT_WIDTH, Axis, Layout, fold, short, svg_block, svg_chart, svg_line, svg_text
from framework.report.labels import dot, sentences

GAP = 9.0
"""Distance of two bars that would else lie over each other."""
CLEAR = 18.0
"""Bars in one line are at least this far apart, or they would read as one."""


def rank_chart(
    ranks: Sequence[tuple[str, float]],
    layout: Layout,
    title: str,
    *,
    cliques: Sequence[Sequence[str]] = (),
    critical: float | None = None,
) -> Markup:
    """Return a critical-difference diagram: best (rank 1) at the left, names led to from their place on the axis.

    `ranks` are (system, average rank); a system without a rank is named in words only. `cliques` are groups of
    systems that do not differ, each a bar. `critical` is the critical difference, drawn in the axis' own scale. A
    narrow picture lists the systems under each other instead, cliques as upright bars.
    """
    known = sorted(((name, rank) for name, rank in ranks if math.isfinite(rank)), key=lambda row: row[1])
    missing = [name for name, rank in ranks if not math.isfinite(rank)]
    spans = _spans(known, cliques, missing)
    notes = ["Lower ranks are better. A bar joins systems of which no difference is shown."]
    if critical is not None and math.isfinite(critical):
        notes.append(f"Critical difference (CD): {critical:.2f}.")
    notes += [f"Without a rank: {', '.join(missing)}."] if missing else []
    parts, y = sentences(notes, layout, 2.0)
    draw = _both_sides if layout.label else _listed
    drawn, height = draw(known, spans, critical, layout, y)
    described = "; ".join(f"{name} {rank:.2f}" for name, rank in known)
    return svg_chart(layout.width, height, title, f"{' '.join(notes)} {described}", [*parts, *drawn])


def _both_sides(
    known: Sequence[tuple[str, float]],
    spans: Sequence[tuple[int, int]],
    critical: float | None,
    layout: Layout,
    y: float,
) -> tuple[list[str], float]:
    room = layout.label + 30
    axis = _axis(known, critical, room, layout.width - room)
    line, parts = y + 66, _critical(critical, axis, y + 28)
    parts += [svg_line(axis.left, line, axis.right, line, "axis")]
    for value in axis.ticks:
        parts.append(svg_line(axis.x(value), line - 6, axis.x(value), line, "axis"))
        parts.append(svg_text(axis.x(value), line - 11, f"{value:g}", "tick", "middle"))
    levels = _levels([(axis.x(known[best][1]), axis.x(known[worst][1])) for best, worst in spans])
    for (best, worst), level in zip(spans, levels, strict=True):
        top = line + 12 + GAP * level
        parts.append(svg_line(axis.x(known[best][1]) - 4, top, axis.x(known[worst][1]) + 4, top, "clique"))
    first = line + 24 + GAP * max(levels, default=0)
    half = (len(known) + 1) // 2
    lowest = first
    leading = layout.size * 1.25
    for side, rows in (("end", known[:half]), ("start", list(reversed(known[half:])))):
        below = first
        for name, rank in rows:
            lines = fold(f"{name}  {rank:.2f}", layout.label / (layout.size * TEXT_WIDTH))
            height = leading * len(lines) + 6
            middle, x = below + height / 2, axis.x(rank)
            edge = axis.left - 18 if side == "end" else axis.right + 18
            points = f"{short(x)},{short(line)} {short(x)},{short(middle)} {short(edge)},{short(middle)}"
            parts.append(f'<polyline class="lead" points="{points}"/>')
            parts.append(dot(0, x, line, f"{name} {rank:.2f}"))
            parts += svg_block(edge - 6 if side == "end" else edge + 6, middle, lines, leading, "label", side)
            below += height
        lowest = max(lowest, below)
    return parts, lowest + 6


def _listed(
    known: Sequence[tuple[str, float]],
    spans: Sequence[tuple[int, int]],
    critical: float | None,
    layout: Layout,
    y: float,
) -> tuple[list[str], float]:
    # Rows stand well apart: a bar that ends a row above the next one's start is clear of it.
    levels = _levels([(CLEAR * best, CLEAR * worst) for best, worst in spans])
    axis = _axis(known, critical, 10.0, layout.width - 16 - GAP * (1 + max(levels, default=0)))
    parts = _critical(critical, axis, y + 26)
    top = y + 40 + layout.size
    leading = layout.size * 1.3
    below, middles = top + 6, []
    for name, rank in known:
        lines = fold(f"{name}  {rank:.2f}", (axis.right - 4) / (layout.size * TEXT_WIDTH))
        parts += [svg_text(0, below + leading * (i + 0.9), line, "label") for i, line in enumerate(lines)]
        middles.append(below + leading * len(lines) + 11)
        below = middles[-1] + 12
    grid = [svg_line(axis.x(value), top, axis.x(value), below, "grid") for value in axis.ticks]
    grid += [svg_text(axis.x(value), top - 4, f"{value:g}", "tick", "middle") for value in axis.ticks]
    for (name, rank), middle in zip(known, middles, strict=True):
        parts.append(svg_line(axis.left, middle, axis.x(rank), middle, "lead"))
        parts.append(dot(0, axis.x(rank), middle, f"{name} {rank:.2f}"))
    for (best, worst), level in zip(spans, levels, strict=True):
        x = axis.right + 14 + GAP * level
        parts.append(svg_line(x, middles[best] - 5, x, middles[worst] + 5, "clique"))
    return [*grid, *parts], below + 6


def _spans(
    known: Sequence[tuple[str, float]], cliques: Sequence[Sequence[str]], missing: Sequence[str]
) -> list[tuple[int, int]]:
    """Return the places of the best and the worst system of each clique of two or more; longer ones first."""
    place = {name: index for index, (name, _) in enumerate(known)}
    spans = set()
    for clique in cliques:
        places = [place[name] for name in clique if name not in missing]
        if len(places) > 1:
            spans.add((min(places), max(places)))
    return sorted(spans)


def _levels(bars: Sequence[tuple[float, float]]) -> list[int]:
    """Return a level for each bar (sorted by its start), the lowest on which it keeps clear of the others."""
    ends: list[float] = []
    levels = []
    for start, end in bars:
        level = next((index for index, taken in enumerate(ends) if taken + CLEAR <= start), len(ends))
        ends[level : level + 1] = [end]
        levels.append(level)
    return levels


def _axis(known: Sequence[tuple[str, float]], critical: float | None, left: float, right: float) -> Axis:
    """Return an axis of whole ranks that holds every system and the critical difference."""
    low = math.floor(min((rank for _, rank in known), default=1.0))
    high = max(low + 1, math.ceil(max((rank for _, rank in known), default=2.0)))
    if critical is not None and math.isfinite(critical):
        high = max(high, math.ceil(low + critical))
    step = math.ceil((high - low) / 10)
    return Axis(float(low), float(high), left, right, tuple(float(value) for value in range(low, high + 1, step)))


def _critical(critical: float | None, axis: Axis, y: float) -> list[str]:
    """Return the critical difference as a length above the axis' left end."""
    if critical is None or not math.isfinite(critical):
        return []
    end = axis.x(axis.low + critical)
    parts = [svg_line(axis.left, y, end, y, "whisker actual")]
    parts += [svg_line(x, y - 5, x, y + 5, "whisker actual") for x in (axis.left, end)]
    return [*parts, svg_text(axis.left, y - 9, f"CD {critical:.2f}", "label")]

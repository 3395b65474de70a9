"""A table of coverages: how often each estimator's interval held the truth in each scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from framework.report.charts import TEXT_WIDTH, Axis, Layout, fold, short, svg_block, svg_chart, svg_line, svg_text
from framework.report.formats import PAGE
from framework.report.labels import sentences

COLUMN = 92.0
"""Least width of a column; where scenarios are more than fit, the table goes on below."""
REACH = 3.0
"""How far from the nominal coverage the small axes reach, in tolerances."""

LABELS = 210.0
"""Width of the column of estimators."""
WARNED = "! warned"
TONES = {"inside": "good", "below": "bad", "above": "hold", "unknown": "unclear"}
SIGNS = {
    "inside": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "below": "M0 6L6-4.5H-6Z",
    "above": "M0-6L6 4.5H-6Z",
}


@dataclass(frozen=True)
class CoverageCell:
    """Share of intervals that held the truth, with its Monte-Carlo interval (shares); `warned`: the report warns."""

    coverage: float
    low: float
    high: float
    warned: bool = False


@dataclass(frozen=True)
class Scale:
    """The small axis of every cell: the nominal coverage in its middle."""

    nominal: float
    tolerance: float

    def side(self, coverage: float) -> str:
        """Return "inside", "below" or "above" the tolerance, "unknown" for nan."""
        if not math.isfinite(coverage):
            return "unknown"
        if abs(coverage - self.nominal) <= self.tolerance + 1e-12:
            return "inside"
        return "below" if coverage < self.nominal else "above"

    def axis(self, left: float, right: float) -> Axis:
        """Return the axis over this room."""
        reach = REACH * self.tolerance
        return Axis(self.nominal - reach, self.nominal + reach, left, right, ())


def coverage_table(
    estimators: Sequence[str],
    scenarios: Sequence[str],
    cells: Mapping[tuple[str, str], CoverageCell],
    layout: Layout,
    title: str,
    *,
    nominal: float = 0.95,
    tolerance: float = 0.01,
) -> Markup:
    """Return a table of coverages, a row an estimator, a column a scenario; a narrow picture has a row for each cell.

    In each cell stands the coverage, and below it its Monte-Carlo interval on a small axis about the nominal one: a
    disc within the tolerance, a triangle down below it (intervals too narrow), up above it (wider than need be). "!
    warned" stands where the report warns. A missing cell stays empty.
    """
    level, slack = f"{100 * nominal:g}{PAGE.gap}%", f"{100 * tolerance:g}{PAGE.gap}pp"
    note = f"Upright line: {level}; shaded: {slack} to both sides. Bar: Monte-Carlo interval."
    parts, y = sentences([note], layout, 2.0)
    drawn, y = _key(slack, layout, y, warned=any(cell.warned for cell in cells.values()))
    parts += drawn
    scale = Scale(nominal, tolerance)
    blocks = _wide if layout.label else _narrow
    drawn, y = blocks(estimators, scenarios, cells, layout, y + 8, scale)
    described = "; ".join(
        f"{row}, {column}: {_percent(cell.coverage)}, {scale.side(cell.coverage)}{', warned' if cell.warned else ''}"
        for row in estimators
        for column in scenarios
        if (cell := cells.get((row, column)))
    )
    return svg_chart(layout.width, y, title, described, [*parts, *drawn])


def _wide(
    estimators: Sequence[str],
    scenarios: Sequence[str],
    cells: Mapping[tuple[str, str], CoverageCell],
    layout: Layout,
    y: float,
    scale: Scale,
) -> tuple[list[str], float]:
    parts: list[str] = []
    leading = layout.size * 1.25
    fits = max(1, int((layout.width - LABELS) // COLUMN))
    for start in range(0, max(1, len(scenarios)), fits):
        shown = scenarios[start : start + fits]
        column = min(150.0, (layout.width - LABELS) / max(1, len(shown)))
        heads = [fold(name, (column - 10) / (layout.size * TEXT_WIDTH)) for name in shown]
        bottom = y + leading * max(map(len, heads), default=1) + 6
        for index, lines in enumerate(heads):
            middle = bottom - 6 - leading * len(lines) / 2
            parts += svg_block(LABELS + column * (index + 0.5), middle, lines, leading, "aside", "middle")
        y = bottom
        for name in estimators:
            lines = fold(name, (LABELS - 12) / (layout.size * TEXT_WIDTH))
            row = [cells.get((name, scenario)) for scenario in shown]
            tall = 62.0 if any(cell and cell.warned for cell in row) else 46.0
            height = max(tall, leading * len(lines) + 12)
            parts.append(svg_line(0, y, LABELS + column * len(shown), y, "grid"))
            parts += svg_block(0, y + height / 2, lines, leading, "label", "start")
            for index, cell in enumerate(row):
                if cell:
                    middle = LABELS + column * (index + 0.5)
                    parts += _said(cell, middle, y + 18, y + tall - 8, scale, "middle")
                    parts += _small(cell, middle - 38, middle + 38, y + 31, scale, f"{name}, {shown[index]}")
            y += height
        y += 20
    return parts, y - 14


def _narrow(
    estimators: Sequence[str],
    scenarios: Sequence[str],
    cells: Mapping[tuple[str, str], CoverageCell],
    layout: Layout,
    y: float,
    scale: Scale,
) -> tuple[list[str], float]:
    parts: list[str] = []
    leading = layout.size * 1.25
    for name in estimators:
        for line in fold(name, layout.width / (layout.size * TEXT_WIDTH)):
            y += leading
            parts.append(svg_text(0, y, line, "heading"))
        y += 6
        for scenario in scenarios:
            cell = cells.get((name, scenario))
            if cell is None:
                continue
            lines = fold(scenario, 142 / (layout.size * TEXT_WIDTH))
            height = max(38.0 if cell.warned else 26.0, leading * len(lines) + 8)
            middle = y + height / 2
            first = middle - 3 if cell.warned else middle + 4
            parts += svg_block(0, middle, lines, leading, "label", "start")
            parts += _said(cell, 150, first, first + leading, scale, "start")
            parts += _small(cell, 236, layout.width - 8, middle, scale, f"{name}, {scenario}")
            y += height
        y += 10
    return parts, y


def _said(cell: CoverageCell, x: float, y: float, below: float, scale: Scale, anchor: str) -> list[str]:
    """Return the cell's number, and the sign and word of a warning below it."""
    tone = TONES[scale.side(cell.coverage)]
    said = [svg_text(x, y, _percent(cell.coverage), f"value {tone}", anchor)]
    return [*said, svg_text(x, below, WARNED, "value hold", anchor)] if cell.warned else said


def _small(cell: CoverageCell, left: float, right: float, y: float, scale: Scale, hint: str) -> list[str]:
    """Return the small axis of a cell with its interval and its mark; what lies beyond it stands at its edge."""
    axis, side = scale.axis(left, right), scale.side(cell.coverage)
    if side == "unknown":
        return []
    parts = [
        svg_line(left, y, right, y, "grid"),
        svg_line(axis.x(scale.nominal), y - 8, axis.x(scale.nominal), y + 8, "nominal"),
    ]
    start, end = (short(axis.x(scale.nominal + slack)) for slack in (-scale.tolerance, scale.tolerance))
    parts.append(
        f'<rect class="rope" x="{start}" y="{short(y - 6)}" width="{short(float(end) - float(start))}" height="12"/>'
    )
    x, low, high = (axis.x(min(max(end, axis.low), axis.high)) for end in (cell.coverage, cell.low, cell.high))
    if math.isfinite(low) and math.isfinite(high):
        parts.append(svg_line(low, y, high, y, f"whisker {TONES[side]}"))
        parts += [svg_line(end, y - 4, end, y + 4, f"edge {TONES[side]}") for end in (low, high)]
    if not axis.low <= cell.coverage <= axis.high:
        out = -1 if side == "below" else 1
        points = " ".join(f"{short(x + out * dx)},{short(y + dy)}" for dx, dy in ((6, -4), (10, 0), (6, 4)))
        parts.append(f'<polyline class="edge {TONES[side]}" points="{points}"/>')
    return [*parts, _sign(side, x, y, f"{hint}: {_percent(cell.coverage)}, {side}")]


def _sign(side: str, x: float, y: float, hint: str) -> str:
    title = f"<title>{escape(hint)}</title>" if hint else ""
    place = f"translate({short(x)} {short(y)})"
    return f'<path class="mark {TONES[side]}" transform="{place}" d="{SIGNS[side]}">{title}</path>'


def _key(slack: str, layout: Layout, y: float, *, warned: bool) -> tuple[list[str], float]:
    parts: list[str] = []
    x, leading = 0.0, layout.size * 1.4
    words = [("inside", f"within {slack}"), ("below", "below: too narrow"), ("above", "above: wider than need be")]
    for side, text in words:
        parts.append(_sign(side, x + 8, y + leading * 0.5, ""))
        parts.append(svg_text(x + 20, y + leading * 0.84, text, "label"))
        x += 20 + len(text) * layout.size * TEXT_WIDTH + 20
        if not layout.label:
            x, y = 0.0, y + leading
    if warned:
        parts.append(svg_text(x, y + leading * 0.84, f"{WARNED}: the report says so", "value hold"))
    return parts, y + (leading if layout.label or warned else 0.0)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}{PAGE.gap}%" if math.isfinite(share) else PAGE.absent

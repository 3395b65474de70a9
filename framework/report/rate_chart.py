"""How often a test rejects beside how often it should: bars with binomial intervals, the nominal rate as a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from framework.report.charts import ForestRow, Layout, axis_of, row_grid, row_words, short, svg_chart, svg_line
from framework.report.formats import PAGE


@dataclass(frozen=True)
class RateRow:
    """How often something happened (shares between 0 and 1), with its binomial interval.

    `nominal` is how often it should, None where nothing is promised. `worse` is the side of it that does harm: "above"
    for false positives, "below" for power and coverage.
    """

    label: str
    rate: float
    low: float
    high: float
    nominal: float | None = None
    worse: str = "above"


def rate_chart(rows: Sequence[RateRow], layout: Layout, title: str) -> Markup:
    """Return a bar from zero for each rate, with its interval, and its nominal rate as an upright line across it.

    All rows share one axis, so rates of different size (false positives, power) deserve a chart each. The words say
    whether the nominal rate lies within the interval.
    """
    ends = [value for row in rows for value in (row.rate, row.low, row.high, row.nominal) if value is not None]
    axis = axis_of(
        [end for end in ends if math.isfinite(end)], layout.left, layout.right, wanted=7 if layout.label else 5
    )
    parts: list[str] = []
    y, said = 6.0, []
    for row in rows:
        tone, word = judged(row)
        text = f"{in_words(row)}," if word else in_words(row)
        said.append(f"{row.label}: {text} {word}".rstrip())
        lines, middle, y = row_words(ForestRow(row.label, text, row.rate, tone=tone, word=word), layout, y)
        parts += lines
        if math.isfinite(row.rate):
            place = f'x="{short(axis.x(0))}" y="{short(middle - 6)}" width="{short(axis.x(row.rate) - axis.x(0))}"'
            parts.append(f'<rect class="column {tone}" {place} height="12"/>')
        if math.isfinite(row.low) and math.isfinite(row.high):
            parts.append(svg_line(axis.x(row.low), middle, axis.x(row.high), middle, "whisker actual"))
            parts += [
                svg_line(axis.x(end), middle - 4, axis.x(end), middle + 4, "whisker actual")
                for end in (row.low, row.high)
            ]
        if row.nominal is not None and math.isfinite(row.nominal):
            parts.append(svg_line(axis.x(row.nominal), middle - 9, axis.x(row.nominal), middle + 9, "nominal"))
    frame = row_grid(axis, y + 4, layout, _tick)
    return svg_chart(layout.width, y + 30, title, "; ".join(said), [*frame, *parts])


def judged(row: RateRow) -> tuple[str, str]:
    """Return tone and word of a rate: whether the nominal one lies within its interval, else on which side it fails."""
    if row.nominal is None:
        return "unclear", ""
    if not (math.isfinite(row.low) and math.isfinite(row.high)):
        return "unclear", "not known"
    if row.low <= row.nominal <= row.high:
        return "good", "agrees"
    side = "above" if row.low > row.nominal else "below"
    return ("bad" if side == row.worse else "hold"), side


def in_words(row: RateRow) -> str:
    """Return "4.8 % [4.4, 5.3], nominal 5 %"."""
    if not math.isfinite(row.rate):
        return "not tried"
    words = f"{100 * row.rate:.1f}{PAGE.gap}%"
    if math.isfinite(row.low) and math.isfinite(row.high):
        words += f" [{100 * row.low:.1f}, {100 * row.high:.1f}]"
    return words if row.nominal is None else f"{words}, nominal {100 * row.nominal:g}{PAGE.gap}%"


def _tick(value: float) -> str:
    return f"{100 * value:.3g}{PAGE.gap}%"

"""The posterior of a difference as a picture: where it lies, how sure, and how much of it makes no difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from framework.report.axes import Panel, Tick, area, curve, foot, frame, text_width, value_axis
from framework.report.charts import Axis, Layout, svg_chart, svg_line, svg_text, tone_mark
from framework.report.formats import PAGE
from framework.report.labels import Name, canvas
from framework.stats.effects import Posterior


def density_chart(
    posterior: Posterior,
    at: Sequence[float],
    density: Sequence[float],
    layout: Layout,
    title: str,
    *,
    across: str,
    tick: Tick,
    higher_is_better: bool = True,
    tone: str = "unclear",
) -> Markup:
    """Return the density over `at` (ascending, metric's unit) with its central interval and the line of no difference.

    The region of practical equivalence is a band of its own where the posterior names one. P(better) stands in words
    above. The density's own height says nothing, so it has no axis.
    """
    rope = posterior.rope_low is not None and posterior.rope_high is not None
    level = f"{100 * posterior.confidence:g}{PAGE.gap}%"
    sentence = words(posterior, tick)
    key = [Name(f"central interval, {level}", "inner")]
    key += [Name("practically equal", "rope")] if rope else []
    space = canvas(layout, notes=[sentence], key=[*key, Name("no difference", "null")])
    highest = max((value for value in density if math.isfinite(value)), default=1.0)
    up = Axis(0.0, 1.06 * highest or 1.0, space.bottom, space.top, (0.0,))
    ends = (posterior.ci_low, posterior.ci_high, posterior.rope_low, posterior.rope_high)
    reach = [*at, posterior.mean, 0.0, *(end for end in ends if end is not None)]
    panel = Panel(value_axis(reach, 10.0, space.right, wanted=8 if layout.label else 5), up)
    parts = [*space.parts, *(part for part in frame(panel, layout, (across, tick), ("", lambda _: "")) if part)]
    if rope:
        low, high = float(posterior.rope_low or 0.0), float(posterior.rope_high or 0.0)
        parts.append(area(panel, [low, high], [0.0, 0.0], [up.high, up.high], "rope"))
        parts += [panel.upright(edge, "drop") for edge in (low, high) if math.isfinite(edge)]
    floor = [0.0] * len(at)
    parts.append(area(panel, at, floor, density, "area s1"))
    xs, ys = between(at, density, posterior.ci_low, posterior.ci_high)
    parts.append(area(panel, xs, [0.0] * len(xs), ys, "inner s1"))
    parts.append(curve(panel, at, density, "curve s1"))
    parts.append(panel.upright(0.0, "null"))
    parts += _sides(panel, layout, higher_is_better=higher_is_better)
    y = panel.bottom - 11
    for edge in (posterior.ci_low, posterior.ci_high):
        if math.isfinite(edge):
            parts.append(svg_line(panel.at(edge, 0)[0], y - 5, panel.at(edge, 0)[0], y + 5, f"whisker {tone}"))
    if math.isfinite(posterior.mean):
        (low_x, _), (high_x, _) = panel.at(posterior.ci_low, 0), panel.at(posterior.ci_high, 0)
        if math.isfinite(low_x) and math.isfinite(high_x):
            parts.append(svg_line(low_x, y, high_x, y, f"whisker {tone}"))
        parts.append(tone_mark(panel.at(posterior.mean, 0)[0], y, tone, f"mean {tick(posterior.mean)}"))
    return svg_chart(layout.width, foot(panel, layout, across), title, sentence, parts)


def words(posterior: Posterior, tick: Tick) -> str:
    """Return what the posterior says in one sentence or two."""
    level = f"{100 * posterior.confidence:g}{PAGE.gap}%"
    equals = f"{PAGE.gap}={PAGE.gap}"
    said = f"P(better){equals}{chance(posterior.probability_better)}."
    if posterior.probability_equivalent is not None:
        said += f" P(practically equal){equals}{chance(posterior.probability_equivalent)}."
    ends = f"{tick(posterior.ci_low)} to {tick(posterior.ci_high)}"
    return f"{said} Mean {tick(posterior.mean)}, {level} interval {ends} (prior: {posterior.prior})."


def chance(share: float) -> str:
    """Return a probability in per cent that is never rounded to certainty: "> 99.9 %"."""
    if not math.isfinite(share):
        return PAGE.absent
    if share < 0.001:
        return f"below 0.1{PAGE.gap}%"
    return f"above 99.9{PAGE.gap}%" if share > 0.999 else f"{100 * share:.1f}{PAGE.gap}%"


def between(at: Sequence[float], density: Sequence[float], low: float, high: float) -> tuple[list[float], list[float]]:
    """Return the part of the line between `low` and `high`, its ends interpolated."""
    import numpy as np

    if not len(at) or not (math.isfinite(low) and math.isfinite(high)):
        return [], []
    inner = [(x, y) for x, y in zip(at, density, strict=True) if low < x < high]
    ends = np.interp([low, high], np.asarray(at, dtype=float), np.asarray(density, dtype=float), left=0.0, right=0.0)
    points = [(low, float(ends[0])), *inner, (high, float(ends[1]))]
    return [x for x, _ in points], [y for _, y in points]


def _sides(panel: Panel, layout: Layout, *, higher_is_better: bool) -> list[str]:
    """Return the words of both sides of zero, where there is room for them."""
    zero = panel.at(0.0, 0.0)[0]
    left, right = ("worse", "better") if higher_is_better else ("better", "worse")
    y = panel.top - layout.size * 0.5
    parts = []
    if zero - 8 - text_width(left, layout) >= 0:
        parts.append(svg_text(zero - 8, y, left, "aside", "end"))
    if zero + 8 + text_width(right, layout) <= layout.width:
        parts.append(svg_text(zero + 8, y, right, "aside"))
    return parts

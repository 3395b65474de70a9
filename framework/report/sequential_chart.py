"""The path of a trial that is looked at more than once: what each look said, against what it had to exceed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from framework.report.axes import Panel, Tick, area, beyond, curve, foot, frame, last_point, margin, value_axis
from framework.report.charts import TEXT_WIDTH, Layout, fold, svg_chart, svg_line, tone_mark
from framework.report.labels import Name, canvas, dot, end_labels, side_texts

MOST_MARKS = 60
"""More looks than this are a line; a mark each would be a smear."""
EARLY = 0.1
"""This share of many looks, the first, does not set the height: their intervals are many times wider."""


@dataclass(frozen=True)
class PathPoint:
    """What one look said: `value` (z, or the estimate) at `at` (share of information, or number of the look).

    `low` and `high` bound the interval that holds at every look at once. `tone` is "good" or "bad" where a bound is
    crossed, and `word` says so.
    """

    at: float
    value: float
    low: float | None = None
    high: float | None = None
    tone: str = "unclear"
    word: str = ""


@dataclass(frozen=True)
class Bounds:
    """What `value` has to exceed: `upper` and `lower` at each of `at`; an infinite one asks for more than there is."""

    at: Sequence[float]
    upper: Sequence[float]
    lower: Sequence[float]


def sequential_chart(
    path: Sequence[PathPoint],
    layout: Layout,
    title: str,
    *,
    across: tuple[str, Tick],
    up: tuple[str, Tick],
    bounds: Bounds | None = None,
    planned: Sequence[float] = (),
) -> Markup:
    """Return the path with its bounds, or with its interval at every look, the planned looks, and where it crossed.

    Bounds far above the path are cut at the upper edge, so that they do not flatten it.
    """
    interval = any(point.low is not None and point.high is not None for point in path)
    ends = [Name(up[0])] + ([Name("upper bound", "bound"), Name("lower bound", "bound")] if bounds else [])
    key = [Name("interval that holds at every look", "area")] if interval else []
    key += [Name("beyond the bounds", "reject")] if bounds else []
    key += [Name("planned look", "planned")] if planned else []
    heights = _heights(path, bounds)
    hidden = bool(heights) and any(not min(heights) <= end <= max(heights) for end in _all_ends(path))
    notes = ["Early looks reach beyond the picture."] if hidden else []
    space = canvas(layout, notes=notes, ends=ends, key=[*key, Name("no difference", "null")])
    up_axis = value_axis(heights, space.bottom, space.top, zero=True, wanted=7, pad=0.04)
    at = [point.at for point in path] + list(planned) + list(bounds.at if bounds else ())
    left = margin(up_axis, up[1], layout)
    across_axis = value_axis(at, left, space.right, zero=True, wanted=8 if layout.label else 5)
    panel = Panel(across_axis, up_axis)
    parts = [*space.parts, *frame(panel, layout, across, up)]
    named = []
    if bounds:
        parts.append(beyond(panel, bounds.at, bounds.upper, "reject", above=True))
        parts.append(beyond(panel, bounds.at, bounds.lower, "reject", above=False))
        parts += [curve(panel, bounds.at, edge, "bound") for edge in (bounds.upper, bounds.lower)]
        if not all(math.isinf(edge) for edge in (*bounds.upper, *bounds.lower)):
            named += [(Name("upper bound", "bound"), *last_point(panel, bounds.at, bounds.upper))]
            named += [(Name("lower bound", "bound"), *last_point(panel, bounds.at, bounds.lower))]
    parts.append(panel.level(0.0, "null"))
    parts += [_stub(panel, look) for look in planned if math.isfinite(look)]
    xs, ys = [point.at for point in path], [point.value for point in path]
    if interval:
        lows = [math.nan if point.low is None else point.low for point in path]
        highs = [math.nan if point.high is None else point.high for point in path]
        parts.append(area(panel, xs, lows, highs, "area s1"))
        parts += [curve(panel, xs, edge, "edge s1") for edge in (lows, highs)]
    parts.append(curve(panel, xs, ys, "curve s1"))
    parts += _looks(panel, path, layout, up[1])
    parts += end_labels([(Name(up[0]), *last_point(panel, xs, ys)), *named], panel, layout)
    return svg_chart(layout.width, foot(panel, layout, across[0]), title, _described(path, across[1], up), parts)


def _heights(path: Sequence[PathPoint], bounds: Bounds | None) -> list[float]:
    """Return what the axis has to hold: the path whole, bounds and intervals as far as they do not flatten it."""
    shown = [point for index, point in enumerate(path) if index >= EARLY * len(path) or point.tone != "unclear"]
    shown = shown if len(path) > 20 else list(path)
    values = [point.value for point in shown if math.isfinite(point.value)]
    last = [abs(edge) for edge in (*bounds.upper[-1:], *bounds.lower[-1:])] if bounds else []
    least = max([*map(abs, values), *(edge for edge in last if math.isfinite(edge))], default=1.0) or 1.0
    reach = (1.6 if bounds else 4.0) * least
    loose = [*bounds.upper, *bounds.lower] if bounds else []
    loose += [end for point in shown for end in (point.low, point.high) if end is not None]
    return [*values, *(max(-reach, min(reach, edge)) for edge in loose if not math.isnan(edge))]


def _all_ends(path: Sequence[PathPoint]) -> list[float]:
    ends = [end for point in path for end in (point.value, point.low, point.high) if end is not None]
    return [end for end in ends if not math.isnan(end)]


def _looks(panel: Panel, path: Sequence[PathPoint], layout: Layout, tick: Tick) -> list[str]:
    """Return a mark for each look, and the word of the first that crossed beside its mark."""
    parts = []
    said = False
    for point in path:
        if not (math.isfinite(point.at) and math.isfinite(point.value)):
            continue
        x, y = panel.at(point.at, point.value)
        hint = f"{tick(point.value)} {point.word}".strip()
        crossed = point.tone != "unclear"
        if crossed and not said:
            said = True
            parts.append(panel.upright(point.at, "drop"))
            for index, line in enumerate(fold(point.word, layout.width / (layout.size * TEXT_WIDTH))):
                y_line = panel.top + layout.size * (1.3 + 1.4 * index)
                parts += side_texts([(x, line, f"value {point.tone}")], layout, y_line, 0.0)
            parts.append(tone_mark(x, y, point.tone, hint))
        elif len(path) <= MOST_MARKS:
            parts.append(tone_mark(x, y, point.tone, hint) if crossed else dot(0, x, y, hint))
    return parts


def _stub(panel: Panel, look: float) -> str:
    x, y = panel.at(look, panel.up.low)
    return svg_line(x, y, x, y - 12, "planned")


def _described(path: Sequence[PathPoint], across: Tick, up: tuple[str, Tick]) -> str:
    known = [point for point in path if math.isfinite(point.value)]
    if not known:
        return "No look yet"
    crossed = next((point for point in known if point.tone != "unclear"), None)
    words = f"{up[0]} {up[1](known[-1].value)} at {across(known[-1].at)}, {len(known)} looks"
    return f"{words}; {crossed.word} at {across(crossed.at)}" if crossed else f"{words}; no bound crossed"

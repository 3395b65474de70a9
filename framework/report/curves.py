"""Curves with what is known of them: power against effect or units, and values by day with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from framework.report.axes import Panel, Tick, area, curve, foot, frame, last_point, log_axis, margin, value_axis
from framework.report.charts import Axis, Layout, axis_of, svg_chart, svg_line
from framework.report.formats import PAGE
from framework.report.labels import Name, canvas, dot, end_labels, side_texts, style

DOTS_WIDE, DOTS_NARROW = 45, 16
"""Up to this many points of a curve have a dot, and an interval of their own, each."""

INSET = 5.0
"""How far curves with an interval each are set apart at most, to either side."""


@dataclass(frozen=True)
class PowerCurve:
    """Power of one design: `power` (0 to 1) at each of `at` (effects, or units).

    `detectable` is where the curve reaches the target, `text` says it in words; None where it does not.
    """

    label: str
    at: Sequence[float]
    power: Sequence[float]
    detectable: float | None = None
    text: str = ""


@dataclass(frozen=True)
class BandCurve:
    """Values of one arm, or of a difference, at each of `at` (days).

    `low` and `high` bound each point's own interval, `band_low` and `band_high` the band that holds at all points at
    once; either pair may be empty, and a single end that is not known is nan.
    """

    label: str
    at: Sequence[float]
    value: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    band_low: Sequence[float] = ()
    band_high: Sequence[float] = ()


def power_chart(
    curves: Sequence[PowerCurve],
    layout: Layout,
    title: str,
    *,
    across: str,
    tick: Tick,
    target: float = 0.8,
    log: bool = False,
) -> Markup:
    """Return power curves with the target power as a line and a mark where each curve reaches it.

    `across` names the axis, `tick` prints its values; `log` for units that span powers of ten.
    """
    goal = f"{100 * target:g}{PAGE.gap}%"
    names = [Name(f"{each.label}: {_reaches(each, goal)}", series=index) for index, each in enumerate(curves)]
    space = canvas(layout, ends=names, key=[Name(f"target, {goal} power", "null")])
    up = axis_of([0.0, 1.0], space.bottom, space.top)
    left = margin(up, _share, layout)
    at = [value for each in curves for value in (*each.at, *_known(each.detectable))]
    panel = Panel(_axis(at, left, space.right, layout, log=log), up)
    shown = (lambda value: tick(10.0**value)) if log else tick
    parts = [*space.parts, *frame(panel, layout, (across, shown), ("power", _share)), panel.level(target, "null")]
    ends = []
    feet = []
    for index, each in enumerate(curves):
        xs = _logs(each.at) if log else each.at
        parts.append(curve(panel, xs, each.power, f"curve {style(index)}"))
        ends.append((names[index], *last_point(panel, xs, each.power)))
        for value in _known(each.detectable):
            x, y = panel.at(math.log10(value) if log else value, target)
            parts.append(svg_line(x, y, x, panel.bottom, f"drop {style(index)}"))
            parts.append(dot(index, x, y, f"{each.label}: {each.text or tick(value)}"))
            feet.append((x, each.text or tick(value), f"series {style(index)}"))
    parts += side_texts(feet, layout, panel.bottom - 6, -1.4 * layout.size)
    parts += end_labels(ends, panel, layout)
    described = f"Power against {across}, target {goal}. " + "; ".join(name.text for name in names)
    return svg_chart(layout.width, foot(panel, layout, across), title, described, parts)


def band_chart(
    curves: Sequence[BandCurve],
    layout: Layout,
    title: str,
    *,
    across: tuple[str, Tick],
    up: tuple[str, Tick],
    zero: bool = False,
    confidence: float = 0.95,
) -> Markup:
    """Return values by day: a line, for each point its own interval, and the band that holds at all days at once.

    Few points have their interval as an upright line, many as a darker area. `zero` draws the line of no difference.
    """
    several = len(curves) > 1
    few = max((len(each.at) for each in curves), default=0) <= (DOTS_WIDE if layout.label else DOTS_NARROW)
    ends = [Name(each.label, series=index) for index, each in enumerate(curves)] if several else []
    space = canvas(layout, ends=ends, key=_band_key(curves, few=few, zero=zero, confidence=confidence))
    values = [
        value for each in curves for value in (*each.value, *each.low, *each.high, *each.band_low, *each.band_high)
    ]
    up_axis = value_axis(values, space.bottom, space.top, zero=zero)
    left = margin(up_axis, up[1], layout)
    inset = (INSET if layout.label else INSET / 2) if several and few else 0.0
    at = [value for each in curves for value in each.at]
    panel = Panel(_axis(at, left + inset, space.right - inset, layout), up_axis)
    parts = [*space.parts, *frame(panel, layout, across, up)]
    parts += [panel.level(0.0, "null")] if zero else []
    for index, each in enumerate(curves):
        parts += _bands(panel, each, index, few=few)
    named = []
    for index, each in enumerate(curves):
        beside = _beside(panel, 2 * inset * (index / (len(curves) - 1) - 0.5) if inset else 0.0)
        parts.append(curve(beside, each.at, each.value, f"curve {style(index)}"))
        parts += _points(beside, each, index, up[1]) if few else []
        named.append((Name(each.label, series=index), *last_point(panel, each.at, each.value)))
    parts += end_labels(named, panel, layout) if several else []
    described = "; ".join(_band_words(each, across[1], up[1]) for each in curves)
    return svg_chart(layout.width, foot(panel, layout, across[0]), title, described, parts)


def _band_key(curves: Sequence[BandCurve], *, few: bool, zero: bool, confidence: float) -> list[Name]:
    level = f"{100 * confidence:g}{PAGE.gap}%"
    key = []
    if any(len(each.band_low) for each in curves):
        key.append(Name(f"holds at all points at once, {level}", "area"))
    if any(len(each.low) for each in curves):
        key.append(Name(f"holds at each point alone, {level}", "upright" if few else "inner"))
    return [*key, Name("no difference", "null")] if zero else key


def _bands(panel: Panel, each: BandCurve, series: int, *, few: bool) -> list[str]:
    parts = []
    if len(each.band_low):
        parts.append(area(panel, each.at, each.band_low, each.band_high, f"area {style(series)}"))
        parts += [curve(panel, each.at, edge, f"edge {style(series)}") for edge in (each.band_low, each.band_high)]
    if len(each.low) and not few:
        parts.append(area(panel, each.at, each.low, each.high, f"inner {style(series)}"))
    return parts


def _points(panel: Panel, each: BandCurve, series: int, tick: Tick) -> list[str]:
    """Return a dot with its own interval for each point."""
    parts = []
    for at, low, high in zip(each.at, each.low, each.high, strict=len(each.low) > 0):
        if math.isfinite(at) and low <= high:
            (x, y), (_, above) = panel.at(at, low), panel.at(at, high)
            parts.append(svg_line(x, y, x, above, f"whisker {style(series)}"))
    for at, value in zip(each.at, each.value, strict=True):
        if math.isfinite(at) and math.isfinite(value):
            x, y = panel.at(at, value)
            parts.append(dot(series, x, y, f"{each.label} {tick(value)}"))
    return parts


def _beside(panel: Panel, shift: float) -> Panel:
    """Return the panel moved sideways by so little that intervals of several curves do not hide each other."""
    across = replace(panel.across, left=panel.left + shift, right=panel.right + shift)
    return replace(panel, across=across)


def _band_words(each: BandCurve, across: Tick, up: Tick) -> str:
    known = [(at, value) for at, value in zip(each.at, each.value, strict=True) if math.isfinite(value)]
    if not known:
        return f"{each.label}: no values"
    (first, begins), (last, ends) = known[0], known[-1]
    return f"{each.label}: {up(begins)} at {across(first)}, {up(ends)} at {across(last)}"


def _reaches(each: PowerCurve, goal: str) -> str:
    if each.detectable is None or not math.isfinite(each.detectable):
        return f"does not reach {goal} here"
    return f"{goal} at {each.text}" if each.text else f"reaches {goal}"


def _axis(values: Sequence[float], left: float, right: float, layout: Layout, *, log: bool = False) -> Axis:
    if not log:
        return value_axis(values, left, right, wanted=8 if layout.label else 5)
    above = [value for value in values if value > 0 and math.isfinite(value)]
    return log_axis(min(above, default=1.0), max(above, default=10.0), left, right)


def _logs(values: Sequence[float]) -> list[float]:
    return [math.log10(value) if value > 0 else math.nan for value in values]


def _known(value: float | None) -> list[float]:
    return [] if value is None or not math.isfinite(value) else [value]


def _share(value: float) -> str:
    return f"{100 * value:.0f}{PAGE.gap}%"

"""What can be had for what: arms by a metric and a cost, those that none beats in both joined."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from framework.report.axes import (
    Panel,
    Tick,
    curve,
    foot,
    frame,
    log_axis,
    margin,
    power_of_ten,
    text_width,
    value_axis,
)
from framework.report.charts import Layout, svg_chart, svg_line, svg_text
from framework.report.labels import Name, canvas, dot, style

STRATEGY, BASELINE = 0, 4
"""Series of a strategy's dot and of a baseline's."""
REACH = 6
"""Lines of text that a name may stand above or below its dot."""
BOLD = 1.12
"""Width of the names' bold letters, in those of the page's font."""


@dataclass(frozen=True)
class Priced:
    """An arm's `cost` (above 0) and its `value` with the ends of the interval (None: none is known)."""

    label: str
    cost: float
    value: float
    low: float | None = None
    high: float | None = None
    baseline: bool = False


def pareto_front(arms: Sequence[Priced], *, higher_is_better: bool = True) -> list[Priced]:
    """Return the arms that no other beats in one of value and cost and equals in the other, the cheapest first."""
    sign = 1.0 if higher_is_better else -1.0

    def beats(one: Priced, other: Priced) -> bool:
        gains = (other.cost - one.cost, sign * (one.value - other.value))
        return min(gains) >= 0 and max(gains) > 0

    return sorted((own for own in arms if not any(beats(one, own) for one in arms)), key=lambda own: own.cost)


def pareto_chart(
    arms: Sequence[Priced],
    layout: Layout,
    title: str,
    *,
    across: str,
    up: tuple[str, Tick],
    higher_is_better: bool = True,
) -> Markup:
    """Return arms by value (up, with intervals) and cost (across, on a log scale); a narrow picture numbers them.

    Names stand where they cover neither one another nor a dot. An arm whose value or cost is not known is left out.
    """
    arms = [arm for arm in arms if math.isfinite(arm.value) and 0 < arm.cost < math.inf]
    front = pareto_front(arms, higher_is_better=higher_is_better)
    texts = [arm.label if layout.label else str(place) for place, arm in enumerate(arms, 1)]
    notes = ["Upright bars are intervals. Squares are baselines."]
    notes += [] if layout.label else [f"{place} {arm.label}" for place, arm in enumerate(arms, 1)]
    space = canvas(layout, notes=notes, key=[Name("beaten by none in both", "line", STRATEGY)])
    ends = [end for arm in arms for end in (arm.value, arm.low, arm.high) if end is not None and math.isfinite(end)]
    up_axis = value_axis(ends, space.bottom, space.top)
    costs = [arm.cost for arm in arms] or [1.0]
    panel = Panel(log_axis(min(costs), max(costs), margin(up_axis, up[1], layout), space.right), up_axis)
    parts = [*space.parts, *frame(panel, layout, (across, power_of_ten), up)]
    line = [(math.log10(arm.cost), arm.value) for arm in front]
    parts.append(curve(panel, [x for x, _ in line], [y for _, y in line], f"curve {style(STRATEGY)}"))
    places = [panel.at(math.log10(arm.cost), arm.value) for arm in arms]
    bars = [_bar(arm, panel) for arm in arms]
    for arm, (x, y), bar in zip(arms, places, bars, strict=True):
        series = BASELINE if arm.baseline else STRATEGY
        if bar is not None:
            parts.append(svg_line(x, bar[1], x, bar[3], f"whisker {style(series)}"))
        parts.append(dot(series, x, y, _told(arm, across, up[1])))
    blocked = [bar for bar in bars if bar is not None] + _along([panel.at(*point) for point in line])
    parts += _names(arms, texts, places, blocked, panel, layout)
    described = "; ".join(_told(arm, across, up[1]) for arm in arms)
    return svg_chart(layout.width, foot(panel, layout, across), title, described, parts)


Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


def _names(
    arms: Sequence[Priced],
    texts: Sequence[str],
    places: Sequence[tuple[float, float]],
    blocked: Sequence[Box],
    panel: Panel,
    layout: Layout,
) -> list[str]:
    """Return each arm's name beside its dot, with a line to it where it had to be moved far."""
    taken: list[Box] = [*blocked, *((x - 7, y - 7, x + 7, y + 7) for x, y in places)]
    parts = []
    for arm, text, (x, y) in zip(arms, texts, places, strict=True):
        box = _free(x, y, BOLD * text_width(text, layout), layout.size * 1.25, taken, panel)
        taken.append(box)
        middle = (box[1] + box[3]) / 2
        if abs(middle - y) > layout.size * 1.3:
            parts.append(svg_line(x, y, min(max(x, box[0]), box[2]), middle, "leader"))
        css = "label" if arm.baseline else f"series {style(STRATEGY)}"
        at, anchor = (box[2], "end") if box[2] < x else (box[0], "start")
        parts.append(svg_text(at, middle + layout.size * 0.35, text, css, anchor))
    return parts


def _free(x: float, y: float, width: float, height: float, taken: Sequence[Box], panel: Panel) -> Box:
    """Return the nearest box for a text that covers nothing, else the one that covers least."""
    best, least = (x, y, x, y), math.inf
    for step in range(REACH + 1):
        for shift in dict.fromkeys((-step * height, step * height)):
            for left in (x + 11, x - 11 - width):
                box = (left, y + shift - height / 2, left + width, y + shift + height / 2)
                covered = sum(_overlap(box, other) for other in taken)
                outside = max(0.0, panel.left - left, box[2] - panel.right - 12)
                outside += max(0.0, panel.top - box[1], box[3] - panel.bottom)
                cost = covered + height * outside
                if cost < least:
                    best, least = box, cost
                if not cost:
                    return box
    return best


def _along(points: Sequence[tuple[float, float]]) -> list[Box]:
    """Return small boxes along a line, which keep names off it."""
    boxes = []
    for (x1, y1), (x2, y2) in pairwise(points):
        steps = max(1, math.ceil(math.hypot(x2 - x1, y2 - y1) / 4))
        for step in range(steps + 1):
            x, y = x1 + (x2 - x1) * step / steps, y1 + (y2 - y1) * step / steps
            boxes.append((x - 2, y - 2, x + 2, y + 2))
    return boxes


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, down)


def _bar(arm: Priced, panel: Panel) -> Box | None:
    if arm.low is None or arm.high is None or not (math.isfinite(arm.low) and math.isfinite(arm.high)):
        return None
    x, top = panel.at(math.log10(arm.cost), arm.high)
    return (x - 2, top, x + 2, panel.at(0.0, arm.low)[1])


def _told(arm: Priced, across: str, tick: Tick) -> str:
    return f"{arm.label}: {tick(arm.value)}, {across} {arm.cost:.3g}"

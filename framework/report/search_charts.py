"""A search in pictures: what came of each trial, which parameters went with what, what can be had for what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from framework.report.axes import Panel, Tick, curve, foot, frame, last_point, margin, text_width, value_axis
from framework.report.charts import Axis, Layout, axis_of, fold, short, svg_chart, svg_line, svg_text
from framework.report.labels import Name, canvas, dot, end_labels, sentences, style

BEST_SHARE = 0.25
"""Share of the trials that stand out as the best in parallel coordinates."""
DECADES = 20.0
"""A parameter above 0 whose largest value is so many times its smallest one has a log scale."""


@dataclass(frozen=True)
class Trials:
    """The trials of one strategy: their numbers and values (nan: none came of it), which way is better."""

    label: str
    numbers: Sequence[int]
    values: Sequence[float]
    maximize: bool = True

    @property
    def best_so_far(self) -> list[float]:
        """Return the best value up to each trial; nan before the first."""
        pick = max if self.maximize else min
        found: list[float] = []
        for value in self.values:
            before = found[-1] if found else math.nan
            both = [known for known in (before, value) if math.isfinite(known)]
            found.append(pick(both) if both else math.nan)
        return found


def history_chart(searches: Sequence[Trials], layout: Layout, title: str, *, up: tuple[str, Tick]) -> Markup:
    """Return every trial's value as a dot, and as a line the best up to it, for each strategy."""
    names = [Name(each.label, series=index) for index, each in enumerate(searches)]
    space = canvas(layout, notes=["Dots are trials, the line is the best so far."], ends=names)
    values = [value for each in searches for value in each.values if math.isfinite(value)]
    up_axis = value_axis(values, space.bottom, space.top)
    last = max((number for each in searches for number in each.numbers), default=0)
    left = margin(up_axis, up[1], layout)
    wanted = min(last + 1, 7)
    panel = Panel(axis_of([0.0, float(max(last, 1))], left + 6, space.right - 6, wanted=max(2, wanted)), up_axis)
    parts = [*space.parts, *frame(panel, layout, ("trial", _whole), up)]
    ends = []
    for index, each in enumerate(searches):
        at, best = [float(number) for number in each.numbers], each.best_so_far
        xs = [x for number in at for x in (number, number)][1:]
        ys = [y for value in best for y in (value, value)][:-1]
        parts.append(curve(panel, xs, ys, f"curve {style(index)}"))
        for number, value in zip(at, each.values, strict=True):
            if math.isfinite(value):
                x, y = panel.at(number, value)
                parts.append(dot(index, x, y, f"{each.label}, trial {number:.0f}: {up[1](value)}"))
        ends.append((names[index], *last_point(panel, xs, ys)))
    parts += end_labels(ends, panel, layout)
    told = [(each.label, [value for value in each.best_so_far if math.isfinite(value)]) for each in searches]
    described = "; ".join(f"{label}: best {up[1](best[-1])}" for label, best in told if best)
    return svg_chart(layout.width, foot(panel, layout, "trial"), title, described, parts)


def front_chart(
    points: Sequence[tuple[int, float, float]],
    front: Sequence[int],
    layout: Layout,
    title: str,
    *,
    across: tuple[str, Tick],
    up: tuple[str, Tick],
) -> Markup:
    """Return trials (number, x, y) by two objectives, those that no other beats in both apart."""
    key = [Name("not beaten in both at once", "curve", 0)]
    space = canvas(layout, notes=["Each dot is a trial; open ones are beaten in both by another."], key=key)
    up_axis = value_axis([y for _, _, y in points], space.bottom, space.top)
    left = margin(up_axis, up[1], layout)
    panel = Panel(value_axis([x for _, x, _ in points], left, space.right), up_axis)
    parts = [*space.parts, *frame(panel, layout, across, up)]
    best = sorted((x, y) for number, x, y in points if number in front)
    parts.append(curve(panel, [x for x, _ in best], [y for _, y in best], f"curve {style(0)}"))
    for number, x, y in points:
        where = panel.at(x, y)
        parts.append(dot(0 if number in front else 4, *where, f"trial {number}: {across[1](x)}, {up[1](y)}"))
    described = "; ".join(f"trial {number}: {across[1](x)}, {up[1](y)}" for number, x, y in points if number in front)
    return svg_chart(layout.width, foot(panel, layout, across[0]), title, described, parts)


def parallel_chart(
    rows: Sequence[Mapping[str, Any]], values: Sequence[float], layout: Layout, title: str, *, maximize: bool = True
) -> Markup:
    """Return parallel coordinates: an upright axis for each parameter, a line for each trial, the best quarter apart.

    A trial without a parameter leaves its line broken there. A narrow picture has the axes closer, and names folded.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    order = sorted(range(len(rows)), key=lambda place: values[place], reverse=maximize)
    best = set(order[: max(1, math.ceil(BEST_SHARE * len(rows)))])
    said = f"Each line is a trial; strong ones are the best {len(best)} of {len(rows)}."
    parts, y = sentences([said], layout, 2.0)
    room = layout.width / max(1, len(names))
    size = layout.size * 0.88
    heads = {name: fold(name, (room - 8) / (size * 0.6)) for name in names}
    top = y + size * 1.35 * max(len(lines) for lines in heads.values()) + 10
    bottom = top + (260.0 if layout.label else 200.0)
    xs = {name: room * (place + 0.5) for place, name in enumerate(names)}
    scales = {name: _scale([row[name] for row in rows if name in row], bottom, top) for name in names}
    for name in names:
        for index, line in enumerate(heads[name]):
            parts.append(svg_text(xs[name], y + size * 1.35 * (index + 1), line, "label", "middle"))
        parts.append(svg_line(xs[name], top, xs[name], bottom, "axis"))
    for place in reversed(order):
        css = f"curve {style(0)}" if place in best else "lead"
        parts.append(_line_of(rows[place], names, xs, scales, css))
    for name in names:
        parts += _ticks(xs[name], scales[name], layout)
    told = "; ".join(
        f"{name} {_told(rows[place][name])}" for place in order[:1] for name in names if name in rows[place]
    )
    return svg_chart(layout.width, bottom + size * 1.6, title, f"{said} The best: {told}", parts)


@dataclass(frozen=True)
class _Scale:
    """Where a parameter's values stand on its upright axis, and which of them are written there."""

    axis: Axis
    log: bool
    choices: tuple[str, ...]
    marks: tuple[tuple[float, str], ...]

    def y(self, value: Any) -> float:
        if self.choices:
            return self.axis.x(self.choices.index(str(value)))
        return self.axis.x(math.log10(value) if self.log else float(value))


def _scale(values: Sequence[Any], bottom: float, top: float) -> _Scale:
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        choices = tuple(sorted({str(value) for value in values}))
        axis = Axis(-0.5, len(choices) - 0.5, bottom, top, ())
        return _Scale(
            axis, log=False, choices=choices, marks=tuple((axis.x(i), name) for i, name in enumerate(choices))
        )
    low, high = float(min(values)), float(max(values))
    log = low > 0 and high / low >= DECADES
    ends = [math.log10(end) if log else end for end in (low, high)]
    axis = Axis(ends[0], ends[1] if ends[1] > ends[0] else ends[0] + 1.0, bottom, top, ())
    middle = (ends[0] + ends[1]) / 2
    shown = dict.fromkeys((ends[0], middle, ends[1])) if ends[1] > ends[0] else [ends[0]]
    marks = tuple((axis.x(end), _told(_three(10.0**end if log else end))) for end in shown)
    return _Scale(axis, log, (), marks)


def _line_of(
    row: Mapping[str, Any], names: Sequence[str], xs: Mapping[str, float], scales: Mapping[str, _Scale], css: str
) -> str:
    drawn, pen = "", "M"
    for name in names:
        if name not in row:
            pen = "M"
            continue
        drawn += f"{pen}{short(xs[name])} {short(scales[name].y(row[name]))}"
        pen = "L"
    return f'<path class="{escape(css)}" d="{drawn}"/>'


def _ticks(x: float, scale: _Scale, layout: Layout) -> list[str]:
    parts = []
    for y, text in scale.marks:
        parts.append(svg_line(x - 4, y, x + 4, y, "axis"))
        beyond = x + 8 + text_width(text, layout) > layout.width
        at, anchor = (x - 8, "end") if beyond else (x + 8, "start")
        parts.append(svg_text(at, y + layout.size * 0.3, text, "tick", anchor))
    return parts


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def _whole(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else ""


def _told(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)

"""What charts of two axes share: the plotting area with its grid, and lines and areas in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import escape

from framework.report.charts import TEXT_WIDTH, Axis, Layout, axis_of, fold, short, svg_line, svg_text
from framework.report.formats import PAGE, count

Tick = Callable[[float], str]
"""Prints an axis value."""


@dataclass(frozen=True)
class Panel:
    """A plotting area: `across` gives a value's x, `up` a value's y (its `left` is the bottom, its `right` the top)."""

    across: Axis
    up: Axis

    @property
    def left(self) -> float:
        """Left edge."""
        return self.across.left

    @property
    def right(self) -> float:
        """Right edge."""
        return self.across.right

    @property
    def bottom(self) -> float:
        """Bottom edge: the larger y."""
        return self.up.left

    @property
    def top(self) -> float:
        """Top edge."""
        return self.up.right

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point stands, kept to the panel's edges where it lies beyond them; nan stays nan."""
        return _kept(self.across, x), _kept(self.up, y)

    def level(self, y: float, css: str) -> str:
        """Return a line over the panel's width at the value `y`."""
        return svg_line(self.left, self.at(0, y)[1], self.right, self.at(0, y)[1], css)

    def upright(self, x: float, css: str) -> str:
        """Return a line over the panel's height at the value `x`."""
        return svg_line(self.at(x, 0)[0], self.top, self.at(x, 0)[0], self.bottom, css)


def value_axis(
    values: Iterable[float], left: float, right: float, *, zero: bool = False, wanted: int = 6, pad: float = 0.0
) -> Axis:
    """Return an axis of all finite values, wider by the share `pad`; equal, tiny and huge ones still give an axis."""
    finite = [float(value) if abs(value) > 1e-300 else 0.0 for value in values if abs(value) < 1e300]
    if finite and max(finite) - min(finite) <= 1e-9 * max(abs(value) for value in finite):
        finite = finite[:1]
    if finite:
        room = pad * (max(finite) - min(finite))
        finite = [*finite, max(finite) + room, min(finite) - room]
    return axis_of(finite, left, right, zero=zero, wanted=wanted)


def log_axis(low: float, high: float, left: float, right: float, wanted: int = 7) -> Axis:
    """Return an axis of log10 values that holds `low` to `high` (above 0), its ticks whole powers of ten."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    step = math.ceil((last - first) / max(1, wanted - 1))
    ticks = tuple(float(power) for power in range(first, last + 1) if (last - power) % step == 0)
    return Axis(float(first), float(last), left, right, ticks)


def power_of_ten(exponent: float) -> str:
    """Return a tick of a log axis as a number: 0.01, 1 000, 1e-8."""
    whole = round(exponent)
    if not -4 <= whole <= 6:
        return f"1e{whole}"
    return count(10.0**whole, PAGE) if whole >= 0 else f"{10.0**whole:g}"


def margin(up: Axis, tick: Tick, layout: Layout) -> float:
    """Return the left end of a panel: the width of the widest tick text beside it."""
    return max(text_width(tick(value), layout) for value in up.ticks) * 0.88 + 10


def text_width(text: str, layout: Layout) -> float:
    """Return the room that a text takes at most."""
    return len(text) * layout.size * TEXT_WIDTH


def frame(panel: Panel, layout: Layout, across: tuple[str, Tick], up: tuple[str, Tick]) -> list[str]:
    """Return grid, ticks and the two axes' names; of ticks across only as many are printed as keep clear."""
    parts = []
    size = layout.size * 0.88
    for value in panel.up.ticks:
        parts.append(panel.level(value, "grid"))
        parts.append(svg_text(panel.left - 8, panel.at(0, value)[1] + size * 0.35, up[1](value), "tick", "end"))
    ticks = panel.across.ticks
    texts = [across[1](value) for value in ticks]
    gap = abs(panel.across.x(ticks[-1]) - panel.across.x(ticks[0])) / max(1, len(ticks) - 1)
    every = max(1, math.ceil((max(map(len, texts)) * size * TEXT_WIDTH + 8) / max(gap, 1e-9)))
    for value, text in list(zip(ticks, texts, strict=True))[::every]:
        x, half = panel.at(value, 0)[0], len(text) * size * TEXT_WIDTH / 2
        parts.append(panel.upright(value, "grid"))
        x = max(half, min(x, layout.width - half))
        parts.append(svg_text(x, panel.bottom + size * 1.45, text, "tick", "middle"))
    room = (panel.right - 4) / (size * TEXT_WIDTH)
    for index, line in enumerate(fold(across[0], room)):
        parts.append(svg_text(panel.right, panel.bottom + size * (2.85 + 1.3 * index), line, "tick", "end"))
    parts.append(svg_text(0, panel.top - layout.size * 0.85, up[0], "tick"))
    return parts


def foot(panel: Panel, layout: Layout, across: str) -> float:
    """Return how high the picture is when the axis across has this name."""
    size = layout.size * 0.88
    lines = len(fold(across, (panel.right - 4) / (size * TEXT_WIDTH)))
    return panel.bottom + size * (3.3 + 1.3 * (lines - 1))


def curve(panel: Panel, xs: Sequence[float], ys: Sequence[float], css: str) -> str:
    """Return a line through the points, broken where one is not finite, cut at the panel's upper and lower edge."""
    drawn = [_path(piece) for piece in _pieces(panel, xs, ys)]
    return f'<path class="{escape(css)}" d="{"".join(drawn)}"/>' if drawn else ""


def beyond(panel: Panel, xs: Sequence[float], ys: Sequence[float], css: str, *, above: bool) -> str:
    """Return the area between a line and the panel's upper edge, or its lower one."""
    edge = panel.top if above else panel.bottom
    drawn = [_path([*piece, (piece[-1][0], edge), (piece[0][0], edge)]) + "Z" for piece in _pieces(panel, xs, ys)]
    return f'<path class="{escape(css)}" d="{"".join(drawn)}"/>' if drawn else ""


def area(panel: Panel, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], css: str) -> str:
    """Return the area between two lines, kept to the panel (ends may be infinite); a lone point gives a column."""
    drawn = []
    known = [math.isfinite(x) and low <= high for x, low, high in zip(xs, lows, highs, strict=True)]
    for run in _runs(known):
        low = [panel.at(xs[index], lows[index]) for index in run]
        high = [panel.at(xs[index], highs[index]) for index in run]
        if len(run) == 1:
            low, high = ([(ends[0][0] + side, ends[0][1]) for side in (-4, 4)] for ends in (low, high))
        drawn.append(_path([*thinned(high), *reversed(thinned(low))]) + "Z")
    return f'<path class="{escape(css)}" d="{"".join(drawn)}"/>' if drawn else ""


def last_point(panel: Panel, xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Return where the last known point of a line stands; nan where it has none."""
    known = [(x, y) for x, y in zip(xs, ys, strict=True) if math.isfinite(x) and math.isfinite(y)]
    return panel.at(*max(known)) if known else (math.nan, math.nan)


def thinned(points: Sequence[tuple[float, float]], column: float = 2.0) -> list[tuple[float, float]]:
    """Return the points that show: of each column of the picture the first, the lowest, the highest and the last."""
    if len(points) <= 200:
        return list(points)
    columns: dict[int, list[int]] = {}
    for index, (x, _) in enumerate(points):
        columns.setdefault(int(x // column), []).append(index)
    kept: set[int] = set()
    for indices in columns.values():
        heights = [points[index][1] for index in indices]
        kept |= {indices[0], indices[-1], indices[heights.index(min(heights))], indices[heights.index(max(heights))]}
    return [points[index] for index in sorted(kept)]


def _kept(axis: Axis, value: float) -> float:
    return math.nan if math.isnan(value) else axis.x(min(max(value, axis.low), axis.high))


def _pieces(panel: Panel, xs: Sequence[float], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
    """Return the places of a line's pieces that lie in the panel, thinned."""
    pieces = []
    for run in _runs([math.isfinite(x) and math.isfinite(y) for x, y in zip(xs, ys, strict=True)]):
        pieces += _cut([(xs[index], ys[index]) for index in run], panel.up.low, panel.up.high)
    return [thinned([panel.at(*point) for point in piece]) for piece in pieces if len(piece) > 1]


def _runs(known: Sequence[bool]) -> list[range]:
    """Return the stretches of indices without a gap."""
    runs = []
    start = None
    for index, there in enumerate([*known, False]):
        if there and start is None:
            start = index
        elif not there and start is not None:
            runs.append(range(start, index))
            start = None
    return runs


def _cut(points: Sequence[tuple[float, float]], low: float, high: float) -> list[list[tuple[float, float]]]:
    """Return the pieces of a line that lie between `low` and `high`, with the points where it crosses them."""
    pieces: list[list[tuple[float, float]]] = [[]]
    for (x1, y1), (x2, y2) in pairwise(points):
        ends = sorted(((edge - y1) / (y2 - y1) for edge in (low, high)) if y1 != y2 else (-1.0, 2.0))
        first, last = max(0.0, ends[0]), min(1.0, ends[1])
        if first > last or (y1 == y2 and not low <= y1 <= high):
            continue
        start, end = ((x1 + share * (x2 - x1), y1 + share * (y2 - y1)) for share in (first, last))
        if not pieces[-1] or first > 0:
            pieces.append([start])
        pieces[-1].append(end)
    return [piece for piece in pieces if piece]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in points)

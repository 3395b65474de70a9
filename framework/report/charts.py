"""Charts as SVG text: effects with intervals, a simulator's forecast against what came, small bars of shares.

Pure functions: rows in, text out. Colours are the page's CSS variables, and every mark says by its shape and by a word
what its colour says. Lengths are in the picture's own units, which the page scales to its width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

TEXT_WIDTH = 0.6
"""Mean width of a letter, in font sizes, of the page's font: wide enough that a folded label never overlaps."""


@dataclass(frozen=True)
class ForestRow:
    """One line of a forest plot.

    `tone` is "good", "bad", "neutral" or "unclear"; `text` are the numbers beside the line; numbers None draw no mark,
    `text` then says why. A row with `heading` opens a group and has no line.
    """

    label: str
    text: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    tone: str = "unclear"
    word: str = ""
    heading: bool = False


@dataclass(frozen=True)
class Layout:
    """Where things stand in a chart.

    `width` of the whole, `label` and `text` widths beside the axis (0: the label and the numbers stand on lines of
    their own above the mark), font `size`.
    """

    width: float
    label: float
    text: float
    size: float

    @property
    def left(self) -> float:
        """Left end of the axis."""
        return self.label + 14

    @property
    def right(self) -> float:
        """Right end of the axis."""
        return self.width - self.text - 14


WIDE = Layout(width=1080, label=240, text=300, size=13.5)
NARROW = Layout(width=340, label=0, text=0, size=12.5)


@dataclass(frozen=True)
class Axis:
    """A linear scale from [low, high] to [left, right], with its ticks."""

    low: float
    high: float
    left: float
    right: float
    ticks: tuple[float, ...]

    def x(self, value: float) -> float:
        """Return where the value stands, in the picture's units."""
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)


def axis_of(values: Sequence[float], left: float, right: float, *, zero: bool = True, wanted: int = 6) -> Axis:
    """Return an axis that holds all finite values (and zero), with about `wanted` round ticks, ends on ticks."""
    finite = [value for value in values if math.isfinite(value)] + ([0.0] if zero else [])
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = _round_step((high - low) / max(1, wanted - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(index * step for index in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], left, right, ticks)


def forest(rows: Sequence[ForestRow], layout: Layout, title: str, tick: Callable[[float], str]) -> Markup:
    """Return a forest plot: a null line, for each row its interval as a line and its estimate as a mark.

    `tick` prints an axis value. An upward triangle is better, a downward one worse, a diamond a change without a good
    side, a hollow circle unclear.
    """
    ends = [value for row in rows for value in (row.estimate, row.low, row.high) if value is not None]
    axis = axis_of(ends, layout.left, layout.right, wanted=7 if layout.label else 5)
    parts: list[str] = []
    y = 6.0
    for row in rows:
        drawn, y = _forest_row(row, axis, layout, y)
        parts += drawn
    frame = row_grid(axis, y + 4, layout, tick)
    described = "; ".join(f"{row.label}: {row.text} {row.word}".strip() for row in rows if not row.heading)
    return svg_chart(layout.width, y + 30, title, described, [*frame, *parts])


def forecast(
    rows: Sequence[tuple[str, str, float, float, float, float]],
    layout: Layout,
    title: str,
    tick: Callable[[float], str],
) -> Markup:
    """Return a plot of what was foretold (hollow circle) against what came (bar with its interval).

    Rows are label, numbers in words, predicted, actual, and the ends of the actual's interval.
    """
    ends = [value for row in rows for value in row[2:]]
    axis = axis_of(ends, layout.left, layout.right, wanted=7 if layout.label else 5)
    parts: list[str] = []
    y = 6.0
    for label, text, predicted, actual, low, high in rows:
        inside = low <= predicted <= high
        tone, word = ("good", "inside") if inside else ("bad", "outside")
        lines, middle, y = row_words(ForestRow(label, text, predicted, tone=tone, word=word), layout, y)
        parts += lines
        if math.isfinite(low) and math.isfinite(high):
            parts.append(svg_line(axis.x(low), middle, axis.x(high), middle, "whisker actual"))
        if math.isfinite(actual):
            parts.append(svg_line(axis.x(actual), middle - 7, axis.x(actual), middle + 7, "whisker actual"))
        if math.isfinite(predicted):
            parts.append(
                f'<circle class="mark {tone} hollow" cx="{short(axis.x(predicted))}" cy="{short(middle)}" r="5"/>'
            )
    frame = row_grid(axis, y + 4, layout, tick)
    described = "; ".join(f"{row[0]}: {row[1]}" for row in rows)
    return svg_chart(layout.width, y + 30, title, described, [*frame, *parts])


def share_bar(share: float, title: str) -> Markup:
    """Return a bar of 100 by 6 units, filled to `share` (0 to 1)."""
    filled = 100 * min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    return Markup(  # noqa: S704 - the title is escaped, the rest are numbers
        f'<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label="{escape(title)}">'
        f'<rect class="track" width="100" height="6"/><rect class="fill" width="{short(filled)}" height="6"/></svg>'
    )


def _forest_row(row: ForestRow, axis: Axis, layout: Layout, y: float) -> tuple[list[str], float]:
    lines, middle, below = row_words(row, layout, y)
    if row.heading or row.estimate is None or not math.isfinite(row.estimate):
        return lines, below
    if row.low is not None and row.high is not None and math.isfinite(row.low) and math.isfinite(row.high):
        lines.append(svg_line(axis.x(row.low), middle, axis.x(row.high), middle, f"whisker {row.tone}"))
        for end in (row.low, row.high):
            lines.append(svg_line(axis.x(end), middle - 4, axis.x(end), middle + 4, f"whisker {row.tone}"))
    hint = f"{row.label}: {row.text} {row.word}"
    lines.append(tone_mark(axis.x(row.estimate), middle, row.tone, hint))
    return lines, below


def row_words(row: ForestRow, layout: Layout, y: float) -> tuple[list[str], float, float]:
    """Return the row's texts, the height of its mark, and where the next row begins."""
    leading = layout.size * 1.3
    if row.heading:
        lines = fold(row.label, layout.width / (layout.size * TEXT_WIDTH))
        top = y + 8
        texts = [svg_text(0, top + leading * (i + 0.8), line, "heading") for i, line in enumerate(lines)]
        return texts, 0.0, top + leading * len(lines) + 4
    if layout.label:
        lines = fold(row.label, layout.label / (layout.size * TEXT_WIDTH))
        beside = fold(f"{row.text}  {row.word}".strip(), layout.text / (layout.size * TEXT_WIDTH))
        height = max(24.0, max(len(lines), len(beside)) * leading + 8)
        middle = y + height / 2
        texts = svg_block(layout.label, middle, lines, leading, "label", "end")
        texts += svg_block(layout.width - layout.text, middle, beside, leading, f"value {row.tone}", "start")
        return texts, middle, y + height
    room = layout.width / (layout.size * TEXT_WIDTH)
    lines, beside = fold(row.label, room), fold(f"{row.text}  {row.word}".strip(), room)
    texts = [svg_text(0, y + leading * (i + 0.9), line, "label") for i, line in enumerate(lines)]
    top = y + leading * len(lines)
    texts += [svg_text(0, top + leading * (i + 0.9), line, f"value {row.tone}") for i, line in enumerate(beside)]
    bottom = top + leading * len(beside)
    drawn = row.estimate is not None or row.tone == "unclear"
    return texts, bottom + 12, bottom + (26 if drawn else 12)


def fold(text: str, room: float) -> list[str]:
    """Return the text on lines of at most `room` letters, broken at spaces, else after signs, else anywhere."""
    limit = max(6, int(room))
    lines = [""]
    for word in text.split(" "):
        rest = word
        if lines[-1] and len(lines[-1]) + 1 + len(rest) <= limit:
            lines[-1] += " " + rest
            continue
        if lines[-1]:
            lines.append("")
        while len(rest) > limit:
            cut = max((rest.rfind(sign, 0, limit) for sign in "_-@/."), default=-1) + 1
            cut = cut if cut > limit // 2 else limit
            lines[-1] = rest[:cut]
            lines.append("")
            rest = rest[cut:]
        lines[-1] = rest
    return lines


def row_grid(axis: Axis, bottom: float, layout: Layout, tick: Callable[[float], str]) -> list[str]:
    """Return the upright lines of a chart of rows, with their ticks below `bottom`."""
    parts = []
    for value in axis.ticks:
        x = axis.x(value)
        null = abs(value) < 1e-12
        parts.append(svg_line(x, 0, x, bottom, "null" if null else "grid"))
        parts.append(svg_text(x, bottom + layout.size * 1.25, tick(0.0 if null else value), "tick", "middle"))
    return parts


def tone_mark(x: float, y: float, tone: str, hint: str) -> str:
    """Return the mark of a tone, its shape saying what its colour says, with a text for whoever points at it."""
    shapes = {"good": ((0, -7), (6.5, 5), (-6.5, 5)), "bad": ((0, 7), (6.5, -5), (-6.5, -5))}
    shape = shapes.get(tone, ((0, -7), (7, 0), (0, 7), (-7, 0)))
    hint = f"<title>{escape(hint)}</title>"
    if tone == "unclear":
        return f'<circle class="mark unclear hollow" cx="{short(x)}" cy="{short(y)}" r="5">{hint}</circle>'
    points = " ".join(f"{short(x + dx)},{short(y + dy)}" for dx, dy in shape)
    return f'<polygon class="mark {escape(tone)}" points="{points}">{hint}</polygon>'


def svg_block(x: float, middle: float, lines: Sequence[str], leading: float, css: str, anchor: str) -> list[str]:
    """Return lines of text about the height `middle`."""
    top = middle - leading * (len(lines) - 1) / 2 + leading * 0.27
    return [svg_text(x, top + leading * i, line, css, anchor) for i, line in enumerate(lines)]


def svg_chart(width: float, height: float, title: str, described: str, parts: Sequence[str]) -> Markup:
    """Return the whole picture, its title and what it shows in words set for those who cannot see it."""
    size = NARROW.size if width == NARROW.width else WIDE.size
    return Markup(  # noqa: S704 - every text is escaped where it is set
        f'<svg class="chart" viewBox="0 0 {short(width)} {short(height)}" font-size="{short(size)}" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title><desc>{escape(described)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def svg_text(x: float, y: float, text: str, css: str, anchor: str = "start") -> str:
    """Return one line of escaped text, its baseline at `y`."""
    return f'<text class="{escape(css)}" x="{short(x)}" y="{short(y)}" text-anchor="{anchor}">{escape(text)}</text>'


def svg_line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """Return a straight line."""
    return f'<line class="{escape(css)}" x1="{short(x1)}" y1="{short(y1)}" x2="{short(x2)}" y2="{short(y2)}"/>'


def short(value: float) -> str:
    """Return a length with two decimals at most."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _round_step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return magnitude * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))

"""P-values of many tests: how they spread where nothing differs, and how many a correction keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from framework.report.axes import Panel, area, curve, foot, frame, log_axis, margin, power_of_ten
from framework.report.charts import Layout, axis_of, short, svg_chart
from framework.report.formats import PAGE, count
from framework.report.labels import Name, canvas, dot, side_texts, style
from framework.stats.estimates import SMALLEST_P

BAND = 0.95
"""Coverage of the histogram's binomial band, of each bin by itself."""
NEAR = 3.0
"""Marks of sorted p-values nearer than this in the picture are drawn once."""
DEEPEST = 1e-3
"""How far below the first corrected level (alpha / m) the axis of sorted p-values reaches, as a factor."""


def p_histogram(
    p_values: Sequence[float], layout: Layout, title: str, *, bins: int = 20, alpha: float = 0.05
) -> Markup:
    """Return a histogram of p-values of A/A replications with the uniform line and its binomial band.

    A bin outside its band has another colour, a triangle and its count. Values that are no p-values are left out and
    counted in words.
    """
    import numpy as np

    known = [float(p) for p in p_values if 0 <= p <= 1]
    n = len(known)
    counts = np.histogram(np.asarray(known), bins=bins, range=(0.0, 1.0))[0]
    low, high = _band(n, bins)
    outside = int(((counts < low) | (counts > high)).sum()) if n else 0
    stray = f"{outside} of {bins} bins outside their band; {bins * (1 - BAND):.2g} by chance."
    notes = [*([_below(known, alpha), stray] if n else ["No p-values."]), *_left_out(len(p_values) - n)]
    band = Name(f"where {100 * BAND:g}{PAGE.gap}% of bins lie if nothing differs", "area")
    space = canvas(layout, notes=notes, key=[band, Name(f"uniform, {n / bins:,.4g} in a bin", "bound")])
    up = axis_of([0.0, float(counts.max(initial=1)) * 1.05, high], space.bottom, space.top, wanted=5)
    left = margin(up, _whole, layout)
    panel = Panel(axis_of([0.0, 1.0], left, space.right), up)
    names = ("p-value", lambda value: f"{value:.1f}"), (f"p-values in each of {bins} bins", _whole)
    parts = [*space.parts, *frame(panel, layout, *names)]
    for index, amount in enumerate(counts.tolist() if n else []):
        parts += _bar(panel, index / bins, (index + 1) / bins, amount, low, high)
    if n:
        parts.append(area(panel, [0.0, 1.0], [low, low], [high, high], "area s1"))
        parts += [panel.level(edge, "edge s1") for edge in (low, high)]
        parts.append(panel.level(n / bins, "bound"))
    return svg_chart(layout.width, foot(panel, layout, "p-value"), title, " ".join(notes), parts)


def sorted_p_chart(p_values: Sequence[float], layout: Layout, title: str, *, alpha: float = 0.05) -> Markup:
    """Return sorted p-values against their rank, both in powers of ten, with the lines of the two corrections.

    Holm's line at rank i of m is alpha / (m - i + 1), Benjamini-Hochberg's alpha i / m; how many each keeps is marked
    and said in words. P-values far below every line stand on the lower edge as triangles. Marks nearer than the eye
    tells apart are left out, so that thousands of tests stay a small picture.
    """
    from framework.stats.multiplicity.adjust import benjamini_hochberg, holm

    ordered = sorted(float(p) for p in p_values if 0 <= p <= 1)
    m = len(ordered)
    by_holm, by_bh = (sum(p <= alpha for p in adjust(ordered)) for adjust in (holm, benjamini_hochberg))
    level, floor = f"{100 * alpha:g}{PAGE.gap}%", 10.0 ** math.floor(math.log10(DEEPEST * alpha / max(m, 1)))
    notes = _kept_words(ordered, by_holm, by_bh, alpha, floor) + _left_out(len(p_values) - m)
    key = [Name("kept by Holm, and its line", series=1)]
    key += [Name("kept by Benjamini-Hochberg (BH) only, and its line", series=2), Name("not kept", "dot")]
    space = canvas(layout, notes=notes, key=[*key, Name(f"uncorrected {level}", "bound")])
    lowest = max(floor, min([*ordered, alpha / max(m, 1)]))
    up = log_axis(lowest, 1.0, space.bottom, space.top)
    left = margin(up, power_of_ten, layout)
    panel = Panel(log_axis(1.0, max(m, 10), left, space.right), up)
    parts = [*space.parts, *frame(panel, layout, ("rank", power_of_ten), ("p-value", power_of_ten))]
    ranks = _ranks(m)
    xs = [math.log10(rank) for rank in ranks]
    parts.append(panel.level(math.log10(alpha), "bound"))
    parts.append(curve(panel, xs, [math.log10(alpha / (m - rank + 1)) for rank in ranks], "curve s2"))
    parts.append(curve(panel, xs, [math.log10(alpha * rank / m) for rank in ranks], "curve s3"))
    cuts = [
        (number, f"{name} {count(number, PAGE)}", css)
        for number, name, css in ((by_holm, "Holm", "s2"), (by_bh, "BH", "s3"))
        if number
    ]
    for number, _, css in cuts:
        parts.append(panel.upright(math.log10(number), f"drop {css}"))
    named = [(panel.at(math.log10(number), 0)[0], text, f"series {css}") for number, text, css in cuts]
    parts += _sorted_marks(panel, ordered, by_holm, by_bh)
    parts += side_texts(named, layout, panel.bottom - 20, -1.4 * layout.size)
    return svg_chart(layout.width, foot(panel, layout, "rank"), title, " ".join(notes), parts)


def _sorted_marks(panel: Panel, ordered: Sequence[float], by_holm: int, by_bh: int) -> list[str]:
    """Return a mark for each p-value that the eye tells from the one before; those below the axis as triangles."""
    parts = []
    last: tuple[float, float, int] | None = None
    for rank, p in enumerate(ordered, 1):
        series = 1 if rank <= by_holm else 2 if rank <= by_bh else 0
        height = math.log10(max(p, SMALLEST_P))
        x, y = panel.at(math.log10(rank), height)
        if last and rank < len(ordered) and series == last[2] and math.hypot(x - last[0], y - last[1]) < NEAR:
            continue
        last = x, y, series
        if height < panel.up.low:
            place = f"translate({short(x)} {short(y - 4)})"
            parts.append(f'<path class="dot {style(series)} deep" transform="{place}" d="M-4.5-4H4.5L0 4Z"/>')
        else:
            parts.append(dot(series, x, y))
    return parts


def _ranks(m: int) -> list[int]:
    """Return the ranks at which the lines bend: dense at both ends, since the axis is one of logarithms."""
    powers = [round(10 ** (step / 30)) for step in range(30 * 12)]
    return sorted({rank for power in powers for rank in (power, m + 1 - power) if 1 <= rank <= m})


def _kept_words(ordered: Sequence[float], by_holm: int, by_bh: int, alpha: float, floor: float) -> list[str]:
    m, raw = len(ordered), sum(p <= alpha for p in ordered)
    if not m:
        return ["No p-values."]
    said = f"Holm {count(by_holm, PAGE)}, Benjamini-Hochberg {count(by_bh, PAGE)}, uncorrected {count(raw, PAGE)}"
    notes = [f"Of {count(m, PAGE)} tests at {100 * alpha:g}{PAGE.gap}% are kept: {said}."]
    deep = sum(p < floor for p in ordered)
    below = f"{count(deep, PAGE)} below {power_of_ten(math.log10(floor))}: triangles on the lower edge."
    return [*notes, below] if deep else notes


def _below(known: Sequence[float], alpha: float) -> str:
    """Return the share of p-values at most alpha with its Clopper-Pearson interval, in words."""
    from scipy import stats

    hits = sum(p <= alpha for p in known)
    ends = stats.binomtest(hits, len(known)).proportion_ci(BAND, "exact")
    interval = f"[{100 * ends.low:.1f}, {100 * ends.high:.1f}]"
    share = f"{100 * hits / len(known):.1f}{PAGE.gap}%"
    return f"{share} {interval} of {count(len(known), PAGE)} p-values are at most {alpha:g}."


def _band(n: int, bins: int) -> tuple[float, float]:
    from scipy import stats

    if not n:
        return 0.0, 0.0
    low, high = stats.binom.interval(BAND, n, 1 / bins)
    return float(low), float(high)


def _bar(panel: Panel, start: float, end: float, amount: int, low: float, high: float) -> list[str]:
    (x1, y), (x2, floor) = panel.at(start, amount), panel.at(end, 0)
    tone = "bad" if not low <= amount <= high else "unclear"
    hint = f"<title>{start:.2f} to {end:.2f}: {amount}</title>"
    box = f'x="{short(x1 + 1)}" y="{short(y)}" width="{short(x2 - x1 - 2)}" height="{short(floor - y)}"'
    parts = [f'<rect class="column {tone}" {box}>{hint}</rect>']
    if tone == "bad":
        middle = (x1 + x2) / 2
        side = "M-6 4H6L0-6Z" if amount > high else "M-6-6H6L0 4Z"
        place = f"translate({short(middle)} {short(max(y - 9, panel.top + 6))})"
        parts.append(f'<path class="mark bad" transform="{place}" d="{side}"/>')
    return parts


def _left_out(n: int) -> list[str]:
    return [f"{count(n, PAGE)} left out: not between 0 and 1."] if n else []


def _whole(value: float) -> str:
    return count(value, PAGE)

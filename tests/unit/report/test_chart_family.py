"""What must hold of every chart: well formed, escaped, inside the picture, no text over another, styled, small."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from markupsafe import Markup

import framework.report
from framework.report.charts import NARROW, WIDE, Layout
from framework.report.coverage_chart import CoverageCell, coverage_table
from framework.report.curves import BandCurve, PowerCurve, band_chart, power_chart
from framework.report.density import density_chart
from framework.report.histogram import p_histogram, sorted_p_chart
from framework.report.pareto_chart import Priced, pareto_chart
from framework.report.rank_chart import rank_chart
from framework.report.rate_chart import RateRow, rate_chart
from framework.report.sequential_chart import Bounds, PathPoint, sequential_chart
from framework.stats.effects import Posterior

EVIL = "</svg><script>x</script>"
LETTER = 0.52
"""Mean width of a letter in the page's widest fallback font, in font sizes."""


def _plain(value: float) -> str:
    return f"{value:g}"


def power(layout: Layout, name: str) -> Markup:
    at = np.linspace(0, 3, 60)
    curves = [PowerCurve(f"{name} {n}", at, np.clip(at / n, 0.05, 1), 0.8 * n, f"{0.8 * n:.2f}") for n in (1, 1.02, 2)]
    curves.append(PowerCurve(f"{name} never", at, at / 10))
    return power_chart(curves, layout, name, across=name, tick=_plain)


def path(layout: Layout, name: str) -> Markup:
    points = [PathPoint(k / 5, k * 0.9, tone="good" if k > 3 else "unclear", word=name) for k in range(1, 6)]
    at = [0.0, 0.2, 0.4, 1.0]
    bounds = Bounds(at, [math.inf, 4.9, 3.4, 2.0], [-math.inf, -4.9, -3.4, -2.0])
    return sequential_chart(
        points, layout, name, across=(name, _plain), up=(name, _plain), bounds=bounds, planned=[0.2, 0.6, 1.0]
    )


def anytime(layout: Layout, name: str) -> Markup:
    points = [PathPoint(k, 1 / k, 1 / k - 9 / k**0.5, 1 / k + 9 / k**0.5) for k in range(1, 2577)]
    return sequential_chart(points, layout, name, across=(name, _plain), up=(name, _plain))


def bands(layout: Layout, name: str) -> Markup:
    days = np.arange(1, 15)
    rows = [
        BandCurve(f"{name} {n}", days, n / days, n / days - 0.1, n / days + 0.1, n / days - 0.2, n / days + 0.2)
        for n in (1, 2)
    ]
    return band_chart(rows, layout, name, across=(name, _plain), up=(name, _plain), zero=True)


def density(layout: Layout, name: str) -> Markup:
    at = np.linspace(-3, 5, 3000)
    posterior = Posterior(name, 1.0, -0.96, 2.96, 0.95, 0.84, 0.1, 0.3, -0.2, 0.2, 0.1)
    return density_chart(posterior, at, np.exp(-((at - 1) ** 2) / 2), layout, name, across=name, tick=_plain)


def histogram(layout: Layout, name: str) -> Markup:
    p = np.concatenate([np.full(900, 0.01), np.linspace(0, 1, 2000), [math.nan]])
    return p_histogram(p, layout, name)


def sorted_p(layout: Layout, name: str) -> Markup:
    return sorted_p_chart(np.concatenate([[2e-308], np.logspace(-12, 0, 2575)]), layout, name)


def ranks(layout: Layout, name: str) -> Markup:
    names = [f"{name} number {n}" for n in range(24)]
    rows = [(each, 1 + n * 0.9 + 0.3 * (n % 3)) for n, each in enumerate(names)]
    cliques = [names[n : n + 5] for n in range(0, 20, 2)]
    return rank_chart([*rows, ("absent", math.nan)], layout, name, cliques=cliques, critical=4.2)


def coverages(layout: Layout, name: str) -> Markup:
    estimators, scenarios = [f"{name} {n}" for n in range(4)], [f"{name} at n={n}" for n in range(13)]
    cells = {
        (row, column): CoverageCell(
            0.90 + 0.008 * (i + j), 0.895 + 0.008 * (i + j), 0.9 + 0.009 * (i + j), warned=j == 1
        )
        for i, row in enumerate(estimators)
        for j, column in enumerate(scenarios)
        if (i, j) != (2, 2)
    }
    return coverage_table(estimators, scenarios, cells, layout, name)


def rates(layout: Layout, name: str) -> Markup:
    rows = [
        RateRow(name, 0.048, 0.044, 0.053, 0.05),
        RateRow(name, 0.07, 0.066, 0.075, 0.05),
        RateRow(name, 0.03, 0.02, 0.04),
    ]
    return rate_chart(rows, layout, name)


def priced(layout: Layout, name: str) -> Markup:
    rng = np.random.default_rng(0)
    rows = [
        Priced(f"{name} {n}", 10 ** rng.uniform(-2, 1), value, value - 0.02, value + 0.02, baseline=n > 7)
        for n, value in enumerate(rng.uniform(0, 0.6, 11))
    ]
    return pareto_chart(rows, layout, name, across=name, up=(name, _plain))


CHARTS: list[Callable[[Layout, str], Markup]] = [
    power, path, anytime, bands, density, histogram, sorted_p, ranks, coverages, rates, priced
]  # fmt: skip
every = pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.__name__)
both = pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])


def _parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def _boxes(svg: ET.Element) -> list[tuple[float, float, float, float, str]]:
    """Return left, top, right, bottom of each text, as wide as the page's font sets it on average."""
    boxes = []
    for text in svg.iter("text"):
        said = text.text or ""
        size = float(svg.get("font-size", "0")) * (0.88 if text.get("class") == "tick" else 1)
        width = len(said) * size * LETTER
        x, y = float(text.get("x", "nan")), float(text.get("y", "nan"))
        left = {"start": x, "middle": x - width / 2, "end": x - width}[text.get("text-anchor", "start")]
        if said:
            boxes.append((left, y - 0.74 * size, left + width, y + 0.2 * size, said))
    return boxes


@both
@every
def test_a_chart_is_well_formed_named_and_described(chart: Callable[[Layout, str], Markup], layout: Layout) -> None:
    svg = _parse(chart(layout, "checkout"))
    assert svg.tag == "svg"
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "checkout"
    assert svg[0].tag == "title"
    assert svg[1].tag == "desc"
    assert len(svg[1].text or "") > 20


@both
@every
def test_text_is_escaped(chart: Callable[[Layout, str], Markup], layout: Layout) -> None:
    drawn = chart(layout, EVIL)
    assert "<script" not in drawn
    assert drawn.count("</svg>") == 1
    assert "&lt;" in drawn
    assert _parse(drawn).tag == "svg"


@both
@every
def test_no_text_lies_over_another_or_leaves_the_picture(
    chart: Callable[[Layout, str], Markup], layout: Layout
) -> None:
    svg = _parse(chart(layout, "new checkout"))
    height = float(svg.get("viewBox", "").split()[3])
    boxes = _boxes(svg)
    assert len(boxes) > 5
    for left, top, right, bottom, said in boxes:
        assert left >= -0.5, said
        assert right <= layout.width + 0.5, said
        assert top >= -0.5, said
        assert bottom <= height + 0.5, said
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] + 0.5 or other[3] <= one[1] + 0.5
            assert apart, (one, other)


@both
@every
def test_every_coordinate_is_a_number_inside_the_picture(
    chart: Callable[[Layout, str], Markup], layout: Layout
) -> None:
    drawn = chart(layout, "a")
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<(title|desc|text)[^>]*>[^<]*</\1>", "", drawn))
    svg = _parse(drawn)
    _, _, width, height = (float(part) for part in svg.get("viewBox", "").split())
    for element in svg.iter():
        for key, limit in (("x", width), ("x1", width), ("x2", width), ("y", height), ("y1", height), ("y2", height)):
            if element.get(key) is not None:
                assert -0.5 <= float(element.get(key, "nan")) <= limit + 0.5, ET.tostring(element)


@every
def test_every_class_has_a_rule_in_the_pages_style(chart: Callable[[Layout, str], Markup]) -> None:
    css = (Path(framework.report.__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
    for layout in (WIDE, NARROW):
        for element in _parse(chart(layout, "a")).iter():
            names = element.get("class", "").split()
            assert not names or any(f".{name}" in css for name in names), names


@both
@every
def test_thousands_of_points_stay_a_small_picture(chart: Callable[[Layout, str], Markup], layout: Layout) -> None:
    assert len(chart(layout, "a").encode()) < 90_000


@both
def test_nothing_known_is_still_a_picture(layout: Layout) -> None:
    nan = math.nan
    nothing = Posterior("flat", nan, nan, nan, 0.95, nan, nan, nan)
    axis = ("day", _plain)
    drawn = [
        power_chart([], layout, "t", across="effect", tick=_plain),
        power_chart(
            [PowerCurve("a", [], []), PowerCurve("b", [1.0], [nan], nan)], layout, "t", across="e", tick=_plain
        ),
        power_chart([PowerCurve("a", [0.0, nan], [0.1, 0.2])], layout, "t", across="units", tick=_plain, log=True),
        sequential_chart([], layout, "t", across=axis, up=axis),
        sequential_chart([PathPoint(nan, nan), PathPoint(1.0, nan, nan, nan)], layout, "t", across=axis, up=axis),
        sequential_chart([PathPoint(1.0, 0.0, -math.inf, math.inf)], layout, "t", across=axis, up=axis),
        sequential_chart([], layout, "t", across=axis, up=axis, bounds=Bounds([], [], [])),
        sequential_chart([], layout, "t", across=axis, up=axis, bounds=Bounds([1.0], [math.inf], [-math.inf])),
        band_chart([], layout, "t", across=axis, up=axis),
        band_chart([BandCurve("a", [1.0], [nan], [nan], [nan], [nan], [nan])], layout, "t", across=axis, up=axis),
        band_chart([BandCurve("a", [1.0], [5.0], [5.0], [5.0], [4.0], [6.0])], layout, "t", across=axis, up=axis),
        density_chart(nothing, [], [], layout, "t", across="effect", tick=_plain),
        density_chart(nothing, [1.0], [nan], layout, "t", across="effect", tick=_plain),
        p_histogram([], layout, "t"),
        p_histogram([nan, -1.0, 2.0], layout, "t"),
        p_histogram([1.0], layout, "t"),
        sorted_p_chart([], layout, "t"),
        sorted_p_chart([2e-308], layout, "t"),
        sorted_p_chart([nan, 1.0], layout, "t"),
        rank_chart([], layout, "t"),
        rank_chart([("only", 1.0), ("none", nan)], layout, "t", cliques=[["only", "none"]], critical=nan),
        coverage_table([], [], {}, layout, "t"),
        coverage_table(["a"], ["b"], {("a", "b"): CoverageCell(nan, nan, nan)}, layout, "t"),
        pareto_chart([], layout, "t", across="cost", up=axis),
        pareto_chart([Priced("a", 1.0, nan), Priced("b", 0.0, 1.0)], layout, "t", across="cost", up=axis),
        pareto_chart([Priced("a", 1.0, 1.0, nan, nan)], layout, "t", across="cost", up=axis),
        rate_chart([], layout, "t"),
        rate_chart([RateRow("a", nan, nan, nan, 0.05)], layout, "t"),
    ]
    for svg in drawn:
        assert _parse(svg).tag == "svg"
        assert not re.search(r'="[^"]*\b(nan|inf)\b', svg)

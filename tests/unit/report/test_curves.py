from __future__ import annotations

import itertools
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy import stats

from framework.report.charts import NARROW, WIDE
from framework.report.curves import DOTS_WIDE, BandCurve, PowerCurve, band_chart, power_chart


def _parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def _place(element: ET.Element) -> tuple[float, float]:
    return tuple(map(float, re.findall(r"-?[\d.]+", element.get("transform", ""))))  # type: ignore[return-value]


def _path(svg: ET.Element, css: str) -> list[tuple[float, float]]:
    drawn = svg.find(f".//path[@class='{css}']")
    assert drawn is not None
    return [tuple(map(float, point.split())) for point in drawn.get("d", "")[1:].strip("Z").split("L")]  # type: ignore[misc]


def _plain(value: float) -> str:
    return f"{value:g}"


def _power(se: float, at: np.ndarray) -> np.ndarray:
    return stats.norm.sf(1.96 - at / se) + stats.norm.cdf(-1.96 - at / se)


AT = np.linspace(0, 4, 81)
SMALL, LARGE = (
    PowerCurve(name, AT, _power(se, AT), 2.8 * se, f"{2.8 * se:.1f} pp") for name, se in (("ours", 0.5), ("theirs", 1))
)


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_detectable_effect_stands_where_its_curve_meets_the_target(layout: object) -> None:
    svg = _parse(power_chart([SMALL], layout, "t", across="effect", tick=_plain))  # type: ignore[arg-type]
    target = next(line for line in svg.findall(".//line[@class='null']") if line.get("x1") != "0")
    goal = float(target.get("y1", "nan"))
    x, y = _place(svg.findall(".//path[@class='dot s1']")[-1 if layout is NARROW else 0])
    assert y == goal
    curve = _path(svg, "curve s1")
    at, heights = zip(*curve, strict=True)
    assert np.interp(x, at, heights) == pytest.approx(goal, abs=1.5)
    drop = svg.find(".//line[@class='drop s1']")
    assert drop is not None
    assert (float(drop.get("x1", "nan")), float(drop.get("x2", "nan"))) == (x, x)
    assert any(text.text == "1.4 pp" for text in svg.iter("text"))


def test_power_is_drawn_rising_between_nought_and_one() -> None:
    svg = _parse(power_chart([SMALL, LARGE], WIDE, "t", across="effect", tick=_plain))
    ticks = {text.text: float(text.get("y", "nan")) for text in svg.findall(".//text[@class='tick']")}
    for css in ("curve s1", "curve s2"):
        points = _path(svg, css)
        assert all(one[0] < other[0] and one[1] >= other[1] for one, other in itertools.pairwise(points))
        assert points[0][1] < ticks["0\xa0%"]
        assert points[-1][1] > ticks["100\xa0%"] - 20
    # The curve of the smaller error lies above the other at every effect above 0.
    assert all(a[1] < b[1] for a, b in zip(_path(svg, "curve s1")[2:60], _path(svg, "curve s2")[2:60], strict=True))


def test_a_curve_that_never_reaches_the_target_says_so_and_has_no_mark() -> None:
    never = PowerCurve("tiny trial", AT, _power(9, AT))
    svg = power_chart([never], NARROW, "t", across="effect", tick=_plain, target=0.9)
    assert "does not reach" in svg
    assert "target, 90\xa0%" in svg
    assert "drop" not in svg


def test_units_on_a_log_axis_keep_equal_ratios_apart_equally() -> None:
    curves = [PowerCurve(str(n), [10, 100, 1000], [0.1, 0.5, 0.9], n) for n in (10, 100, 1000)]
    svg = _parse(power_chart(curves, WIDE, "t", across="units", tick=_plain, log=True))
    drops = [float(line.get("x1", "nan")) for line in svg.iter("line") if line.get("class", "").startswith("drop")]
    assert drops[1] - drops[0] == pytest.approx(drops[2] - drops[1], abs=0.02)
    assert [text.text for text in svg.iter("text") if text.text in {"10", "100", "1000"}]


def _bands(n: int, *, curves: int = 1, layout: object = WIDE) -> ET.Element:
    at = np.arange(1, n + 1)
    value = 10.0 + np.cos(at)
    rows = [BandCurve(f"arm {k}", at, value + k, value - 1, value + 1, value - 2, value + 2) for k in range(curves)]
    return _parse(band_chart(rows, layout, "t", across=("day", _plain), up=("share", _plain)))  # type: ignore[arg-type]


def test_each_point_has_its_interval_inside_the_band() -> None:
    svg = _bands(12)
    band = _path(svg, "area s1")
    upper, lower = band[:12], list(reversed(band[12:]))
    whiskers = [line for line in svg.findall(".//line[@class='whisker s1']") if line.get("x1") == line.get("x2")][1:]
    assert len(whiskers) == 12
    for whisker, above, below in zip(whiskers, upper, lower, strict=True):
        x, y1, y2 = (float(whisker.get(key, "nan")) for key in ("x1", "y1", "y2"))
        assert x == above[0] == below[0]
        assert above[1] < y2 < y1 < below[1]
        # Half as wide as the band, about the same middle.
        assert y1 - y2 == pytest.approx((below[1] - above[1]) / 2, abs=0.05)


def test_many_points_have_areas_in_the_place_of_marks() -> None:
    svg = _bands(DOTS_WIDE + 1)
    assert not svg.findall(".//path[@class='dot s1']")
    assert svg.find(".//path[@class='inner s1']") is not None
    assert svg.find(".//path[@class='area s1']") is not None


def test_intervals_of_two_arms_stand_beside_each_other() -> None:
    svg = _bands(8, curves=2)
    first, second = ([_place(dot)[0] for dot in svg.findall(f".//path[@class='dot s{k}']")][:8] for k in (1, 2))
    gaps = np.subtract(second, first)
    assert np.allclose(gaps, gaps[0], atol=0.05)
    assert 5 < gaps[0] < 15


def test_the_line_of_no_difference_is_there_where_asked() -> None:
    rows = [BandCurve("difference", [1.0, 2.0], [1.0, 2.0])]
    axes = {"across": ("day", _plain), "up": ("d", _plain)}
    without = _parse(band_chart(rows, WIDE, "t", **axes))
    asked = _parse(band_chart(rows, WIDE, "t", zero=True, **axes))
    assert not without.findall(".//line[@class='null']")
    assert asked.findall(".//line[@class='null']")


def test_a_missing_day_breaks_line_and_band() -> None:
    value = np.array([1.0, 2.0, math.nan, 3.0, 4.0])
    row = BandCurve("a", range(5), value, value - 1, value + 1, value - 2, value + 2)
    svg = _parse(band_chart([row], WIDE, "t", across=("day", _plain), up=("v", _plain)))
    for css in ("curve s1", "area s1"):
        drawn = list(svg.findall(f".//path[@class='{css}']"))
        assert drawn[0].get("d", "").count("M") == 2
    assert len(svg.findall(".//path[@class='dot s1']")) == 4

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from framework.report.charts import NARROW, WIDE, Layout
from framework.report.density import between, chance, density_chart, words
from framework.stats.effects import Posterior

MEAN, SD = 2.0, 1.0
AT = np.linspace(-2, 6, 401)
DENSITY = stats.norm.pdf(AT, MEAN, SD)
LOW, HIGH = stats.norm.interval(0.95, MEAN, SD)
POSTERIOR = Posterior("normal(0, 10)", MEAN, LOW, HIGH, 0.95, 0.977, 0.01, 2.01, -0.5, 0.5, 0.06)


def _draw(posterior: Posterior = POSTERIOR, layout: Layout = WIDE, **more: object) -> ET.Element:
    drawn = density_chart(posterior, AT, DENSITY, layout, "t", across="effect", tick=lambda v: f"{v:.2f}", **more)  # type: ignore[arg-type]
    return ET.fromstring(drawn)  # noqa: S314 - our own text


def _path(svg: ET.Element, css: str) -> np.ndarray:
    drawn = svg.findall(f".//path[@class='{css}']")[-1].get("d", "")
    return np.array([list(map(float, point.split())) for point in drawn[1:].strip("Z").split("L")])


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_shaded_part_is_the_interval_and_holds_its_share_of_the_area(layout: Layout) -> None:
    svg = _draw(layout=layout)

    def size(points: np.ndarray) -> float:
        x, y = points.T
        return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2

    whole, inner = _path(svg, "area s1"), _path(svg, "inner s1")
    assert size(inner) / size(whole) == pytest.approx(0.95, abs=0.004)
    low, high = whole[:, 0].min(), whole[:, 0].max()
    scale = (high - low) / 8
    assert inner[:, 0].min() == pytest.approx(low + (LOW + 2) * scale, abs=0.05)
    assert inner[:, 0].max() == pytest.approx(low + (HIGH + 2) * scale, abs=0.05)


def test_zero_and_the_region_of_equivalence_stand_at_their_values() -> None:
    svg = _draw()
    whole = _path(svg, "area s1")
    left, scale = whole[:, 0].min(), (whole[:, 0].max() - whole[:, 0].min()) / 8
    null = svg.findall(".//line[@class='null']")[-1]
    assert float(null.get("x1", "nan")) == pytest.approx(left + 2 * scale, abs=0.05)
    rope = _path(svg, "rope")
    assert rope[:, 0].min() == pytest.approx(left + 1.5 * scale, abs=0.05)
    assert rope[:, 0].max() == pytest.approx(left + 2.5 * scale, abs=0.05)


def test_no_region_no_band() -> None:
    without = replace(POSTERIOR, rope_low=None, rope_high=None, probability_equivalent=None)
    svg = _draw(without)
    assert not svg.findall(".//path[@class='rope']")
    assert not any("equal" in (text.text or "") for text in svg.iter("text"))


def test_zero_has_its_line_where_the_posterior_is_far_from_it() -> None:
    far = replace(POSTERIOR, mean=102.0, ci_low=100.0, ci_high=104.0, rope_low=None, rope_high=None)
    drawn = density_chart(far, AT + 100, DENSITY, WIDE, "t", across="effect", tick=lambda v: f"{v:g}")
    svg = ET.fromstring(drawn)  # noqa: S314 - our own text
    null = svg.findall(".//line[@class='null']")[-1]
    assert float(null.get("x1", "nan")) < _path(svg, "area s1")[:, 0].min() - 100


def test_words_say_how_sure_and_never_certain() -> None:
    said = words(POSTERIOR, lambda v: f"{v:.2f}")
    assert "P(better)\xa0=\xa097.7\xa0%" in said
    assert "P(practically equal)\xa0=\xa06.0\xa0%" in said
    assert "0.04 to 3.96" in said
    assert "normal(0, 10)" in said
    assert chance(1.0) == "above 99.9\xa0%"
    assert chance(0.0) == "below 0.1\xa0%"
    assert chance(0.999) == "99.9\xa0%"
    assert chance(math.nan) == "\N{EN DASH}"


def test_sides_are_named_for_what_is_better() -> None:
    def place(word: str, **more: object) -> float:
        return next(float(text.get("x", "nan")) for text in _draw(**more).iter("text") if text.text == word)

    assert place("worse") < place("better")
    assert place("better", higher_is_better=False) < place("worse", higher_is_better=False)


def test_the_cut_part_has_interpolated_ends() -> None:
    xs, ys = between([0.0, 1.0, 2.0], [0.0, 10.0, 0.0], 0.5, 1.75)
    assert xs == [0.5, 1.0, 1.75]
    assert ys == [5.0, 10.0, 2.5]
    assert between([], [], 0.0, 1.0) == ([], [])
    assert between([0.0, 1.0], [1.0, 1.0], math.nan, 1.0) == ([], [])

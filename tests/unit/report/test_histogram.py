from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from framework.report.charts import NARROW, WIDE, Layout
from framework.report.histogram import p_histogram, sorted_p_chart

UNIFORM = (np.arange(2000) + 0.5) / 2000


def _parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def _said(svg: ET.Element) -> str:
    return " ".join(text.text or "" for text in svg.iter("text")).replace("\xa0", " ").replace("\u202f", " ")


def _bars(svg: ET.Element) -> list[ET.Element]:
    return [bar for bar in svg.iter("rect") if bar.get("class", "").startswith("column")]


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_bars_are_as_high_as_their_counts_and_stand_side_by_side(layout: Layout) -> None:
    p = np.repeat([0.01, 0.12, 0.62, 0.999], [40, 10, 20, 30])
    bars = _bars(_parse(p_histogram(p, layout, "t", bins=20)))
    heights = [float(bar.get("height", "nan")) for bar in bars]
    counts = np.histogram(p, 20, (0, 1))[0]
    assert np.allclose(heights, counts * heights[0] / 40, atol=0.02)
    lefts = [float(bar.get("x", "nan")) for bar in bars]
    assert np.allclose(np.diff(lefts), (lefts[-1] - lefts[0]) / 19, atol=0.02)
    assert len({round(float(bar.get("y", "nan")) + float(bar.get("height", "nan"))) for bar in bars}) == 1


def test_the_band_is_the_binomial_one_and_the_line_uniform() -> None:
    svg = _parse(p_histogram(UNIFORM, WIDE, "t"))
    bar = _bars(svg)[0]
    floor = float(bar.get("y", "nan")) + float(bar.get("height", "nan"))
    scale = float(bar.get("height", "nan")) / 100
    edges = [float(line.get("y1", "nan")) for line in svg.findall(".//line[@class='edge s1']")]
    low, high = stats.binom.interval(0.95, 2000, 0.05)
    assert edges == pytest.approx([floor - low * scale, floor - high * scale], abs=0.02)
    line = svg.findall(".//line[@class='bound']")[-1]
    assert float(line.get("y1", "nan")) == pytest.approx(floor - 100 * scale, abs=0.02)


def test_bins_outside_have_another_tone_and_a_shape() -> None:
    assert "0 of 20 bins outside" in _said(_parse(p_histogram(UNIFORM, WIDE, "t")))
    svg = _parse(p_histogram([*UNIFORM, *[0.01] * 60], WIDE, "t"))
    assert [bar.get("class") for bar in _bars(svg)].count("column bad") == 1
    assert len(svg.findall(".//path[@class='mark bad']")) == 1
    assert "1 of 20 bins outside" in _said(svg)


def test_the_share_below_alpha_has_its_exact_interval_in_words() -> None:
    ends = stats.binomtest(100, 2000).proportion_ci(0.95, "exact")
    said = _said(_parse(p_histogram(UNIFORM, WIDE, "t")))
    assert f"5.0 % [{100 * ends.low:.1f}, {100 * ends.high:.1f}] of 2 000 p-values are at most 0.05" in said


def test_what_is_no_p_value_is_left_out_and_counted() -> None:
    said = _said(_parse(p_histogram([0.5, math.nan, -0.1, 1.5, math.inf], WIDE, "t")))
    assert "4 left out" in said
    assert "of 1 p-values" in said


def _mixture(m: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    z = rng.normal(size=m)
    z[: m // 5] += rng.normal(2.5, 2, m // 5)
    return np.maximum(2 * stats.norm.sf(np.abs(z)), 2e-308)


@pytest.mark.parametrize("m", [8, 300, 2576])
def test_kept_numbers_are_those_of_outside_software(m: int) -> None:
    p = _mixture(m)
    holm, bh = (int(multipletests(p, 0.05, method)[0].sum()) for method in ("holm", "fdr_bh"))
    said = _said(_parse(sorted_p_chart(p, WIDE, "t")))
    number = f"{m:,}".replace(",", " ")
    assert (
        f"Of {number} tests at 5 % are kept: Holm {holm}, Benjamini-Hochberg {bh}, uncorrected {(p <= 0.05).sum()}."
        in said
    )


def _places(svg: ET.Element, css: str) -> list[tuple[float, float]]:
    marks = svg.findall(f".//path[@class='{css}']")
    return [tuple(map(float, re.findall(r"-?[\d.]+", mark.get("transform", "")))) for mark in marks]  # type: ignore[misc]


def test_marks_change_shape_where_a_correction_stops_keeping() -> None:
    svg = _parse(sorted_p_chart([0.001, 0.004, 0.008, 0.02, 0.03, 0.2, 0.5, 0.9], WIDE, "t"))
    # One of each is the key's sample.
    counts = [len(_places(svg, css)) - 1 for css in ("dot s2", "dot s3 open", "dot s1")]
    assert counts == [3, 2, 3]
    xs = [x for css in ("dot s2", "dot s3 open", "dot s1") for x, _ in _places(svg, css)[1:]]
    assert xs == sorted(xs)
    cut = next(line for line in svg.iter("line") if line.get("class") == "drop s2")
    assert float(cut.get("x1", "nan")) == _places(svg, "dot s2")[-1][0]


def test_the_two_lines_stand_at_their_levels() -> None:
    m, alpha = 100, 0.05
    svg = _parse(sorted_p_chart((np.arange(m) + 1) / m, WIDE, "t", alpha=alpha))

    def path(css: str) -> list[tuple[float, float]]:
        drawn = next(path.get("d", "") for path in svg.iter("path") if path.get("class") == css)
        return [tuple(map(float, point.split())) for point in drawn[1:].split("L")]  # type: ignore[misc]

    first, last = path("curve s2")[0], path("curve s2")[-1]
    # Both lines run from alpha / m to alpha: two powers of ten.
    assert path("curve s3")[0] == pytest.approx(first)
    assert path("curve s3")[-1] == pytest.approx(last)
    # Benjamini-Hochberg's is straight in this picture, Holm's sags below it.
    (x1, y1), (x2, y2) = path("curve s3")[0], path("curve s3")[-1]
    assert all(y == pytest.approx(y1 + (x - x1) * (y2 - y1) / (x2 - x1), abs=0.05) for x, y in path("curve s3"))
    assert all(holm[1] >= bh[1] for holm, bh in zip(path("curve s2"), path("curve s3"), strict=True))


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_thousands_of_tests_are_thinned_but_keep_both_ends(layout: Layout) -> None:
    p = np.sort(_mixture(2576))
    drawn = sorted_p_chart(p, layout, "t")
    svg = _parse(drawn)
    marks = len(re.findall(r'<path class="dot', drawn))
    assert 100 < marks < 700
    assert len(drawn.encode()) < 60_000
    last = _places(svg, "dot s1")[-1]
    ends = [float(line.get("x2", "nan")) for line in svg.findall(".//line[@class='bound']")][-1]
    assert last[0] < ends
    axis_top = min(float(line.get("y1", "nan")) for line in svg.findall(".//line[@class='grid']"))
    assert last[1] == pytest.approx(axis_top, abs=1.0)


def test_a_tiny_p_value_stands_on_the_edge_and_does_not_flatten_the_rest() -> None:
    svg = _parse(sorted_p_chart([2e-308, 0.01, 0.2, 0.9], WIDE, "t"))
    assert "1 below 1e-5: triangles on the lower edge" in _said(svg)
    ((_, deep),) = _places(svg, "dot s2 deep")
    bottom = max(float(line.get("y2", "nan")) for line in svg.findall(".//line[@class='grid']"))
    assert deep == pytest.approx(bottom - 4, abs=0.01)
    others = [y for css in ("dot s2", "dot s1") for _, y in _places(svg, css)[1:]]
    assert max(others) - min(others) > 100

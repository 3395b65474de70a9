from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from framework.report.charts import NARROW, WIDE, Layout
from framework.report.coverage_chart import CoverageCell, Scale, coverage_table

CELLS = {
    ("Welch", "normal"): CoverageCell(0.951, 0.947, 0.955),
    ("Welch", "skewed"): CoverageCell(0.871, 0.864, 0.878, warned=True),
    ("Newcombe", "normal"): CoverageCell(0.968, 0.965, 0.971),
    ("Newcombe", "skewed"): CoverageCell(0.935, 0.930, 0.940),
}


def _draw(layout: Layout = WIDE, cells: dict[tuple[str, str], CoverageCell] = CELLS, **more: float) -> ET.Element:
    rows, columns = list(dict.fromkeys(a for a, _ in cells)), list(dict.fromkeys(b for _, b in cells))
    return ET.fromstring(coverage_table(rows, columns, cells, layout, "t", **more))  # noqa: S314 - our own text


def _marks(svg: ET.Element) -> dict[str, tuple[str, str, float]]:
    """Return class, shape and x of each cell's mark by what it says of itself; the key's marks say nothing."""
    found = {}
    for mark in svg.iter("path"):
        if len(mark):
            x = float(re.findall(r"-?[\d.]+", mark.get("transform", ""))[0])
            found[(mark[0].text or "").split(":")[0]] = (mark.get("class", ""), mark.get("d", ""), x)
    return found


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_each_side_of_the_tolerance_has_its_tone_and_shape(layout: Layout) -> None:
    marks = _marks(_draw(layout))
    assert marks["Welch, normal"][0] == "mark good"
    assert marks["Welch, skewed"][0] == marks["Newcombe, skewed"][0] == "mark bad"
    assert marks["Newcombe, normal"][0] == "mark hold"
    assert len({shape for _, shape, _ in marks.values()}) == 3


@pytest.mark.parametrize(
    ("coverage", "side"),
    [(0.94, "inside"), (0.96, "inside"), (0.9399, "below"), (0.9601, "above"), (math.nan, "unknown")],
)
def test_the_tolerance_holds_its_own_ends(coverage: float, side: str) -> None:
    assert Scale(0.95, 0.01).side(coverage) == side


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_mark_stands_where_its_coverage_lies_about_the_nominal_line(layout: Layout) -> None:
    svg = _draw(layout)
    nominal = [float(line.get("x1", "nan")) for line in svg.findall(".//line[@class='nominal']")]
    marks = list(_marks(svg).values())
    tolerated = svg.findall(".//rect[@class='rope']")
    scale = float(tolerated[0].get("width", "nan")) / 0.02
    assert marks[0][2] - nominal[0] == pytest.approx(0.001 * scale, abs=0.05)
    whisker = svg.find(".//line[@class='whisker good']")
    assert whisker is not None
    assert float(whisker.get("x1", "nan")) - nominal[0] == pytest.approx(-0.003 * scale, abs=0.05)
    assert float(whisker.get("x2", "nan")) - nominal[0] == pytest.approx(0.005 * scale, abs=0.05)


def test_a_coverage_off_the_small_axis_stands_at_its_edge_with_a_sign() -> None:
    svg = _draw()
    left = min(float(line.get("x1", "nan")) for line in svg.findall(".//line[@class='grid']") if line.get("x1") != "0")
    beyond = svg.findall(".//polyline[@class='edge bad']")
    assert len(beyond) == 1
    points = [tuple(map(float, point.split(","))) for point in beyond[0].get("points", "").split()]
    assert points[1][0] < points[0][0] < _marks(svg)["Welch, skewed"][2]
    assert _marks(svg)["Welch, skewed"][2] > left


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_numbers_and_warnings_are_there_in_words(layout: Layout) -> None:
    svg = _draw(layout)
    said = [text.text for text in svg.iter("text")]
    for number in ("95.1", "87.1", "96.8", "93.5"):
        assert said.count(f"{number}\xa0%") == 1
    assert said.count("! warned") == 1
    assert "! warned: the report says so" in said
    assert "Welch, skewed: 87.1\xa0%, below, warned" in (svg[1].text or "")
    calm = _draw(layout, {("Welch", "normal"): CELLS["Welch", "normal"]})
    assert not any("warned" in (text.text or "") for text in calm.iter("text"))


def test_more_scenarios_than_fit_go_on_below() -> None:
    cells = {("Welch", f"scenario {n}"): CoverageCell(0.95, 0.946, 0.954) for n in range(25)}
    svg = _draw(WIDE, cells)
    marks = _marks(svg)
    assert len(marks) == 25
    assert [text.text for text in svg.iter("text")].count("Welch") == 3
    assert all(210 < x < WIDE.width for _, _, x in marks.values())


def test_a_missing_cell_stays_empty() -> None:
    cells = {("a", "x"): CELLS["Welch", "normal"], ("b", "y"): CELLS["Welch", "normal"]}
    assert set(_marks(_draw(WIDE, cells))) == {"a, x", "b, y"}


def test_nominal_and_tolerance_are_the_callers() -> None:
    cells = {("a", "x"): CoverageCell(0.9, 0.89, 0.91)}
    assert _marks(_draw(WIDE, cells, nominal=0.9, tolerance=0.02))["a, x"][0] == "mark good"
    assert _marks(_draw(WIDE, cells))["a, x"][0] == "mark bad"

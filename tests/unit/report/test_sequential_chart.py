from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from framework.report.charts import NARROW, WIDE, Layout
from framework.report.sequential_chart import Bounds, PathPoint, sequential_chart

LOOKS = (0.25, 0.5, 0.75, 1.0)
BOUNDS = Bounds(LOOKS, (4.05, 2.86, 2.34, 2.02), (-4.05, -2.86, -2.34, -2.02))
PATH = [
    PathPoint(0.25, 1.1),
    PathPoint(0.5, 2.0),
    PathPoint(0.75, 2.7, tone="good", word="upper bound crossed at look 3"),
]


def _draw(path: list[PathPoint], layout: Layout = WIDE, **more: object) -> ET.Element:
    axes = {"across": ("information", lambda v: f"{v:g}"), "up": ("z", lambda v: f"{v:g}")}
    return ET.fromstring(sequential_chart(path, layout, "t", **axes, **more))  # type: ignore[arg-type]  # noqa: S314


def _path(svg: ET.Element, css: str, which: int = 0) -> list[tuple[float, float]]:
    drawn = svg.findall(f".//path[@class='{css}']")[which].get("d", "")
    return [tuple(map(float, point.split())) for point in drawn[1:].strip("Z").split("L")]  # type: ignore[misc]


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_crossing_lies_beyond_its_bound_and_earlier_looks_within(layout: Layout) -> None:
    svg = _draw(PATH, layout, bounds=BOUNDS, planned=LOOKS)
    path, upper, lower = _path(svg, "curve s1"), _path(svg, "bound"), _path(svg, "bound", 1)
    assert [point[0] for point in path] == [point[0] for point in upper[:3]]
    assert upper[0][1] < path[0][1] < lower[0][1]
    assert upper[1][1] < path[1][1] < lower[1][1]
    assert path[2][1] < upper[2][1]
    (mark,) = svg.findall(".//polygon")
    assert mark.get("class") == "mark good"
    xs = [float(point.split(",")[0]) for point in mark.get("points", "").split()]
    assert sum((min(xs), max(xs))) / 2 == pytest.approx(path[2][0], abs=0.01)
    assert any(text.text == "upper bound crossed at look 3" for text in svg.iter("text"))
    assert "crossed at look 3" in (svg[1].text or "")


def test_planned_looks_stand_on_the_axis_at_their_information() -> None:
    svg = _draw(PATH, bounds=BOUNDS, planned=LOOKS)
    stubs = [float(line.get("x1", "nan")) for line in svg.findall(".//line[@class='planned']")]
    # The first is the key's sample.
    assert stubs[1:] == [x for x, _ in _path(svg, "bound")]


def test_what_is_rejected_is_the_area_beyond_the_bounds() -> None:
    svg = _draw(PATH, bounds=BOUNDS)
    upper, lower = _path(svg, "reject"), _path(svg, "reject", 1)
    assert min(y for _, y in upper) < min(y for _, y in _path(svg, "bound"))
    assert upper[:4] == _path(svg, "bound")
    assert lower[:4] == _path(svg, "bound", 1)
    assert upper[4:] == [(upper[3][0], upper[4][1]), (upper[0][0], upper[4][1])]
    assert lower[4][1] > max(y for _, y in _path(svg, "bound", 1))


def test_a_huge_early_bound_is_cut_and_does_not_flatten_the_path() -> None:
    high = Bounds((0.01, *LOOKS), (1e6, *BOUNDS.upper), (-1e6, *BOUNDS.lower))
    svg = _draw(PATH, bounds=high)
    heights = [y for _, y in _path(svg, "curve s1")]
    assert max(heights) - min(heights) > 30
    top = min(float(line.get("y2", "nan")) for line in svg.findall(".//line[@class='grid']"))
    assert min(y for _, y in _path(svg, "bound")) >= top - 0.01


def test_an_infinite_bound_has_no_line_but_no_rejection_either() -> None:
    svg = _draw([PathPoint(1.0, 0.5)], bounds=Bounds([0.0, 1.0], [math.inf] * 2, [-math.inf] * 2))
    assert not svg.findall(".//path[@class='bound']")
    assert not svg.findall(".//path[@class='reject']")


def test_first_looks_of_many_do_not_set_the_height() -> None:
    path = [PathPoint(n, 0.1, 0.1 - 30 / n, 0.1 + 30 / n) for n in range(1, 400)]
    svg = _draw(path)
    assert any("beyond the picture" in (text.text or "") for text in svg.iter("text"))
    ticks = [
        float(text.text) for text in svg.findall(".//text[@class='tick']") if re.fullmatch(r"-?[\d.]+", text.text or "")
    ]
    assert max(tick for tick in ticks if tick < 50) <= 1
    assert "no bound crossed" in (svg[1].text or "")


def test_a_look_at_which_harm_shows_points_down() -> None:
    svg = _draw([PathPoint(1, -1.0, -3, 1), PathPoint(2, -2.0, -3, -1, "bad", "wholly below zero")])
    (mark,) = svg.findall(".//polygon")
    assert mark.get("class") == "mark bad"
    corners = [float(point.split(",")[1]) for point in mark.get("points", "").split()]
    assert corners[0] > corners[1] == corners[2]

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from framework.records import Result
from framework.report import plots
from framework.report.charts import NARROW, WIDE, ForestRow, Layout, axis_of, fold, forest, share_bar

SPACE = "{http://www.w3.org/2000/svg}"


def _parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own text


def test_an_axis_has_round_ticks_and_holds_zero() -> None:
    axis = axis_of([0.013, 0.079], left=100, right=500, wanted=6)
    assert axis.ticks == pytest.approx((0, 0.02, 0.04, 0.06, 0.08))
    assert axis.x(0) == 100
    assert axis.x(0.08) == pytest.approx(500)
    assert axis.x(0.02) == pytest.approx(200)


def test_an_axis_of_one_value_or_of_none_is_still_an_axis() -> None:
    for values in ([], [0.0], [float("nan")], [3.0]):
        axis = axis_of(values, 0, 100)
        assert axis.low < axis.high


def test_a_known_effect_stands_at_its_coordinates() -> None:
    layout = Layout(width=628, label=100, text=100, size=10)
    # Axis from x = 114 to x = 514 over [-0.1, 0.3]: 1000 units of picture to 1 of effect.
    row = ForestRow("orders", "+0.1", estimate=0.1, low=-0.1, high=0.3, tone="good", word="better")
    svg = _parse(forest([row], layout, "title", lambda value: f"{value:g}"))
    whisker, *ends = svg.findall(".//line[@class='whisker good']")
    assert (whisker.get("x1"), whisker.get("x2")) == ("114", "514")
    assert whisker.get("y1") == whisker.get("y2") == "18"
    assert [end.get("x1") for end in ends] == ["114", "514"]
    assert svg.find(".//polygon").get("points") == "314,11 320.5,23 307.5,23"
    assert svg.find(".//line[@class='null']").get("x1") == "214"


def test_shape_tells_what_colour_tells() -> None:
    shapes = {}
    for tone in ("good", "bad", "neutral", "unclear"):
        svg = _parse(forest([ForestRow("m", "t", 1.0, 0.5, 1.5, tone, tone)], WIDE, "t", str))
        mark = next(element for element in svg.iter() if element.get("class", "").startswith("mark"))
        points = mark.get("points", "")
        first = float(points.split(",")[0]) if points else 0.0
        shapes[tone] = " ".join(f"{float(p.split(',')[0]) - first:.1f},{p.split(',')[1]}" for p in points.split())
    assert len(set(shapes.values())) == 4


def test_a_row_without_an_estimate_has_words_and_no_mark() -> None:
    svg = _parse(forest([ForestRow("m", "not drawn: too near to zero", tone="absent")], NARROW, "t", str))
    assert not svg.findall(".//line[@class='whisker absent']")
    assert any("not drawn" in (text.text or "") for text in svg.iter("text"))


def test_names_are_escaped_everywhere() -> None:
    evil = '</svg><script>alert("x")</script>'
    svg = forest([ForestRow(evil, evil, 1.0, 0.5, 1.5, "good", evil), ForestRow(evil, heading=True)], WIDE, evil, str)
    assert "<script" not in svg
    assert _parse(svg).tag == "svg"
    assert "<script" not in share_bar(0.5, evil)


def test_a_share_bar_is_as_long_as_its_share() -> None:
    assert _parse(share_bar(0.412, "x")).findall("rect")[1].get("width") == "41.2"
    assert _parse(share_bar(1.7, "x")).findall("rect")[1].get("width") == "100"
    assert _parse(share_bar(float("nan"), "x")).findall("rect")[1].get("width") == "0"


@pytest.mark.parametrize("text", ["a b", "one_two_three_four_five", "x" * 50, "", "a" * 9 + " " + "b" * 30])
def test_folding_loses_no_letter(text: str) -> None:
    lines = fold(text, 10)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= 10 for line in lines)


def test_every_evidence_has_its_plots_and_a_refused_ratio_says_why(result: Result) -> None:
    plot = plots.relative_plot(result, "holdout")
    assert plot is not None
    assert "not drawn" in plot.wide
    assert len(plots.absolute_plots(result, "holdout")) == 4
    assert [plot.title for plot in plots.segment_plots(result, "simulated")] == [
        "revenue_per_user, relative difference by segment, simulated"
    ]


def test_without_any_ratio_segments_are_drawn_in_the_metrics_unit(undecided: Result) -> None:
    assert plots.relative_plot(undecided, "simulated") is None
    (plot,) = plots.segment_plots(undecided, "simulated")
    assert plot.title == "revenue_per_user, difference in GBP by segment, simulated"

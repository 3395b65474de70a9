from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from framework.report.charts import NARROW, WIDE, Layout
from framework.report.rate_chart import RateRow, in_words, judged, rate_chart

HOLDS = RateRow("false positives", 0.048, 0.044, 0.053, 0.05)


def test_a_rate_is_said_with_its_interval_and_its_nominal() -> None:
    assert in_words(HOLDS) == "4.8\xa0% [4.4, 5.3], nominal 5\xa0%"
    assert in_words(RateRow("power", 0.812, 0.8, 0.823)) == "81.2\xa0% [80.0, 82.3]"
    assert in_words(RateRow("power", math.nan, math.nan, math.nan, 0.8)) == "not tried"


@pytest.mark.parametrize(
    ("row", "judgement"),
    [
        (HOLDS, ("good", "agrees")),
        (RateRow("fp", 0.07, 0.06, 0.08, 0.05), ("bad", "above")),
        (RateRow("fp", 0.03, 0.02, 0.04, 0.05), ("hold", "below")),
        (RateRow("power", 0.4, 0.39, 0.41, 0.8, "below"), ("bad", "below")),
        (RateRow("power", 0.9, 0.89, 0.91, 0.8, "below"), ("hold", "above")),
        (RateRow("power", 0.9, 0.89, 0.91), ("unclear", "")),
        (RateRow("fp", math.nan, math.nan, math.nan, 0.05), ("unclear", "not known")),
    ],
)
def test_the_side_that_harms_is_bad_the_other_a_caution(row: RateRow, judgement: tuple[str, str]) -> None:
    assert judged(row) == judgement


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_bars_begin_at_zero_and_end_at_their_rates(layout: Layout) -> None:
    rows = [HOLDS, RateRow("other", 0.072, 0.067, 0.077, 0.05)]
    svg = ET.fromstring(rate_chart(rows, layout, "t"))  # noqa: S314 - our own text
    zero = svg.find(".//line[@class='null']")
    assert zero is not None
    start = float(zero.get("x1", "nan"))
    bars = [bar for bar in svg.iter("rect") if "column" in bar.get("class", "")]
    widths = [float(bar.get("width", "nan")) for bar in bars]
    assert [float(bar.get("x", "nan")) for bar in bars] == [start, start]
    assert widths[1] / widths[0] == pytest.approx(0.072 / 0.048, rel=1e-3)
    for line in svg.findall(".//line[@class='nominal']"):
        assert float(line.get("x1", "nan")) == pytest.approx(start + widths[0] * 0.05 / 0.048, abs=0.02)
    low = svg.findall(".//line[@class='whisker actual']")[0]
    assert float(low.get("x1", "nan")) == pytest.approx(start + widths[0] * 0.044 / 0.048, abs=0.02)
    assert float(low.get("x2", "nan")) == pytest.approx(start + widths[0] * 0.053 / 0.048, abs=0.02)


def test_what_was_not_tried_has_words_and_no_bar() -> None:
    svg = rate_chart([RateRow("fp", math.nan, math.nan, math.nan, 0.05)], WIDE, "t")
    assert "not tried" in svg
    assert "column" not in svg

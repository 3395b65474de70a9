from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from framework.report.charts import NARROW, WIDE, ForestRow, forest
from framework.report.coverage_chart import CoverageCell, coverage_table
from framework.report.standalone import standalone

TABLE = coverage_table(
    ["Welch"], ["normal"], {("Welch", "normal"): CoverageCell(0.87, 0.86, 0.88, warned=True)}, WIDE, "t"
)
FOREST = forest([ForestRow("orders", "+1", 1.0, 0.5, 1.5, "good", "better")], NARROW, "t", str)


@pytest.mark.parametrize("chart", [TABLE, FOREST], ids=["table", "forest"])
def test_a_file_stands_by_itself(chart: Markup) -> None:
    text = standalone(chart)
    svg = ET.fromstring(text)  # noqa: S314 - our own text
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in text
    assert "@media" not in text
    assert "url(" not in text
    left, top, width, height = (float(part) for part in svg.get("viewBox", "").split())
    assert (svg.get("width"), svg.get("height")) == (f"{width:g}", f"{height:g}")
    assert left < 0
    assert top < 0


def test_every_class_of_the_chart_has_its_rule_and_what_is_not_the_charts_is_left_behind() -> None:
    text = standalone(TABLE)
    style = text[text.index("<style>") : text.index("</style>")]
    used = {name for found in re.findall(r'class="([^"]+)"', text) for name in found.split()}
    assert {name for name in used if f".{name}" not in style} == set()
    assert ".badge" not in style
    assert "body" not in style


def test_colours_are_the_light_ones_on_light_paper() -> None:
    text = standalone(TABLE)
    assert ".mark.bad { fill: #b03a1c; }" in text
    assert ".chart .paper { fill: #fbfaf7; }" in text
    paper = text.index('<rect class="paper"')
    assert paper < text.index("<text")


def test_the_same_chart_gives_the_same_bytes() -> None:
    assert standalone(TABLE) == standalone(TABLE)


def test_what_is_no_chart_is_refused() -> None:
    with pytest.raises(ValueError, match="not a chart"):
        standalone(Markup("<p>no</p>"))

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from framework.report.charts import NARROW, WIDE, Layout
from framework.report.rank_chart import rank_chart

RANKS = [("als", 3.0), ("popular", 4.5), ("ease", 1.5), ("knn", 2.0)]


def _draw(ranks: list[tuple[str, float]] = RANKS, layout: Layout = WIDE, **more: object) -> ET.Element:
    return ET.fromstring(rank_chart(ranks, layout, "t", **more))  # type: ignore[arg-type]  # noqa: S314 - our own text


def _dots(svg: ET.Element) -> dict[str, tuple[float, float]]:
    found = {}
    for dot in svg.findall(".//path[@class='dot s1']"):
        x, y = map(float, re.findall(r"-?[\d.]+", dot.get("transform", "")))
        found[(dot[0].text or "").rsplit(" ", 1)[0]] = (x, y)
    return found


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_systems_stand_at_their_ranks_best_at_the_left(layout: Layout) -> None:
    dots = _dots(_draw(layout=layout))
    scale = (dots["popular"][0] - dots["ease"][0]) / 3
    assert dots["knn"][0] == pytest.approx(dots["ease"][0] + 0.5 * scale, abs=0.02)
    assert dots["als"][0] == pytest.approx(dots["ease"][0] + 1.5 * scale, abs=0.02)
    assert scale > 0


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_critical_difference_is_as_long_as_it_says(layout: Layout) -> None:
    svg = _draw(layout=layout, critical=1.25)
    dots = _dots(svg)
    length = svg.find(".//line[@class='whisker actual']")
    assert length is not None
    drawn = float(length.get("x2", "nan")) - float(length.get("x1", "nan"))
    assert drawn == pytest.approx((dots["popular"][0] - dots["ease"][0]) / 3 * 1.25, abs=0.02)
    assert any(text.text == "CD 1.25" for text in svg.iter("text"))


def test_a_critical_difference_longer_than_the_ranks_still_fits() -> None:
    svg = _draw(critical=9.0)
    length = svg.find(".//line[@class='whisker actual']")
    assert length is not None
    assert float(length.get("x2", "nan")) <= WIDE.width


def test_a_clique_joins_its_systems_and_no_other() -> None:
    svg = _draw(cliques=[["als", "knn"]])
    dots = _dots(svg)
    (bar,) = svg.findall(".//line[@class='clique']")
    start, end = float(bar.get("x1", "nan")), float(bar.get("x2", "nan"))
    assert dots["ease"][0] < start <= dots["knn"][0]
    assert dots["als"][0] <= end < dots["popular"][0]


def test_a_narrow_clique_joins_rows() -> None:
    svg = _draw(layout=NARROW, cliques=[["als", "knn"]])
    dots = _dots(svg)
    (bar,) = svg.findall(".//line[@class='clique']")
    start, end = float(bar.get("y1", "nan")), float(bar.get("y2", "nan"))
    assert dots["ease"][1] < start <= dots["knn"][1]
    assert dots["als"][1] <= end < dots["popular"][1]
    assert float(bar.get("x1", "nan")) > max(x for x, _ in dots.values())


def test_bars_that_overlap_or_nearly_touch_stand_on_levels_of_their_own() -> None:
    ranks = [(f"s{n}", 1 + n * 0.5 if n != 3 else 2.02) for n in range(8)]
    svg = _draw(ranks, cliques=[["s0", "s2"], ["s3", "s5"], ["s1", "s4"], ["s6", "s7"]])
    bars = [
        tuple(float(bar.get(key, "nan")) for key in ("x1", "x2", "y1"))
        for bar in svg.findall(".//line[@class='clique']")
    ]
    assert len(bars) == 4
    for index, one in enumerate(bars):
        for other in bars[index + 1 :]:
            assert one[2] != other[2] or one[1] + 8 < other[0] or other[1] + 8 < one[0]
    # s2 ends at rank 2.00 and s3 begins at 2.02: in one line they would read as one bar.
    assert bars[0][2] != next(bar for bar in bars if bar[0] > bars[0][1] - 10)[2]


def test_a_clique_of_one_or_of_a_system_without_rank_has_no_bar() -> None:
    svg = _draw([*RANKS, ("absent", math.nan)], cliques=[["als"], ["knn", "absent"]])
    assert not svg.findall(".//line[@class='clique']")
    assert any("Without a rank: absent" in (text.text or "") for text in svg.iter("text"))


def test_an_unknown_system_in_a_clique_is_no_silence() -> None:
    with pytest.raises(KeyError):
        _draw(cliques=[["als", "ase"]])


@pytest.mark.parametrize("n", [2, 7, 40])
def test_leads_never_cross_and_labels_never_meet(n: int) -> None:
    rng = np.random.default_rng(n)
    ranks = [(f"system with a name {k}", float(rank)) for k, rank in enumerate(rng.uniform(1, n, n))]
    svg = _draw(ranks)
    leads = []
    for lead in svg.findall(".//polyline[@class='lead']"):
        (x, top), (_, row), (edge, _) = (
            tuple(map(float, point.split(","))) for point in lead.get("points", "").split()
        )
        leads.append((x, top, row, edge))
    assert len(leads) == n
    rows = {side: sorted(row for x, _, row, edge in leads if (edge < x) == side) for side in (True, False)}
    assert all(min(np.diff(row), default=99) > WIDE.size for row in rows.values())
    for x, _, row, _ in leads:
        for other_x, _, other_row, edge in leads:
            # Another's level part crosses this upright only if it passes it above where this one turns.
            passes = min(other_x, edge) + 1e-6 < x < max(other_x, edge) - 1e-6
            assert not (passes and other_row < row - 1e-6)

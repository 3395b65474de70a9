"""Accuracy beside cost, and how rankings were judged: the exact front, names that stay clear, every figure told."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from framework.records import ArmValue, Result
from framework.report.blocks import Grid, Words, section
from framework.report.charts import NARROW, WIDE, Layout
from framework.report.cost_section import cost_section
from framework.report.page import render
from framework.report.pareto_chart import Priced, pareto_chart, pareto_front
from framework.report.plots import Plot
from framework.report.ranking_section import ranking_section
from framework.report.sections import own_sections
from tests.unit.report.conftest import CONTROL, TREATMENTS

BASELINE = "random (baseline)"
MONEY = {"fit_seconds": 0.1234, "peak_bytes": 250_000_000, "model_bytes": 1_500_000, "requests": 200}
COSTS = {
    CONTROL: {**MONEY, "p50_ms": 0.5, "p95_ms": 1.0, "users_per_second": 1234.5, "model_bytes": None},
    "als": {**MONEY, "p50_ms": 2.0, "p95_ms": 12.3456, "users_per_second": 99.0, "fit_seconds": 5.0},
    TREATMENTS[1]: {**MONEY, "p50_ms": 0.5, "p95_ms": 4.0, "users_per_second": None, "requests": 150},
    BASELINE: {**MONEY, "p50_ms": 0.5, "p95_ms": 2.0, "users_per_second": 1.0, "peak_bytes": 4096, "fit_seconds": None},
}


def points(*rows: tuple[float, float]) -> list[Priced]:
    return [Priced(str(place), cost, value) for place, (cost, value) in enumerate(rows)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("higher", [True, False])
def test_the_front_is_what_no_other_beats(seed: int, higher: bool) -> None:
    rng = np.random.default_rng(seed)
    arms = points(*zip(rng.integers(1, 9, 30).astype(float), rng.integers(0, 9, 30).astype(float), strict=True))
    front = {arm.label for arm in pareto_front(arms, higher_is_better=higher)}
    for arm in arms:
        as_good = [
            other
            for other in arms
            if other.cost <= arm.cost and (other.value >= arm.value if higher else other.value <= arm.value)
        ]
        beaten = any((other.cost, other.value) != (arm.cost, arm.value) for other in as_good)
        assert (arm.label in front) != beaten


def test_the_front_goes_from_the_cheapest_and_keeps_equals() -> None:
    arms = points((10, 0.5), (1, 0.1), (1, 0.1), (5, 0.4), (6, 0.4), (2, 0.1))
    assert [arm.label for arm in pareto_front(arms)] == ["1", "2", "3", "0"]
    assert [arm.label for arm in pareto_front(arms, higher_is_better=False)] == ["1", "2"]


def drawn(arms: list[Priced], layout: Layout) -> ET.Element:
    chart = pareto_chart(arms, layout, "t", across="cost, ms", up=("recall", lambda value: f"{value:.2f}"))
    return ET.fromstring(chart)  # noqa: S314 - our own text


def arms_of(seed: int, count: int) -> list[Priced]:
    rng = np.random.default_rng(seed)
    values, costs = rng.uniform(0.0, 0.5, count), 10 ** rng.uniform(-2, 1, count)
    return [
        Priced(f"arm_{n} (baseline)", cost, value, value - 0.02, value + 0.03, baseline=n % 3 == 2)
        for n, (cost, value) in enumerate(zip(costs, values, strict=True))
    ]


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("seed", range(6))
def test_names_cover_neither_one_another_nor_a_dot(seed: int, layout: Layout) -> None:
    arms = arms_of(seed, 7)
    svg = drawn(arms, layout)
    texts = [arm.label for arm in arms] if layout.label else [str(n) for n in range(1, 8)]
    names = [text for text in svg.iter("text") if text.text in texts and "tick" not in text.get("class", "")]
    assert len(names) == 7
    boxes = []
    for name in names:
        x, y, width = float(name.get("x", "")), float(name.get("y", "")), len(name.text or "") * layout.size * 0.6
        left = x - width if name.get("text-anchor") == "end" else x
        assert 0 <= left <= left + width <= layout.width
        boxes.append((left, y - layout.size * 0.8, left + width, y + layout.size * 0.2))
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    for mark in svg.iter("path"):
        if "dot" in mark.get("class", "").split():
            x, y = map(float, re.findall(r"-?[\d.]+", mark.get("transform", "")))
            assert not any(left < x < right and top < y < bottom for left, top, right, bottom in boxes)


def test_costs_stand_on_a_log_scale_and_intervals_on_the_values() -> None:
    svg = drawn([Priced("a", 0.1, 0.2, 0.1, 0.3), Priced("b", 1.0, 0.2), Priced("c", 10.0, 0.4, 0.3, 0.5)], WIDE)
    dots = {
        (mark[0].text or "").partition(":")[0]: tuple(map(float, re.findall(r"-?[\d.]+", mark.get("transform", ""))))
        for mark in svg.iter("path")
        if "dot" in mark.get("class", "").split()
    }
    assert dots["b"][0] - dots["a"][0] == pytest.approx(dots["c"][0] - dots["b"][0], abs=0.02)
    bars = [line for line in svg.iter("line") if line.get("class", "").startswith("whisker")]
    assert len(bars) == 2
    ends = sorted(float(bars[0].get(key, "")) for key in ("y1", "y2"))
    assert sum(ends) / 2 == pytest.approx(dots["a"][1], abs=0.02)
    per_unit = (dots["a"][1] - dots["c"][1]) / 0.2
    assert ends[1] - ends[0] == pytest.approx(0.2 * per_unit, abs=0.05)


def priced(result: Result) -> Result:
    arm = ArmValue(BASELINE, "ndcg@10", "holdout", None, 4312, 0.012, 0.010, 0.014)
    config = {**result.config, "trial": {**result.config["trial"], "positions": 10, "candidates": 50}}
    return replace(result, times={**result.times, "costs": COSTS}, arms=(*result.arms, arm), config=config)


def test_every_arm_stands_with_its_value_and_its_costs(result: Result) -> None:
    title, blocks = cost_section(priced(result))
    (grid,) = [block for block in blocks if isinstance(block, Grid)]
    assert title == "Accuracy and cost"
    assert grid.header[1:3] == ("ndcg@10", "95 % interval")
    rows = {row[0]: row[1:] for row in grid.rows}
    assert list(rows) == list(COSTS)
    assert rows[BASELINE] == (
        *("0.0120", "0.0100 to 0.0140"),
        *("n/a", "0.500", "2.00", "< 0.1", "1.5", "1"),
    )
    assert rows["als"][2:] == ("5.00", "2.00", "12.3", "250.0", "1.5", "99")
    assert rows[CONTROL][6:] == ("n/a", "1,234")
    said = " ".join(block.text for block in blocks if isinstance(block, Words))
    assert "page of 10 out of 50 candidates" in said
    assert "150 to 200 an arm" in said
    assert "no test, correction or verdict knows of it" in said
    # 0.0712 times 1, 1.05 and 1.1 for 1, 12.3 and 4 ms: als is beaten by the dearer name's better and quicker arm.
    assert f"p95 of one request: {CONTROL}, {TREATMENTS[1]}; time to fit: {TREATMENTS[1]}." in said
    assert [block.title for block in blocks if isinstance(block, Plot)] == [
        "ndcg@10 (holdout) against p95 of one request",
        "ndcg@10 (holdout) against time to fit",
    ]


def test_without_costs_there_is_no_section(result: Result) -> None:
    assert cost_section(result)[1] == []
    assert "Accuracy and cost" not in [own.title for own in own_sections(result)]


def test_the_page_explains_costs_and_baselines_and_keeps_them_out_of_the_times(result: Result) -> None:
    shown = priced(result)
    page = render(shown, own_sections(shown))
    for word in ("Fit, p50, p95, memory, size", "A simple ranking beside which"):
        assert word in page
        assert word not in render(result, own_sections(result))
    assert "peak_bytes" not in page


def test_the_terminal_shows_the_short_form(result: Result) -> None:
    text = section(*cost_section(priced(result))).text
    lines = [line for line in text.splitlines() if line.startswith("als")]
    assert lines[0].split() == ["als", "0.0748", "5.00", "12.3", "250.0", "1.5"]


GROUPS: dict[str, Any] = {
    "evidence": "holdout",
    "positions": 10,
    "catalogue": 3624,
    "users": 1547,
    "head_share": 0.5,
    "metric": "ndcg@10",
    "groups": [
        {"group": "hot", "items": 5, "share_before": 0.512, "purchases": 60, "share": 0.6, "users": 40},
        {"group": "warm", "items": 90, "share_before": 0.488, "purchases": 40, "share": 0.4, "users": 30},
        {"group": "cold", "items": 7, "share_before": 0.0, "purchases": 0, "share": 0.0, "users": 0},
    ],
    "arms": [
        {"strategy": "als", "group": "hot", "found": 30, "recall": 0.5, "value": 0.25},
        {"strategy": "als", "group": "warm", "found": 2, "recall": 0.05, "value": 0.0125},
        {"strategy": "als", "group": "cold", "found": 0, "recall": None, "value": None},
    ],
}


def judged(result: Result, *ties: tuple[str, float | None, float | None], **changes: Any) -> Result:
    rows = [{"evidence": "holdout", "strategy": name, "tied": a, "tied_at_cut": b} for name, a, b in ties]
    return replace(result, health={**result.health, "ties": rows, "item_groups": [{**GROUPS, **changes}]})


def test_ties_are_told_of_every_arm(result: Result) -> None:
    _, blocks = ranking_section(judged(result, ("als", 0.5, 0.125), ("foreign", None, None)))
    grids = {block.label: block for block in blocks if isinstance(block, Grid)}
    assert grids["Users with ties"].rows == (("als", "50.0 %", "12.5 %"), ("foreign", "n/a", "n/a"))
    said = " ".join(block.text for block in blocks if isinstance(block, Words))
    assert "ranked the whole catalogue of 3,624 items for each of 1,547 users" in said
    assert "Equal scores go by item index" in said


def test_no_ties_at_all_are_one_sentence(result: Result) -> None:
    _, blocks = ranking_section(judged(result, ("als", 0.0, 0.0)))
    assert "Users with ties" not in [block.label for block in blocks if isinstance(block, Grid)]
    assert any("no arm had a user two equal scores" in block.text for block in blocks if isinstance(block, Words))


def test_groups_of_items_and_arms_within_them(result: Result) -> None:
    _, blocks = ranking_section(judged(result, ("als", 0.0, 0.0)))
    first, found, metric = [block for block in blocks if isinstance(block, Grid)]
    assert first.rows[0] == ("hot", "5", "51.2 %", "60", "60.0 %", "40")
    assert found.header == ("Arm", "Hot", "Warm", "Cold")
    assert found.rows == (("als", "50.0 %", "5.0 %", "n/a"),)
    assert metric.rows == (("als", "0.250", "0.0125", "n/a"),)
    assert len([block for block in ranking_section(judged(result, metric=None))[1] if isinstance(block, Grid)]) == 2
    assert ranking_section(result)[1] == []

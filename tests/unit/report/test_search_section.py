"""The section on a search: every arm's budget stands there, charts draw each trial, nothing searched says nothing."""

from __future__ import annotations

import math
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markupsafe import Markup

from framework.report.blocks import Grid, Words
from framework.report.charts import NARROW, WIDE, Layout
from framework.report.plots import Plot
from framework.report.search_charts import Trials, front_chart, history_chart, parallel_chart
from framework.report.search_section import search_blocks
from tests.unit.report import test_chart_family as family

GOALS = [
    {"label": "ndcg@10", "direction": "maximize", "unit": "score"},
    {"label": "latency", "direction": "minimize", "unit": "milliseconds a user"},
]
HISTORY = [
    ("finished", {"size": 4, "kind": "a"}, [0.30, 2.0]),
    ("failed", {"size": 99, "kind": "b"}, []),
    ("finished", {"size": 64, "kind": "b", "more": 0.5}, [0.40, 9.0]),
    ("pruned", {"size": 8, "kind": "a"}, [0.10]),
    ("finished", {"size": 16, "kind": "b"}, [0.35, 3.0]),
    ("finished", {"size": 2, "kind": "a"}, [0.20, 2.5]),
]


def record(name: str = "new", goals: int = 1, **changes: Any) -> dict[str, Any]:
    history = [
        {"number": number, "state": state, "params": params, "values": values[:goals]}
        for number, (state, params, values) in enumerate(HISTORY)
    ]
    return {
        "strategy": name,
        "recommender": "als",
        "budget": {"trials": 6, "seconds": None},
        "sampler": "tpe",
        "pruner": "median",
        "objectives": GOALS[:goals],
        "space": {"size": "2 to 99 on a log scale", "kind": "a or b", "more": "0 to 1, where kind is b"},
        "trials": {"tried": 6, "finished": 4, "pruned": 1, "failed": 1},
        "best": {"number": 2, "params": HISTORY[2][1], "values": HISTORY[2][2][:goals]},
        "own": {"number": 0, "params": HISTORY[0][1], "values": HISTORY[0][2][:goals]},
        "front": [0, 2, 4] if goals == 2 else [2],
        "importances": {"size": 0.75, "kind": 0.25},
        "history": history,
        **changes,
    }


IDLE = record("popular", space={}, trials={"tried": 0, "finished": 0, "pruned": 0, "failed": 0})


def words(blocks: list[Any]) -> str:
    return " ".join(block.text for block in blocks if isinstance(block, Words))


def grids(blocks: list[Any]) -> list[Grid]:
    return [block for block in blocks if isinstance(block, Grid)]


def test_every_arm_stands_there_with_its_budget_trials_and_space() -> None:
    blocks = search_blocks([IDLE, record()], {"new": 12.34})
    assert "the same budget, 6 trials" in words(blocks)
    assert not any(block.alert for block in blocks if isinstance(block, Words))
    table, spaces = grids(blocks)
    assert [row[:3] for row in table.rows] == [("popular", "als", "nothing to search"), ("new", "als", "6")]
    assert table.rows[1][3:] == ("1", "1", "0.300", "0.400")
    assert all(len(row) == len(table.header) for row in table.rows)
    assert [row[1:] for row in spaces.rows] == [
        ("size", "2 to 99 on a log scale", "64", "12.3 s"),
        ("kind", "a or b", "b", ""),
        ("more", "0 to 1, where kind is b", "0.5", ""),
    ]


def test_arms_that_were_tried_less_often_are_told() -> None:
    less = record("less", trials={"tried": 2, "finished": 2, "pruned": 0, "failed": 0})
    blocks = search_blocks([record(), less], {})
    assert any("new 6, less 2" in block.text for block in blocks if isinstance(block, Words) and block.alert)
    timed = [{**own, "budget": {"trials": None, "seconds": 60.0}} for own in (record(), less)]
    told = words(search_blocks(timed, {}))
    assert "60 seconds of fitting and ranking" in told
    assert "equally often" not in told


def test_a_twin_points_to_the_strategy_that_was_searched() -> None:
    blocks = search_blocks([record(), {**record("twin"), "as": "new"}], {})
    assert grids(blocks)[0].rows[1][2] == "with new"
    assert sum(isinstance(block, Plot) for block in blocks) == 3


def test_two_objectives_show_what_none_beats() -> None:
    blocks = search_blocks([record(goals=2)], {})
    front = next(grid for grid in grids(blocks) if "none beats" in grid.label)
    assert [row[:3] for row in front.rows] == [("0", "0.300", "2.00"), ("2", "0.400", "9.00"), ("4", "0.350", "3.00")]
    assert any(isinstance(block, Plot) and "against latency" in block.title for block in blocks)


def test_nothing_searched_says_nothing() -> None:
    assert search_blocks([], {}) == []
    assert search_blocks([IDLE], {}) == []


def test_the_best_so_far_never_falls_behind() -> None:
    nan = math.nan
    best = Trials("x", range(5), [nan, 2.0, 3.0, nan, 1.0]).best_so_far
    assert math.isnan(best[0])
    assert best[1:] == [2.0, 3.0, 3.0, 3.0]
    assert Trials("x", range(3), [2.0, 3.0, 1.0], maximize=False).best_so_far == [2.0, 2.0, 1.0]


@pytest.mark.parametrize("layout", [WIDE, NARROW])
def test_every_trial_is_drawn(layout: Layout) -> None:
    def tick(value: float) -> str:
        return f"{value:.2f}"

    values = [trial[2][0] if trial[0] == "finished" else math.nan for trial in HISTORY]
    history = history_chart([Trials("<new>", range(6), values)], layout, "history", up=("ndcg", tick))
    points = [(0, 2.0, 0.3), (2, 9.0, 0.4), (5, 2.5, 0.2)]
    front = front_chart(points, [0, 2], layout, "front", across=("latency", tick), up=("ndcg", tick))
    rows = [trial[1] for trial in HISTORY if trial[0] == "finished"]
    parallel = parallel_chart(rows, [0.3, 0.4, 0.35, 0.2], layout, "parallel")
    for picture, kind, count in ((history, "dot", 4), (front, "dot", 3), (parallel, "lead", 3)):
        tree = ET.fromstring(str(picture))  # noqa: S314 (our own picture)
        drawn = [part for part in tree.iter("path") if str(part.get("class")).split()[0] == kind]
        samples = len([part for part in drawn if part.find("title") is None]) if kind == "dot" else 0
        assert len(drawn) - samples == count
        assert "nan" not in str(picture)


def test_one_trial_or_one_value_still_makes_a_picture() -> None:
    for layout in (WIDE, NARROW):
        assert "nan" not in history_chart([Trials("x", [0], [1.0])], layout, "t", up=("y", str))
        assert "nan" not in parallel_chart([{"a": 1, "b": True}], [1.0], layout, "t")


def _history(layout: Layout, name: str) -> Markup:
    lines = [Trials(f"{name} {n}", range(30), [math.sin(n * k) for k in range(30)]) for n in (1, 2)]
    return history_chart(lines, layout, name, up=(name, lambda value: f"{value:.2f}"))


def _front(layout: Layout, name: str) -> Markup:
    points = [(k, math.cos(k) ** 2, math.sin(k)) for k in range(25)]
    axes = ((name, lambda value: f"{value:.2f}"), (name, lambda value: f"{value:.2f}"))
    return front_chart(points, [1, 3], layout, name, across=axes[0], up=axes[1])


def _parallel(layout: Layout, name: str) -> Markup:
    rows = [{name: 2**k, "learning_rate": 10.0**-k, "kind": "ab"[k % 2], "weight_decay": k / 7} for k in range(8)]
    rows.append({name: 3, "learning_rate": 0.001})
    return parallel_chart(rows, [float(k) for k in range(9)], layout, name)


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("chart", [_history, _front, _parallel])
def test_the_charts_hold_to_the_rules_of_their_family(chart: Any, layout: Layout) -> None:
    family.test_a_chart_is_well_formed_named_and_described(chart, layout)
    family.test_text_is_escaped(chart, layout)
    family.test_no_text_lies_over_another_or_leaves_the_picture(chart, layout)
    family.test_every_coordinate_is_a_number_inside_the_picture(chart, layout)
    family.test_every_class_has_a_rule_in_the_pages_style(chart)
    family.test_thousands_of_points_stay_a_small_picture(chart, layout)

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from framework.report.axes import Panel, area, curve, frame, log_axis, margin, power_of_ten, thinned, value_axis
from framework.report.charts import NARROW, WIDE, Axis

# 100 units of picture to 1 across, 10 units to 1 upwards.
PANEL = Panel(Axis(0, 4, 100, 500, (0.0, 2.0, 4.0)), Axis(0, 20, 300, 100, (0.0, 10.0, 20.0)))


def _points(path: str) -> list[list[tuple[float, float]]]:
    """Return the pieces of a path, each as its points."""
    drawn = re.search(r' d="([^"]*)"', path)
    pieces = drawn.group(1).split("M")[1:] if drawn else []
    return [[tuple(map(float, point.split())) for point in piece.strip("Z").split("L")] for piece in pieces]  # type: ignore[misc]


def test_a_panel_maps_larger_values_right_and_up() -> None:
    assert PANEL.at(1, 5) == (200, 250)
    placed = [PANEL.at(value, value) for value in np.linspace(0, 4, 50)]
    assert all(one[0] < other[0] and one[1] > other[1] for one, other in itertools.pairwise(placed))


def test_what_lies_beyond_a_panel_stands_at_its_edge() -> None:
    assert PANEL.at(-math.inf, math.inf) == (100, 100)
    assert PANEL.at(99, -99) == (500, 300)
    assert all(math.isnan(place) for place in PANEL.at(math.nan, math.nan))


@pytest.mark.parametrize(
    "values",
    [[], [math.nan], [math.inf, 1.0], [3.0], [1e9, 1e9 + 1e-7], [5e-324], [-1e299, 1e299], [1e308, 2.0], [0.0, -0.0]],
)
@pytest.mark.parametrize("zero", [True, False])
def test_any_numbers_give_an_axis_that_holds_them(values: list[float], zero: bool) -> None:
    axis = value_axis(values, 0, 100, zero=zero, pad=0.05)
    assert axis.low < axis.high
    # Values that differ by less than 1e-9 of their size count as one.
    assert all(
        axis.low - 1e-9 * abs(value) <= value <= axis.high + 1e-9 * abs(value) for value in values if abs(value) < 1e300
    )
    assert 2 <= len(axis.ticks) <= 20


def test_a_log_axis_holds_its_ends_and_ticks_on_powers_of_ten() -> None:
    axis = log_axis(2e-308, 1.0, 0, 308)
    assert (axis.low, axis.high) == (-308, 0)
    assert len(axis.ticks) <= 8
    assert axis.ticks[-1] == 0
    assert all(tick == round(tick) for tick in axis.ticks)
    assert log_axis(1.0, 1.0, 0, 1).high == 1
    assert log_axis(0.01, 100, 0, 400).x(0) == 200


@pytest.mark.parametrize(
    ("exponent", "said"), [(-308, "1e-308"), (-2, "0.01"), (0, "1"), (2, "100"), (4, "10\u202f000"), (7, "1e7")]
)
def test_a_power_of_ten_is_printed_short(exponent: float, said: str) -> None:
    assert power_of_ten(exponent) == said


def test_a_line_breaks_where_a_value_is_missing() -> None:
    pieces = _points(curve(PANEL, [0, 1, 2, 3, 4], [10, 10, math.nan, 0, 20], "curve"))
    assert pieces == [[(100, 200), (200, 200)], [(400, 300), (500, 100)]]
    assert curve(PANEL, [1.0], [1.0], "curve") == ""


def test_a_line_is_cut_where_it_crosses_the_edge() -> None:
    # From 0 to 40 over one unit it meets the upper edge, 20, half way; it comes back half way down.
    pieces = _points(curve(PANEL, [0, 1, 2, 3], [0, 40, 40, 0], "curve"))
    assert pieces == [[(100, 300), (150, 100)], [(350, 100), (400, 300)]]
    assert curve(PANEL, [0, 1], [50, 60], "curve") == ""
    # A steep passage through the whole panel and out again below.
    assert _points(curve(PANEL, [0, 1], [-20, 40], "c")) == [
        [(pytest.approx(133.33), 300), (pytest.approx(166.67), 100)]
    ]


def test_an_area_is_kept_to_the_panel_and_one_point_is_a_column() -> None:
    (whole,) = _points(area(PANEL, [0, 1], [-math.inf, 5], [math.inf, 15], "area"))
    assert whole == [(100, 100), (200, 150), (200, 250), (100, 300)]
    (column,) = _points(area(PANEL, [2.0], [5.0], [15.0], "area"))
    assert column == [(296, 150), (304, 150), (304, 250), (296, 250)]
    assert area(PANEL, [1.0, 2.0], [math.nan, 9.0], [1.0, 8.0], "area") == ""


def test_thinning_keeps_both_ends_and_every_extreme() -> None:
    rng = np.random.default_rng(1)
    points = [(float(x), float(y)) for x, y in zip(np.linspace(0, 99.9, 50_000), rng.normal(size=50_000), strict=True)]
    kept = thinned(points)
    assert len(kept) <= 4 * 51
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert min(kept, key=lambda point: point[1]) == min(points, key=lambda point: point[1])
    assert max(kept, key=lambda point: point[1]) == max(points, key=lambda point: point[1])
    assert kept == sorted(kept)
    assert thinned(points[:200]) == points[:200]


def test_ticks_too_wide_for_their_gap_are_printed_less_often() -> None:
    across = Axis(0, 10, 60, 330, tuple(float(value) for value in range(11)))
    panel = Panel(across, PANEL.up)
    short = frame(panel, NARROW, ("x", lambda v: f"{v:g}"), ("y", lambda v: f"{v:g}"))
    long = frame(panel, NARROW, ("x", lambda v: f"{v:g} thousand"), ("y", lambda v: f"{v:g}"))
    assert sum(part.startswith("<text") for part in short) == 11 + 3 + 2
    # A text of "0 thousand" takes 66 units, a gap is 27: every third.
    assert sum("thousand" in part for part in long) == 4


def test_the_margin_holds_the_widest_tick() -> None:
    narrow = margin(PANEL.up, lambda v: f"{v:g}", WIDE)
    assert margin(PANEL.up, lambda v: f"GBP {v:.2f}", WIDE) > narrow > 10

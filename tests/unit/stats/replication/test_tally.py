"""Counts of replications and their exact intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framework.stats.replication.replay import Replayed
from framework.stats.replication.tally import share_of, tallied


@pytest.mark.parametrize(("hits", "n"), [(0, 100), (1, 100), (50, 1000), (503, 10_000), (100, 100)])
def test_intervals_are_clopper_and_pearsons(hits: int, n: int) -> None:
    from scipy import stats
    from statsmodels.stats.proportion import proportion_confint

    own = share_of(hits, n)
    exact = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert (own.low, own.high) == pytest.approx((exact.low, exact.high), abs=1e-12)
    assert (own.low, own.high) == pytest.approx(proportion_confint(hits, n, method="beta"), abs=1e-12)
    assert own.share == hits / n


def test_nothing_known_is_anything_from_0_to_1() -> None:
    own = share_of(0, 0)
    assert (own.n, own.low, own.high) == (0, 0.0, 1.0)


def test_counts_by_hand(make_pool: Any, make_plan: Any) -> None:
    plan = make_plan(make_pool(60, arms=3), metrics=("mean",), segments=False)
    assert [(one.control, one.treatment) for one in plan.asked] == [
        ("arm 0", "arm 1"),
        ("arm 0", "arm 2"),
        ("arm 1", "arm 2"),
    ]
    p = np.array([[0.01, 0.2, 0.04, np.nan], [0.5, 0.02, 0.5, 0.5], [0.01, 0.01, 0.5, 0.5]])
    found = Replayed(
        truth=np.zeros((3, 4)),
        covered=np.array([[False, True, False, False], [True, False, True, True], [False, False, True, True]]),
        estimate=np.zeros((3, 4)),
        p_value=p,
        p_adjusted=2 * p,
        standard_error=np.where(np.isnan(p), np.nan, 0.5),
        decisions={"arm 1": np.array([0, 3, 3, 1], np.int8), "arm 2": np.array([3, 0, 3, 2], np.int8)},
    )
    tally = tallied(plan, found)
    first = tally.effects[0]
    assert (first.rejected.hits, first.rejected.n) == (2, 3)
    assert (first.coverage.hits, first.coverage.n) == (1, 3)
    assert (first.rejected_after_correction.hits, first.rejected_after_correction.n) == (1, 3)
    assert first.standard_error == 0.5
    # The pair of two treatments is no test against the control: its 0.01 in the second replication does not count.
    assert (tally.any_corrected["made up"].hits, tally.any_corrected["made up"].n) == (2, 4)
    assert tally.any_segment == {}
    assert tally.any_ship.hits == 2
    assert {word: own.hits for word, own in tally.decisions["arm 1"].items()} == {
        "ship": 1,
        "hold": 1,
        "stop": 0,
        "undecided": 2,
    }

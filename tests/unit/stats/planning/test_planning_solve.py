"""Solvers are believed only where the power confirms them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.planning.means import power_mean, units_for_mean
from framework.stats.planning.mismatch import power_of_mismatch, units_for_mismatch
from framework.stats.planning.solve import MOST_UNITS, solve
from framework.stats.planning.statistic import power_of_statistic


def gap(n):
    """Power of a z test with noncentrality sqrt(n) / 10, less 0.8: its root has a closed form up to the far tail."""
    return power_of_statistic(math.sqrt(n) / 10, None, 0.05, 1) - 0.8


EXACT = 100 * (1.6448536269514722 + 0.8416212335729143) ** 2


def failing():
    raise RuntimeError("no convergence")


def warning():
    warnings.warn("out of range", RuntimeWarning, stacklevel=1)
    return 10.0


@pytest.mark.parametrize(
    "answer",
    [lambda: 10.0, lambda: 1e12, lambda: math.nan, lambda: math.inf, lambda: -EXACT, lambda: 1.01 * EXACT],
    ids=["start value", "bound", "nan", "infinite", "negative", "stopped early"],
)
def test_nonsense_is_replaced_by_the_bracketed_root(answer):
    assert solve(gap, 2.0, ask=answer) == pytest.approx(EXACT, rel=1e-10)


@pytest.mark.parametrize("answer", [failing, warning])
def test_a_solver_that_fails_or_warns_does_not_stop_the_plan(answer):
    assert solve(gap, 2.0, ask=answer) == pytest.approx(EXACT, rel=1e-10)


@pytest.mark.parametrize("wrapped", [float, np.float64, lambda x: np.array([x]), np.array])
def test_a_confirmed_answer_is_taken_as_it_is(wrapped):
    # Off by less than the tolerance allows: had the root been bracketed, the last digits would differ.
    answer = EXACT * (1 + 1e-9)
    assert solve(gap, 2.0, ask=lambda: wrapped(answer)) == answer
    assert solve(gap, 2.0) != answer


def test_the_least_is_returned_where_it_is_enough():
    assert solve(lambda n: 0.9 - 0.8, 2.0) == 2.0


def test_no_sample_is_said():
    with pytest.raises(TrialError, match=r"no sample below 1e\+12"):
        solve(lambda n: -0.1, 2.0)


@pytest.mark.parametrize("size", [1e-5, 3e-4, 0.01, 5.0])
@pytest.mark.parametrize("design", ["independent", "paired"])
def test_sizes_at_which_statsmodels_returns_nonsense_or_none(size, design):
    n = units_for_mean(size, 1.0, design=design, power=0.9)
    reached = power_mean(size, 1.0, n, n, design=design)
    assert n < MOST_UNITS
    assert reached == pytest.approx(0.9, abs=1e-7) or (n == 2 and reached > 0.9)


@pytest.mark.parametrize(("n", "power"), [(2.684, 0.8980908), (3.2, 0.9917424)])
def test_a_hole_in_the_noncentral_t_is_filled(n, power):
    # The near tail by scipy, whose far tail is nan here, and so is statsmodels' power.
    from scipy import stats

    near = float(stats.nct.sf(stats.t.isf(0.025, n - 1), n - 1, 5 * math.sqrt(n)))
    assert near == pytest.approx(power, abs=1e-7)
    assert power_mean(5.0, 1.0, n, n, design="paired") == pytest.approx(near, abs=1e-9)


@pytest.mark.parametrize("df", [2.0, 10.0, 400.0])
@pytest.mark.parametrize("sides", [1, 2])
def test_the_filling_is_the_noncentral_t(df, sides):
    from framework.stats.planning.statistic import _by_tails

    for shift in (0.0, 1.0, 3.0):
        assert _by_tails(shift, df, 0.05, sides) == pytest.approx(power_of_statistic(shift, df, 0.05, sides), abs=1e-5)


@pytest.mark.parametrize("size", [1e-3, 0.02, 0.3, 2.0])
def test_mismatches_of_any_size(size):
    n = units_for_mismatch(size, 2)
    reached = power_of_mismatch(size, n, 2)
    assert reached == pytest.approx(0.8, abs=1e-7) or (n == 1 and reached > 0.8)

"""Missing outcomes: outside software for the test, exact answers and simulations for the bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.health import Seen, missing_outcomes, trimming_bounds, worst_case_bounds
from framework.stats.health.missing import seen


def near(expected):
    return pytest.approx(expected, rel=1e-9)


def test_equal_missingness_is_scipys_chi_square():
    found = missing_outcomes({"a": 40, "b": 62, "c": 51}, {"a": 1000, "b": 1010, "c": 990})
    expected = stats.chi2_contingency([[40, 960], [62, 948], [51, 939]], correction=False)
    assert (found.statistic, found.p_value) == near((expected.statistic, expected.pvalue))
    assert found.method == "chi-square"
    assert found.level == "notice"  # 6.1 % of arm b is missing


def test_few_missing_outcomes_are_fishers():
    found = missing_outcomes({"a": 0, "b": 6}, {"a": 500, "b": 480})
    assert found.method == "Fisher"
    assert found.p_value == near(stats.fisher_exact([[0, 500], [6, 474]]).pvalue)
    assert found.level == "ok"


@pytest.mark.parametrize(
    ("missing", "total", "level"),
    [
        ((10, 11), 1000, "ok"),
        ((10, 30), 1000, "notice"),  # p 0.0014
        ((10, 60), 1000, "alert"),
        ((49, 49), 1000, "ok"),
        ((50, 50), 1000, "notice"),
        ((200, 200), 1000, "alert"),
        ((0, 0), 1000, "ok"),
        ((1000, 1000), 1000, "alert"),
    ],
)
def test_levels(missing, total, level):
    found = missing_outcomes({"a": missing[0], "b": missing[1]}, {"a": total, "b": total})
    assert found.level == level
    assert ("unequally" in found.text) == (found.p_value < 0.01)


@pytest.mark.parametrize(
    ("missing", "totals", "message"),
    [
        ({"a": 1}, {"a": 2}, "two arms"),
        ({"a": 1, "bb": 1}, {"a": 2, "b": 2}, "unknown arm 'bb'"),
        ({"a": 1}, {"a": 2, "b": 2}, "'b' does not say"),
        ({"a": 3, "b": 1}, {"a": 2, "b": 2}, "'a' misses 3 of 2"),
        ({"a": 0, "b": 0}, {"a": 0, "b": 2}, "'a' misses 0 of 0"),
    ],
)
def test_unusable_counts_are_refused(missing, totals, message):
    with pytest.raises(TrialError, match=message):
        missing_outcomes(missing, totals)


def test_nan_stands_for_a_missing_outcome():
    outcomes = np.array([1.0, np.nan, 3.0, np.nan, 5.0])
    assert seen(outcomes) == (2, 5)
    summary = Seen.of(outcomes)
    assert (summary.total, summary.n, summary.mean, summary.variance) == (5, 3, 3.0, 4.0)


def test_worst_case_is_the_comparison_of_filled_in_outcomes():
    rng = np.random.default_rng(1)
    control, treatment = rng.uniform(0, 1, 300), rng.uniform(0.1, 1, 280)
    control[:30], treatment[:50] = np.nan, np.nan
    found = worst_case_bounds(Seen.of(control), Seen.of(treatment), 0.0, 1.0)
    for value, ours, error in ((0.0, found.low, found.low_error), (1.0, found.high, found.high_error)):
        filled = np.nan_to_num(control, nan=1 - value), np.nan_to_num(treatment, nan=value)
        expected = stats.ttest_ind(filled[1], filled[0], equal_var=False)
        assert ours == near(filled[1].mean() - filled[0].mean())
        assert ours / error == near(expected.statistic)
    assert found.high - found.low == near(30 / 300 + 50 / 280)
    # Far apart, each end needs the one-sided value only.
    assert (found.low - found.ci_low) / found.low_error == pytest.approx(stats.norm.ppf(0.95), rel=1e-6)


def test_nothing_missing_leaves_the_usual_interval():
    rng = np.random.default_rng(2)
    arms = Seen.of(rng.uniform(0, 1, 300)), Seen.of(rng.uniform(0, 1, 300))
    found = worst_case_bounds(*arms, 0.0, 1.0)
    assert found.low == near(found.high)
    assert found.ci_high - found.high == near(stats.norm.ppf(0.975) * found.high_error)


def test_trimming_bounds_of_a_small_case_by_hand():
    # All 4 of the treatment are seen and 3 of 4 of the control: a quarter of the treatment's is surplus.
    found = trimming_bounds(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0, 40.0]), 4, 4)
    assert (found.low, found.high) == near((20 - 2, 30 - 2))
    other = trimming_bounds(np.array([10.0, 20.0, 30.0, 40.0]), np.array([1.0, 2.0, 3.0]), 4, 4)
    assert (other.low, other.high) == near((2 - 30, 2 - 20))
    # A share that cuts through a unit takes part of it: 10 + 20 + 0.75 * 30 over 2.75.
    part = trimming_bounds(np.ones(11), np.array([10.0, 20.0, 30.0, 40.0]), 16, 4)
    assert part.low == near((10 + 20 + 0.75 * 30) / 2.75 - 1)


def test_without_surplus_trimming_is_the_comparison_of_what_is_seen():
    rng = np.random.default_rng(3)
    control, treatment = rng.normal(0, 1, 200), rng.normal(0.5, 1, 200)
    found = trimming_bounds(control, treatment, 250, 250)
    assert found.low == near(treatment.mean() - control.mean())
    assert found.high == near(found.low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: worst_case_bounds(Seen(9, 9, 0.5, 0.1), Seen(9, 9, 0.5, 0.1), 1.0, 0.0), "finite range"),
        (lambda: worst_case_bounds(Seen(9, 9, 2.0, 0.1), Seen(9, 9, 0.5, 0.1), 0.0, 1.0), "'control': mean 2 outside"),
        (lambda: worst_case_bounds(Seen(9, 9, 0.5, 0.1), Seen(5, 9, 0.5, 0.1), 0.0, 1.0), "9 outcomes of 5 units"),
        (lambda: trimming_bounds(np.ones(1), np.ones(5), 5, 5), "'control': 1 outcomes"),
        (lambda: trimming_bounds(np.ones(5), np.ones(5), 5, 4), "'treatment': 5 outcomes of 4"),
        (lambda: trimming_bounds(np.ones(5), np.ones(5), 5, 5, confidence=95), "confidence is 95"),
    ],
)
def test_unusable_arms_are_refused(call, message):
    with pytest.raises(TrialError, match=message):
        call()


def lee_simulation(trials, rng, n=1500):
    """Return coverage, and standard error said by standard deviation seen, where the lower bound is the truth."""
    # The treatment shows 85 % of units, the control only those of the 70 % with the lowest outcomes; effect 0.3.
    cut = stats.norm.ppf(0.7 / 0.85)
    held, lows, errors = 0, [], []
    for _ in range(trials):
        everybody = rng.normal(0, 1, rng.binomial(n, 0.85))
        control = everybody[everybody < cut] - 0.3
        treatment = rng.normal(0, 1, rng.binomial(n, 0.85))
        found = trimming_bounds(control, treatment, n, n)
        held += found.ci_low <= 0.3 <= found.ci_high
        lows.append(found.low)
        errors.append(found.low_error)
    return held / trials, float(np.mean(lows)), float(np.mean(errors) / np.std(lows))


@pytest.mark.parametrize("trials", [200, pytest.param(6000, marks=pytest.mark.slow)])
def test_the_trimming_interval_holds_where_the_worst_case_is_the_truth(trials):
    """At the lower bound itself the interval is one-sided: 95 % is expected. Lee's error is the spread of the
    bound (ratio 1). Four Monte-Carlo errors are allowed."""
    held, low, ratio = lee_simulation(trials, np.random.default_rng(trials))
    print(f"\nLee trimming: coverage {held:.2%}, mean lower bound {low:.4f} of 0.3, error said by spread {ratio:.3f}")
    assert held == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / trials))
    assert low == pytest.approx(0.3, abs=0.02)
    assert ratio == pytest.approx(1.0, abs=4 / math.sqrt(2 * trials) + 0.02)

"""Trimmed and winsorised comparisons against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from framework.stats.health.leaving_out import drawn_in, without_rows
from framework.stats.samples import UnitValues


def near(expected):
    return pytest.approx(expected, rel=1e-9)


def symmetric(rng, n, shift):
    """Return values whose two tails are alike, so that the most extreme ones are as many above as below."""
    half = rng.standard_t(3, n // 2)
    return np.r_[half, -half] + shift


def extreme(values, count):
    return np.argsort(-np.abs(values - values.mean()), kind="stable")[:count]


def test_trimmed_comparison_is_yuen_and_welch():
    rng = np.random.default_rng(1)
    control, treatment = symmetric(rng, 60, 3.0), symmetric(rng, 100, 3.5)
    expected = stats.ttest_ind(treatment, control, equal_var=False, trim=0.1)
    rows = extreme(control, 12), extreme(treatment, 20)
    found = without_rows(
        UnitValues("mean", control), UnitValues("mean", treatment), rows, design="independent", confidence=0.95
    )
    assert found.p_value == near(expected.pvalue)
    assert found.df == near(expected.df)
    assert found.difference / found.standard_error == near(expected.statistic)
    assert found.difference == near(stats.trim_mean(treatment, 0.1) - stats.trim_mean(control, 0.1))


def test_paired_trimming_is_the_one_sample_trimmed_t():
    rng = np.random.default_rng(2)
    control = rng.normal(0, 5, 80)
    gain = symmetric(rng, 80, 0.4)
    rows = extreme(gain, 16)
    found = without_rows(
        UnitValues("mean", control),
        UnitValues("mean", control + gain),
        (rows, rows),
        design="paired",
        confidence=0.95,
    )
    assert found.difference == near(stats.trim_mean(gain, 0.1))
    drawn = stats.mstats.winsorize(gain, limits=(0.1, 0.1))
    # Yuen's own degrees of freedom; the one-sample form with n in both places differs by 0.2 %.
    assert found.standard_error == near(float(np.std(drawn, ddof=1)) * np.sqrt(79 / (64 * 63)))
    assert found.standard_error == pytest.approx(float(stats.mstats.trimmed_stde(gain, (0.1, 0.1))), rel=0.005)
    assert found.df == 63


def test_winsorised_comparison_is_welch_of_values_drawn_in_to_common_limits():
    rng = np.random.default_rng(3)
    control, treatment = rng.lognormal(0, 2, 500), rng.lognormal(0.3, 2, 400)
    low, high = np.quantile(np.r_[control, treatment], [0.02, 0.98])
    expected = stats.ttest_ind(np.clip(treatment, low, high), np.clip(control, low, high), equal_var=False)
    found, lower, upper = drawn_in(
        UnitValues("mean", control), UnitValues("mean", treatment), 0.02, design="independent", confidence=0.95
    )
    assert (lower, upper) == (near(low), near(high))
    assert found.p_value == near(expected.pvalue)
    assert (found.ci_low, found.ci_high) == near(tuple(expected.confidence_interval(0.95)))


def test_what_is_left_without_spread_gets_the_exact_test():
    control, treatment = np.r_[np.zeros(9), 50.0], np.r_[np.ones(9), 70.0]
    rows = np.array([9]), np.array([9])
    arms = UnitValues("mean", control), UnitValues("mean", treatment)
    found = without_rows(*arms, rows, design="independent", confidence=0.95)
    assert (found.difference, found.standard_error) == (1.0, 0.0)
    assert found.p_value == near(2 / 48620)  # 18 choose 9
    assert without_rows(*arms, rows, design="paired", confidence=0.95).p_value == near(2 / 2**9)

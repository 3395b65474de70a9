"""Trends of an effect over time: statsmodels' weighted regression, exact answers, and the size of the test."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from framework.errors import TrialError
from framework.stats.health import novelty


def near(expected):
    return pytest.approx(expected, rel=1e-9)


DAYS = np.arange(14.0)
ERRORS = np.linspace(0.8, 1.4, 14)
CALM = 5 + 0.1 * DAYS + 0.3 * np.cos(DAYS)
"""Effects that scatter less around their line than their errors say."""


def test_slope_is_statsmodels_weighted_regression_with_known_errors():
    found = novelty(DAYS, CALM, ERRORS)
    fitted = sm.WLS(CALM, sm.add_constant(DAYS), weights=1 / ERRORS**2).fit(cov_type="fixed scale")
    assert found.dispersion == 1.0
    assert found.slope.difference == near(fitted.params[1])
    assert found.slope.standard_error == near(fitted.bse[1])
    assert found.slope.p_value == near(fitted.pvalues[1])
    assert (found.slope.ci_low, found.slope.ci_high) == near(tuple(fitted.conf_int()[1]))
    assert (found.start, found.end) == near((fitted.params[0], fitted.params[0] + 13 * fitted.params[1]))


def test_scatter_beyond_the_errors_widens_them_as_ordinary_weighted_regression_does():
    wild = CALM + 4 * (-1.0) ** DAYS
    found = novelty(DAYS, wild, ERRORS)
    fitted = sm.WLS(wild, sm.add_constant(DAYS), weights=1 / ERRORS**2).fit()
    assert found.dispersion == near(fitted.mse_resid)
    assert found.dispersion > 10
    assert found.slope.standard_error == near(fitted.bse[1])
    assert found.slope.p_value == near(fitted.pvalues[1])
    assert found.slope.df == 12


def test_halves_and_heterogeneity_are_meta_analysis():
    found = novelty(DAYS, CALM, ERRORS)
    periods = slice(0, 7), slice(7, 14), slice(None)
    with np.errstate(invalid="ignore"):  # its random-effects part, not used here, roots a negative tau^2
        *parts, whole = [combine_effects(CALM[rows], ERRORS[rows] ** 2, method_re="dl") for rows in periods]
    for ours, part in zip((found.early, found.late), parts, strict=True):
        assert ours.difference == near(part.mean_effect_fe)
        assert ours.standard_error == near(part.sd_eff_w_fe)
    assert found.change.difference == near(parts[1].mean_effect_fe - parts[0].mean_effect_fe)
    assert found.change.standard_error == near(math.hypot(parts[0].sd_eff_w_fe, parts[1].sd_eff_w_fe))
    assert found.p_heterogeneity == near(whole.test_homogeneity().pvalue)


def test_periods_that_share_users_are_generalised_least_squares():
    shared = 0.6 * np.outer(ERRORS, ERRORS) + 0.4 * np.diag(ERRORS**2)
    found = novelty(DAYS, CALM, ERRORS, covariance=shared)
    fitted = sm.GLS(CALM, sm.add_constant(DAYS), sigma=shared).fit(cov_type="fixed scale")
    assert found.slope.difference == near(fitted.params[1])
    assert found.slope.standard_error == near(fitted.bse[1])
    assert found.slope.standard_error < novelty(DAYS, CALM, ERRORS).slope.standard_error  # what is shared cancels


@pytest.mark.parametrize(
    ("effects", "pattern", "said"),
    [
        (10 - 0.6 * DAYS, "fades", "fades: from 10 to 2.2"),
        (-10 + 0.6 * DAYS, "fades", "fades: from -10 to -2.2"),
        (2 + 0.6 * DAYS, "grows", "grows: from 2 to 9.8"),
        (-2 - 0.6 * DAYS, "grows", "grows: from -2 to -9.8"),
        (4 - 0.5 * DAYS, "fades", "fades and changes its sign: from 4 to -2.5"),
        (5 + 0.0 * DAYS, "steady", "steady as far as the trial can tell"),
    ],
)
def test_patterns(effects, pattern, said):
    found = novelty(DAYS, effects, np.ones(14))
    assert found.pattern == pattern
    assert found.level == ("ok" if pattern == "steady" else "notice")
    assert said in found.text


def test_units_of_metric_and_of_time_change_nothing():
    rng = np.random.default_rng(1)
    effects = rng.normal(5, 1, 14)
    one = novelty(DAYS, effects, ERRORS)
    other = novelty(20_000 + DAYS / 7, 1000 * effects, 1000 * ERRORS)
    assert other.slope.difference == near(7000 * one.slope.difference)
    assert (other.slope.p_value, other.change.p_value) == near((one.slope.p_value, one.change.p_value))
    assert other.p_heterogeneity == near(one.p_heterogeneity)


def test_order_does_not_matter_and_equal_times_stay_together():
    rng = np.random.default_rng(2)
    times, effects, errors = np.repeat([1.0, 2.0, 3.0], 2), rng.normal(3, 1, 6), rng.uniform(0.5, 2, 6)
    order = rng.permutation(6)
    one, other = novelty(times, effects, errors), novelty(times[order], effects[order], errors[order])
    assert one.slope.p_value == near(other.slope.p_value)
    assert one.late.difference == near(np.average(effects[4:], weights=errors[4:] ** -2))
    assert other.late.difference == near(one.late.difference)


@pytest.mark.parametrize(
    ("times", "effects", "errors", "options", "message"),
    [
        ([0, 1], [1, 2], [1, 1], {}, "3 periods or more"),
        ([0, 1, 2], [1, 2], [1, 1, 1], {}, "one of each a period"),
        ([0, 1, 2], [1, 2, 3], [1, 0, 1], {}, "no standard error"),
        ([0, 1, 2], [1, np.nan, 3], [1, 1, 1], {}, "missing or infinite"),
        ([4, 4, 4], [1, 2, 3], [1, 1, 1], {}, "same time"),
        ([0, 1, 2], [1, 2, 3], [1, 1, 1], {"covariance": np.ones((3, 3))}, "not positive definite"),
        ([0, 1, 2], [1, 2, 3], [1, 1, 1], {"covariance": np.eye(2)}, "shape"),
        ([0, 1, 2], [1, 2, 3], [1, 1, 1], {"alpha": 5}, "alpha is 5"),
    ],
)
def test_unusable_periods_are_refused(times, effects, errors, options, message):
    with pytest.raises(TrialError, match=message):
        novelty(times, effects, errors, **options)


@pytest.mark.parametrize("trials", [400, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("scatter", [0.0, 1.0])
def test_the_size_of_the_trend_test(trials, scatter):
    """A steady effect shows a trend in at most 5 % of trials: in 3 to 5 % with right errors (they are never narrowed),
    in 3.5 to 5 % where days scatter as much again. Four binomial errors are allowed."""
    rng = np.random.default_rng(trials)
    rejected = 0
    for _ in range(trials):
        day = rng.normal(0, scatter, 14) * ERRORS
        rejected += novelty(DAYS, 5 + day + rng.normal(0, ERRORS), ERRORS).slope.p_value <= 0.05
    share = rejected / trials
    print(f"\ntrend test, days scatter by {scatter:g} errors: {share:.2%} rejected at 5 %")
    error = 4 * math.sqrt(0.05 * 0.95 / trials)
    assert 0.02 - error < share < 0.05 + error


def test_a_fading_effect_is_found_as_often_as_the_power_of_z_says():
    """Slope of 3 of its errors: the z test finds it in 85.1 %; widened errors cost at most 6 points."""
    rng = np.random.default_rng(3)
    steady = novelty(DAYS, CALM, ERRORS)
    slope = -3 * steady.slope.standard_error
    found = [novelty(DAYS, 20 + slope * DAYS + rng.normal(0, ERRORS), ERRORS).pattern for _ in range(400)]
    power = stats.norm.sf(1.96 - 3)
    assert power - 0.06 - 4 * math.sqrt(power * (1 - power) / 400) < found.count("fades") / 400 < power + 0.06
    assert found.count("grows") == 0

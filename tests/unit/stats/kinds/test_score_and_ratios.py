"""Score tests and ratio intervals: likelihoods maximised by search, statsmodels, R, and empty cells."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.proportion import score_test_proportions_2indep

from framework.errors import TrialError
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.proportion_intervals import statsmodels_score
from framework.stats.kinds.proportions import two_proportions
from framework.stats.kinds.score import odds_statistic, ratio_statistic, score_statistic
from framework.stats.kinds.share_ratios import ODDS_METHODS, RATIO_METHODS, odds_ratio, share_ratio

CONVERTED = Counted(265, 592, 281, 608)
FAGERLAND = Counted(1, 34, 7, 34)
TABLES = [(265, 592, 281, 608), (1, 34, 7, 34), (30, 40, 25, 200), (5, 20, 5, 20)]


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


@pytest.mark.parametrize("difference", [-0.3, -0.04, 0.0, 0.02, 0.25])
@pytest.mark.parametrize("table", TABLES)
def test_difference_takes_the_most_likely_shares(table, difference):
    """The restricted likelihood is maximised by search; the statistic follows from its shares."""
    counts = Counted(*table)
    x, n, y, m = counts.hits_treatment, counts.n_treatment, counts.hits_control, counts.n_control

    def unlikelihood(share):
        return -(
            stats.binom.logpmf(x, n, np.clip(share + difference, 0, 1)) + stats.binom.logpmf(y, m, np.clip(share, 0, 1))
        )

    bounds = max(0, -difference) + 1e-12, min(1, 1 - difference) - 1e-12
    control = optimize.minimize_scalar(unlikelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    treatment = control + difference
    variance = (treatment * (1 - treatment) / n + control * (1 - control) / m) * (n + m) / (n + m - 1)
    expected = (x / n - y / m - difference) / np.sqrt(variance)
    assert float(score_statistic(x, n, y, m, difference)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("value", [0.2, 0.97, 1.0, 1.3, 8.0])
@pytest.mark.parametrize("table", TABLES)
def test_ratio_and_odds_are_statsmodels(table, value):
    counts = Counted(*table)
    arms = (counts.hits_treatment, counts.n_treatment, counts.hits_control, counts.n_control)
    for compare, statistic in (("ratio", ratio_statistic), ("odds-ratio", odds_statistic)):
        expected = score_test_proportions_2indep(*arms, value=value, compare=compare).statistic
        assert statistic(counts, value) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.reference
def test_prop_ci_diff_score(reference):
    """statsmodels up to 0.15 maximises the wrong likelihood (its issue 10269), so it is near, and not the same.

    R's PropCIs agrees with ours to its last digit: `test_proportions.test_published_intervals`.
    """
    found = two_proportions(CONVERTED, method="score")
    expected = reference("statsmodels_scipy.json")["prop_ci_diff_score"]
    assert [found.ci_low, found.ci_high] == pytest.approx(expected, abs=3e-5)
    assert [found.ci_low, found.ci_high] != pytest.approx(expected, abs=5e-6)
    assert list(statsmodels_score(CONVERTED, 0.95)) == near(expected)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("key", "interval", "method"),
    [
        ("prop_ci_ratio_log", share_ratio, "log"),
        ("prop_ci_ratio_log-adjusted", share_ratio, "log_adjusted"),
        ("prop_ci_ratio_score", share_ratio, "score"),
        ("prop_ci_odds-ratio_logit", odds_ratio, "logit"),
        ("prop_ci_odds-ratio_score", odds_ratio, "score"),
    ],
)
def test_ratio_intervals(reference, key, interval, method):
    found = interval(CONVERTED, method=method)
    assert [found.ci_low, found.ci_high] == near(reference("statsmodels_scipy.json")[key])


@pytest.mark.parametrize(
    ("interval", "method", "low", "high", "rel"),
    [
        (share_ratio, "log", 0.91, 54, 0.01),  # Fagerland, Lydersen and Laake 2015, two digits
        (share_ratio, "log_adjusted", 0.92, 27, 0.02),
        (share_ratio, "score", 1.220853, 42.575718, 0.02),  # R PropCIs: riskscoreci, without N / (N - 1)
        (odds_ratio, "logit", 0.99, 74, 0.01),
        (odds_ratio, "logit_adjusted", 0.98, 38, 0.02),
        (odds_ratio, "logit_smoothed", 0.99, 60, 0.01),
        (odds_ratio, "score", 1.246309, 56.486130, 5e-4),  # R PropCIs: orscoreci, iterative
    ],
)
def test_published_ratios(interval, method, low, high, rel):
    found = interval(FAGERLAND, method=method)
    assert [found.ci_low, found.ci_high] == near([low, high], rel=rel)


@pytest.mark.parametrize("table", [(0, 50, 3, 50), (0, 3, 3, 3), (49, 50, 50, 50), (0, 5000, 5, 200)])
def test_score_intervals_of_empty_cells_mirror(table):
    """Swapped arms give the reciprocal interval, and each finite end is where the test's z is 1.96."""
    counts = Counted(*table)
    mirror = Counted(*table[2:], *table[:2])
    for interval, statistic in ((share_ratio, ratio_statistic), (odds_ratio, odds_statistic)):
        found, swapped = interval(counts, method="score"), interval(mirror, method="score")
        assert found.ci_low == near(1 / swapped.ci_high, rel=1e-6)
        for end in (found.ci_low, found.ci_high):
            if np.isfinite(end):
                assert abs(statistic(counts, end)) == near(1.959963984540054, rel=1e-6)


def test_ratios_that_have_no_value_say_why():
    nothing = Counted(0, 20, 0, 20)
    for method in RATIO_METHODS:
        assert share_ratio(nothing, method=method).reason
    for method in ODDS_METHODS:
        assert odds_ratio(nothing, method=method).reason
    assert "'score'" in share_ratio(Counted(0, 20, 3, 20)).reason
    with pytest.raises(TrialError, match="Did you mean 'score'"):
        share_ratio(FAGERLAND, method="scores")
    with pytest.raises(TrialError, match="logit"):
        odds_ratio(FAGERLAND, method="log")

"""Stability, prediction strength and explained money: independent ways to the same number, and simulated rates."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.cluster import KMeans

from framework.errors import TrialError
from framework.stats.groups.explained import revenue_explained
from framework.stats.groups.prediction_strength import prediction_strength
from framework.stats.groups.stability import bootstrap_stability, most_alike


def kmeans_on(points, k):
    def refit(rows, rng):
        return KMeans(k, n_init=3, random_state=int(rng.integers(2**31))).fit(points[rows]).predict(points)

    return refit


def blobs(seed=0, n=60):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(size=(n, 2)) + np.array(at) * 9 for at in ((0, 0), (1, 0), (0, 1))])


def test_true_groups_come_again_and_slices_of_a_cloud_do_not():
    points = blobs()
    refit = kmeans_on(points, 3)
    labels = refit(np.arange(len(points)), np.random.default_rng(0))
    found = bootstrap_stability(labels, refit, rng=np.random.default_rng(1), resamples=10)
    assert found.adjusted_rand > 0.99
    assert min(found.groups) > 0.99
    cloud = np.random.default_rng(2).normal(size=(180, 2))
    refit = kmeans_on(cloud, 5)
    labels = refit(np.arange(180), np.random.default_rng(0))
    sliced = bootstrap_stability(labels, refit, rng=np.random.default_rng(1), resamples=10)
    assert sliced.low <= sliced.adjusted_rand <= sliced.high < 0.95
    assert sliced == bootstrap_stability(labels, refit, rng=np.random.default_rng(1), resamples=10)


def test_each_group_by_its_most_alike():
    # Group 0 of 4 users: 3 of them are all of a new group; group 1 of 2 users lies in a new group of 3.
    table = np.array([[3, 1], [0, 2], [0, 0]])
    np.testing.assert_array_equal(most_alike(table), [3 / 4, 2 / 3, np.nan])


def test_what_stability_refuses():
    def refit(rows, rng):
        return np.zeros(3, int)

    with pytest.raises(TrialError, match="2 or more"):
        bootstrap_stability(np.zeros(3, int), refit, rng=np.random.default_rng(0), resamples=1)
    with pytest.raises(TrialError, match="4 and 3 labels"):
        bootstrap_stability(np.zeros(4, int), refit, rng=np.random.default_rng(0), resamples=2)
    with pytest.raises(TrialError, match="no users"):
        bootstrap_stability(np.zeros(0, int), refit, rng=np.random.default_rng(0))
    with pytest.raises(TrialError, match="3 users"):
        prediction_strength(3, refit, rng=np.random.default_rng(0))


def test_prediction_strength_is_that_of_co_membership_matrices():
    table = np.random.default_rng(0).integers(0, 3, (2, 40))
    calls = []

    def refit(rows, draw):
        calls.append(rows)
        return table[len(calls) % 2]

    found = prediction_strength(40, refit, rng=np.random.default_rng(1), splits=2)
    expected = []
    for first, second in ((calls[0], calls[1]), (calls[2], calls[3])):
        assert sorted([*first, *second]) == list(range(40))
        by_first, by_second = table[1], table[0]
        halves = []
        for half, own, other in ((second, by_second, by_first), (first, by_first, by_second)):
            worst = []
            for group in np.unique(own[half]):
                members = half[own[half] == group]
                same = other[members][:, None] == other[members][None, :]
                m = len(members)
                if m > 1:
                    worst.append((same.sum() - m) / (m * (m - 1)))
            halves.append(min(worst))
        expected.append(np.mean(halves))
    assert found.strength == pytest.approx(np.mean(expected), abs=1e-14)


def test_prediction_strength_finds_the_number_of_groups():
    points = blobs(4)
    strength = {
        k: prediction_strength(len(points), kmeans_on(points, k), rng=np.random.default_rng(0), splits=4).strength
        for k in (1, 2, 3, 4)
    }
    assert strength[1] == 1.0
    assert strength[3] > 0.95
    assert strength[4] < 0.8


def spenders(seed, n=400, k=4, between=0.0, sigma=1.5):
    """Lognormal money with a share `between` of its variance between random groups."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, k, n)
    money = rng.lognormal(0, sigma, n)
    spread = np.sqrt((np.exp(sigma**2) - 1) * np.exp(sigma**2))
    means = np.linspace(-1, 1, k)
    means /= means.std()
    return money + means[groups] * spread * np.sqrt(between / (1 - between)), groups


def test_shares_are_those_of_a_regression_on_dummies():
    money, groups = spenders(0, between=0.1)
    fitted = sm.OLS(money, np.eye(4)[groups]).fit()
    found = revenue_explained(money, groups, rng=np.random.default_rng(0), resamples=100, permutations=0)
    assert found.share == pytest.approx(fitted.rsquared, abs=1e-12)
    assert found.adjusted == pytest.approx(fitted.rsquared_adj, abs=1e-12)
    assert found.low < found.adjusted < found.high
    assert np.isnan(found.p_value)
    # A number left out is no group.
    assert revenue_explained(money, groups * 3, rng=np.random.default_rng(0), resamples=100).groups == 4


def test_the_permutation_p_is_that_of_f_for_normal_outcomes():
    rng = np.random.default_rng(5)
    groups = rng.integers(0, 3, 200)
    values = rng.normal(size=200) + 0.15 * groups
    found = revenue_explained(values, groups, rng=rng, resamples=100, permutations=4000)
    exact = stats.f_oneway(*(values[groups == g] for g in range(3))).pvalue
    # 3 standard errors of a share of 4,000 permutations.
    assert found.p_value == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 4000) + 1e-3)


def test_nothing_to_explain_explains_nothing():
    same = revenue_explained(np.full(10, 3.0), np.arange(10) % 2, rng=np.random.default_rng(0))
    assert np.isnan(same.adjusted)
    assert same.p_value == 1.0
    alone = revenue_explained(np.arange(10.0), np.zeros(10, int), rng=np.random.default_rng(0))
    assert (alone.adjusted, alone.low, alone.high, alone.p_value) == (0.0, 0.0, 0.0, 1.0)
    with pytest.raises(TrialError, match="one finite value"):
        revenue_explained(np.array([1.0, np.nan]), np.array([0, 1]), rng=np.random.default_rng(0))
    with pytest.raises(TrialError, match="100 or more"):
        revenue_explained(np.arange(3.0), np.array([0, 1, 1]), rng=np.random.default_rng(0), resamples=10)


def rates(between, replications, n=400, sigma=1.0):
    """Return how often the interval holds the truth, and how often it lies above 0."""
    held = above = 0
    for seed in range(replications):
        money, groups = spenders(seed, n=n, between=between, sigma=sigma)
        found = revenue_explained(money, groups, rng=np.random.default_rng([seed, 1]), resamples=200, permutations=0)
        held += found.low <= between <= found.high
        above += found.low > 0
    return held / replications, above / replications


def test_random_groups_explain_nothing():
    # At most 5 % expected; 120 shops, so 14 or more above 0 would come by chance with probability 0.003.
    held, above = rates(0.0, 120)
    assert held >= 106 / 120
    assert above <= 13 / 120


def test_the_error_is_that_of_the_influence_function_and_of_the_jackknife():
    from framework.stats.groups.explained import _powers, _shares

    money, groups = spenders(7, n=2000, between=0.2, sigma=0.5)
    scaled = (money - money.mean()) / money.std()
    powers = _powers(scaled, groups, 4)
    share, error = _shares(np.ones((1, 2000)), powers, 4)
    left_out, _ = _shares(1 - np.eye(2000), powers, 4)
    jackknife = np.sqrt(1999 / 2000 * ((left_out - left_out.mean()) ** 2).sum())
    # The two agree but for terms of order 1 / n.
    assert error[0] == pytest.approx(jackknife, rel=0.01)
    assert share[0] == pytest.approx(sm.OLS(money, np.eye(4)[groups]).fit().rsquared, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("between", "least"), [(0.0, 0.94), (0.05, 0.93), (0.3, 0.91)])
def test_the_interval_holds_the_share_that_was_planted(between, least):
    held, above = rates(between, 1000, n=1000)
    assert held >= least
    assert above <= 0.05 if between == 0 else above >= 0.8

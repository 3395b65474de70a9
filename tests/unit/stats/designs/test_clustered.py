"""Clustered errors against statsmodels' sandwich, whether clusters are randomised whole or have rows in both arms."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from framework.errors import TrialError
from framework.stats.designs.clustered import (
    CONTROL,
    SIZE,
    TOTAL,
    TREATMENT,
    cluster_arms,
    cluster_shape,
    clustered,
    effective_clusters,
)
from framework.stats.moments.record import Moments
from framework.stats.relative import relative_interval


def draw(seed, clusters, nested):
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), rng.integers(1, 12, clusters))
    arm = cluster % 2 if nested else rng.integers(0, 2, cluster.size)
    y = 5 + rng.normal(0, 1, clusters)[cluster] + rng.normal(0, 2, cluster.size) + 0.4 * arm
    return cluster, arm, y


def totals(cluster, arm, y, size=None):
    _, place = np.unique(cluster, return_inverse=True)
    size = np.ones(len(y)) if size is None else size
    return Moments.of(
        {
            prefix + word: np.bincount(place, weights=np.where(arm == own, values, 0.0))
            for own, prefix in ((0, CONTROL), (1, TREATMENT))
            for word, values in ((TOTAL, y), (SIZE, size))
        }
    )


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "straddling"])
@pytest.mark.parametrize("clusters", [12, 60])
@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_as_statsmodels(clusters, nested, scale):
    cluster, arm, y = draw(clusters, clusters, nested)
    model = sm.OLS(scale * y, sm.add_constant(arm.astype(float))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    found = clustered(cluster_arms(totals(cluster, arm, scale * y), "m"), y.size, 0.95).single()
    assert found.difference == pytest.approx(model.params[1], rel=1e-9)
    assert found.standard_error == pytest.approx(model.bse[1], rel=1e-9)
    # statsmodels with use_t refers to G - 1; here fewer where each arm rests on clusters of its own.
    small = sm.OLS(y, sm.add_constant(arm.astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True
    )
    if nested:
        assert clusters / 2 - 1 < found.df < clusters - 2
        assert found.p_value > small.pvalues[1]
        width = stats.t.ppf(0.975, found.df) * found.standard_error
        assert [found.ci_low, found.ci_high] == pytest.approx([found.difference - width, found.difference + width])
    elif clusters == 12:  # so few of such different sizes that the smaller arm counts
        assert 9 < found.df < 11
    else:
        assert found.df == 59
        assert found.p_value == pytest.approx(small.pvalues[1], rel=1e-9)
        assert [found.ci_low, found.ci_high] == pytest.approx(scale * small.conf_int()[1], rel=1e-9)


@pytest.mark.parametrize("treated", [3, 15, 30])
def test_whole_clusters_of_one_size_have_welchs_degrees_of_freedom(treated):
    rng = np.random.default_rng(treated)
    cluster = np.repeat(np.arange(60), 4)
    arm = (cluster < treated).astype(int)
    y = rng.normal(size=60)[cluster] + rng.normal(size=240)
    means = y.reshape(60, 4).mean(axis=1)
    arms = cluster_arms(totals(cluster, arm, y), "m")
    assert effective_clusters(arms.control) == pytest.approx(60 - treated)
    assert effective_clusters(arms.treatment) == pytest.approx(treated)
    # Each arm's variance as the sandwich has it: sums over clusters, times G / (G - 1).
    parts = [own.var(ddof=0) / own.size for own in (means[:treated], means[treated:])]
    expected = sum(parts) ** 2 / (parts[0] ** 2 / (treated - 1) + parts[1] ** 2 / (59 - treated))
    found = clustered(arms, 240, 0.95).single()
    assert found.df == pytest.approx(expected, rel=1e-9)
    assert any("One arm rests on about 3 clusters" in text for text in found.warnings) is (treated == 3)


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "straddling"])
def test_a_ratio_is_its_linearised_rows_clustered(nested):
    cluster, arm, y = draw(3, 40, nested)
    size = np.random.default_rng(1).poisson(2, y.size) + 1.0
    linear = np.zeros(y.size)
    for own in (0, 1):
        rows = arm == own
        ratio = y[rows].sum() / size[rows].sum()
        linear[rows] = ratio + (y[rows] - ratio * size[rows]) / size[rows].mean()
    model = sm.OLS(linear, sm.add_constant(arm.astype(float))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    found = clustered(cluster_arms(totals(cluster, arm, y, size), "m"), y.size, 0.95).single()
    assert found.difference == pytest.approx(model.params[1], rel=1e-9)
    assert found.standard_error == pytest.approx(model.bse[1], rel=1e-9)


def test_one_row_a_cluster_is_the_robust_error_of_rows():
    rng = np.random.default_rng(0)
    arm, y = np.repeat([0, 1], [40, 60]), rng.normal(size=100)
    found = clustered(cluster_arms(totals(np.arange(100), arm, y), "m"), 100, 0.95).single()
    hc1 = sm.OLS(y, sm.add_constant(arm.astype(float))).fit(cov_type="HC1").bse[1]
    # HC1 is n / (n - 2), the clustered factor n / (n - 1) x (n - 1) / (n - 2): the same.
    assert found.standard_error == pytest.approx(hc1, rel=1e-9)


def test_relative_interval_is_the_log_ratio_with_the_clusters_covariance():
    cluster, arm, y = draw(5, 50, nested=False)
    arms = cluster_arms(totals(cluster, arm, y), "m")
    means = [y[arm == own].mean() for own in (0, 1)]
    sums = [
        np.bincount(cluster, weights=np.where(arm == own, (y - means[own]) / means[own] / (arm == own).sum(), 0.0))
        for own in (0, 1)
    ]
    error = np.sqrt(50 / 49 * ((sums[1] - sums[0]) ** 2).sum())
    width = stats.t.ppf(0.975, 49) * error
    found = relative_interval(arms, 0.95)
    ratio = means[1] / means[0]
    assert [found.ci_low + 1, found.ci_high + 1] == pytest.approx(
        [ratio * np.exp(-width), ratio * np.exp(width)], rel=1e-9
    )


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "straddling"])
def test_the_shape_is_that_of_the_clusters_scores(nested):
    cluster, arm, y = draw(7, 30, nested)
    columns = {
        prefix + word: np.bincount(cluster, weights=np.where(arm == own, values, 0.0))
        for own, prefix in ((0, CONTROL), (1, TREATMENT))
        for word, values in ((TOTAL, y), (SIZE, np.ones(y.size)))
    }
    residual = y - np.array([y[arm == 0].mean(), y[arm == 1].mean()])[arm]
    scores = np.bincount(cluster, weights=residual * np.where(arm == 1, 1 / arm.sum(), -1 / (1 - arm).sum()))
    found = cluster_shape(cluster_arms(Moments.of(columns), "m"), columns)
    assert found.skewness == pytest.approx(stats.skew(scores), rel=1e-9)
    assert found.largest_share == pytest.approx((scores**2).max() / (scores**2).sum(), rel=1e-9)


def test_few_clusters_are_warned_of():
    for clusters, warned in ((12, True), (60, False)):
        cluster, arm, y = draw(1, clusters, nested=True)
        found = clustered(cluster_arms(totals(cluster, arm, y), "m"), y.size, 0.95).single()
        assert any("clusters: the clustered error" in text for text in found.warnings) is warned


def test_one_cluster_and_an_empty_arm_are_refused():
    cluster, arm, y = draw(1, 12, nested=True)
    with pytest.raises(TrialError, match=r"metric 'm': 1 cluster\(s\) cannot show a spread"):
        cluster_arms(totals(np.zeros(y.size), arm, y), "m")
    with pytest.raises(TrialError, match="the control has no rows"):
        cluster_arms(totals(cluster, np.ones(y.size), y), "m")
    with pytest.raises(TrialError, match="the treatment has no rows"):
        cluster_arms(totals(cluster, np.zeros(y.size), y), "m")
    with pytest.raises(TrialError, match="one cluster holds all rows of the treatment"):
        cluster_arms(totals(cluster, (cluster == 3).astype(int), y), "m")


def test_clusters_without_spread_give_no_certainty():
    cluster, arm, y = draw(1, 12, nested=True)
    found = clustered(cluster_arms(totals(cluster, arm, 1.0 * arm), "m"), y.size, 0.95).single()
    assert (found.standard_error, found.difference) == (0.0, 1.0)
    assert found.p_value == pytest.approx(2 / 12)
    flat = clustered(cluster_arms(totals(cluster, arm, np.zeros(y.size)), "m"), y.size, 0.95).single()
    assert flat.p_value == 1.0

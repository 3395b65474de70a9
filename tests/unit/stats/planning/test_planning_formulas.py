"""The pieces of a plan, held to published tables, to statsmodels, and to sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.planning.counts import count_sd, power_count
from framework.stats.planning.levels import control_share, dunnett_critical, level_each, power_any_all
from framework.stats.planning.margins import power_margin, power_share_between
from framework.stats.planning.means import mean_error_and_df
from framework.stats.planning.statistic import error_scales, power_between
from framework.stats.planning.variance import (
    cluster_design_effect,
    neyman_shares,
    planned_sd,
    sd_of_moments,
    stratified_sd,
    switchback_design_effect,
    unit_sd,
)
from framework.stats.samples import UnitValues

DUNNETT = {
    # Dunnett 1964, "New tables for multiple comparisons with a control", two-sided 5 %, for 1 to 5 and 9 treatments.
    10.0: (2.23, 2.57, 2.76, 2.89, 2.99, 3.24),
    20.0: (2.09, 2.38, 2.54, 2.65, 2.73, 2.95),
    None: (1.96, 2.21, 2.35, 2.44, 2.51, 2.69),
}


@pytest.mark.parametrize("df", DUNNETT)
def test_dunnetts_table(df):
    found = [dunnett_critical(k, df=df) for k in (1, 2, 3, 4, 5, 9)]
    assert [round(value, 2) for value in found] == list(DUNNETT[df])


def test_dunnetts_critical_value_as_scipy():
    # scipy integrates by randomised quasi Monte Carlo, to about 1e-3 of p.
    rng = np.random.default_rng(3)
    control = rng.normal(size=24)
    samples = [rng.normal(mean, size=12) for mean in (0.6, 0.7, 0.8)]
    test = stats.dunnett(*samples, control=control, rng=np.random.default_rng(0))
    for t, p in zip(np.abs(test.statistic), test.pvalue, strict=True):
        assert 0.005 < p < 0.5
        beyond, _ = power_any_all(np.zeros(3), float(t), ratio=0.5, df=56.0)
        assert beyond == pytest.approx(p, abs=2e-3)


def test_levels():
    assert level_each(0.05, treatments=3, metrics=2) == pytest.approx(0.05 / 6)
    assert level_each(0.05, treatments=3, correction="none", share=0.2) == pytest.approx(0.01)
    assert level_each(0.05, treatments=1, correction="dunnett") == pytest.approx(0.05)
    dunnett = level_each(0.05, treatments=3, correction="dunnett")
    assert 0.05 / 3 < dunnett < 0.05
    assert dunnett == pytest.approx(2 * stats.norm.sf(2.349), abs=1e-5)


@pytest.mark.parametrize("treatments", [1, 2, 5])
def test_the_control_share_is_the_best_of_all(treatments):
    def variance(share):
        return 1 / share + treatments / (1 - share)

    best = control_share(treatments)
    assert best == pytest.approx(1 / (1 + math.sqrt(treatments)))
    grid = np.linspace(0.01, 0.99, 99)
    assert variance(best) <= variance(grid).min()


def test_power_of_any_and_all_by_simulation():
    # 200,000 draws: standard error 0.11 points.
    rng, ratio, shifts = np.random.default_rng(1), 0.5, np.array([3.0, 2.0, 0.0])
    control = rng.normal(size=(200_000, 1))
    rho = ratio / (1 + ratio)
    z = shifts + math.sqrt(rho) * control + math.sqrt(1 - rho) * rng.normal(size=(200_000, 3))
    critical = dunnett_critical(3, ratio=ratio)
    found_any, found_all = power_any_all(shifts, critical, ratio=ratio)
    assert found_any == pytest.approx(np.mean((np.abs(z) > critical).any(axis=1)), abs=0.005)
    assert found_all == pytest.approx(np.mean((np.abs(z) > critical).all(axis=1)), abs=0.005)
    assert power_any_all(np.zeros(3), critical, ratio=ratio)[0] == pytest.approx(0.05, abs=1e-9)
    assert power_any_all(np.zeros(3), dunnett_critical(3, df=15.0), df=15.0)[0] == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(("cv", "n", "power"), [(0.25, 24, 0.7391155), (0.30, 40, 0.815845)])
def test_equivalence_as_powertost(cv, n, power):
    # R's PowerTOST, 2x2 crossover, theta0 0.95, limits 0.8 and 1.25, exact by Owen's Q.
    error = math.sqrt(2 * math.log(1 + cv**2) / n)
    bounds = [(math.log(limit) - math.log(0.95)) / error for limit in (0.8, 1.25)]
    assert power_between(*bounds, n - 2) == pytest.approx(power, abs=1e-6)


def test_equivalence_grows_into_the_normal_one_and_is_never_negative():
    assert power_between(-3.0, 3.0, 1e6) == pytest.approx(power_between(-3.0, 3.0), abs=1e-5)
    assert power_between(-0.5, 0.5) == 0.0
    assert 0 < power_between(-0.5, 0.5, 5.0) < 0.05


@pytest.mark.parametrize("df", [1.0, 2.0, 7.5, 300.0])
def test_error_scales_are_those_of_chi_square(df):
    scale, weight = error_scales(df)
    assert weight.sum() == pytest.approx(1.0)
    assert weight @ scale**2 == pytest.approx(1.0, abs=1e-5)
    assert weight @ (scale < 1) == pytest.approx(stats.chi2.cdf(df, df), abs=3e-3)


def test_the_exact_power_of_a_share_between_limits_is_a_binomial_sum():
    exact = power_share_between(0.5, 0.45, 0.55, 1000, exact=True)
    counted = stats.binom.cdf(524, 1000, 0.5) - stats.binom.cdf(475, 1000, 0.5)
    assert exact == pytest.approx(counted, abs=1e-9)


def test_non_inferiority_is_the_one_sided_test_moved_by_the_margin():
    error, df = mean_error_and_df(1.0, 50, 50)
    expected = stats.nct.sf(stats.t.isf(0.025, df), df, (0.1 + 0.4) / error)
    assert power_margin(0.4, error, df, goal="non-inferiority", difference=0.1, alpha=0.025) == pytest.approx(expected)


def test_counts_as_statsmodels():
    from statsmodels.stats.rates import power_poisson_diff_2indep

    expected = power_poisson_diff_2indep(
        2.3, 2.0, 150, nobs_ratio=2.0, alpha=0.05, method_var="alt", return_results=False
    )
    assert power_count(2.0, 2.3, 300, 150) == pytest.approx(float(expected), rel=1e-9)


def test_count_spread_by_simulation():
    # A million counts: the sd is known to 0.2 %.
    rng, mean, alpha = np.random.default_rng(0), 3.0 * 2.0, 0.5
    drawn = rng.negative_binomial(1 / alpha, 1 / (1 + alpha * mean), 1_000_000) / 2.0
    assert count_sd(3.0, exposure=2.0, overdispersion=alpha) == pytest.approx(drawn.std(), rel=0.01)
    assert count_sd(3.0) == pytest.approx(math.sqrt(3))


def test_unit_sd_of_each_kind(mean):
    from framework.stats.moments.record import Moments
    from framework.stats.moments.rows import columns_of, measure_of

    rng = np.random.default_rng(2)
    below = 1.0 + rng.poisson(2, 500)
    above = rng.normal(below, 1.0)
    assert unit_sd(mean(above)) == pytest.approx(above.std(ddof=1))
    ratio = above.sum() / below.sum()
    values = UnitValues("ratio", above, below)
    expected = ((above - ratio * below) / below.mean()).std(ddof=1)
    assert unit_sd(values) == pytest.approx(expected)
    assert sd_of_moments(measure_of(values, "m"), Moments.of(columns_of(values))) == pytest.approx(expected)
    with pytest.raises(TrialError, match="standard deviation is 0"):
        unit_sd(mean(np.ones(5)))


def test_planned_sd():
    assert planned_sd(2.0, variance_reduction=0.75) == pytest.approx(1.0)
    assert planned_sd(2.0, design_effect=4.0, inflation=1.21) == pytest.approx(4.4)


def test_cluster_design_effect_by_simulation():
    # Unequal clusters: the variance of the mean of all units over that of independent ones; 20,000 replications.
    rng, icc, sizes = np.random.default_rng(5), 0.2, np.array([2, 4, 6, 20])
    level = rng.normal(0, math.sqrt(icc), (20_000, 4))
    total = (level * sizes).sum(axis=1) + math.sqrt(1 - icc) * rng.normal(0, np.sqrt(sizes), (20_000, 4)).sum(axis=1)
    found = (total / sizes.sum()).var() * sizes.sum()
    assert cluster_design_effect(8.0, icc, sizes.std() / 8.0) == pytest.approx(found, rel=0.04)
    assert cluster_design_effect(20.0, 0.05) == pytest.approx(1.95)
    assert cluster_design_effect(1.0, 0.7) == pytest.approx(1.0)


def test_strata_explain_what_lies_between_them():
    rng = np.random.default_rng(6)
    groups = rng.integers(3, size=9000)
    values = rng.normal(np.array([0.0, 4.0, 10.0])[groups], np.array([1.0, 2.0, 3.0])[groups])
    shares = np.bincount(groups) / groups.size
    sds = np.array([values[groups == k].std() for k in range(3)])
    level = np.array([values[groups == k].mean() for k in range(3)])
    between = float(shares @ (level - values.mean()) ** 2)
    assert stratified_sd(shares, sds) == pytest.approx(math.sqrt(values.var() - between))
    best = neyman_shares(shares, sds)
    variance = float(np.sum(shares**2 * sds**2 / best))
    assert stratified_sd(shares, sds, allocation="optimal") == pytest.approx(math.sqrt(variance))
    assert stratified_sd(shares, sds, allocation="optimal") < stratified_sd(shares, sds)


@pytest.mark.parametrize("rho", [0.0, 0.3, -0.4, 0.8])
@pytest.mark.parametrize(("block", "washout"), [(1, 0), (3, 0), (5, 2)])
@pytest.mark.parametrize("schedule", ["random", "alternating"])
def test_switchback_design_effect_is_the_sum_of_all_covariances(rho, block, washout, schedule):
    blocks = 1500
    place = np.arange(blocks * block)
    kept = (place % block) >= washout
    sign = np.where((place // block) % 2 == 0, 1.0, -1.0) * kept
    total = float(kept.sum())
    for lag in range(1, 150):
        product = sign[:-lag] * sign[lag:]
        if schedule == "random":
            # Other blocks' arms are as often the same as not.
            product = product * (place[:-lag] // block == place[lag:] // block)
        total += 2 * product.sum() * rho**lag
    expected = total / kept.sum() * block / (block - washout)
    found = switchback_design_effect(rho, block, washout=washout, schedule=schedule)
    assert found == pytest.approx(expected, rel=0.01)

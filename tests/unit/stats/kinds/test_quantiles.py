"""Quantiles of two arms: GrowthBook, tea-tasting's bootstrap, clusters, ties."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.kinds.quantile_bootstrap import quantile_bootstrap, resampled_quantiles
from framework.stats.kinds.quantile_buckets import clustered_quantile_difference, in_buckets
from framework.stats.kinds.quantiles import (
    arm_of_band,
    arm_quantile,
    band_of,
    compare_quantiles,
    quantile_difference,
    relative_quantiles,
)


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


@pytest.fixture(scope="module")
def latency(reference):
    users = reference("users.csv")
    values = users["latency"].astype(float)
    return values[users["variant"] == "0"], values[users["variant"] == "1"]


@pytest.fixture(scope="module")
def spend():
    rng = np.random.default_rng(5)
    return rng.lognormal(3, 1, 400), rng.lognormal(3.1, 1, 430)


@pytest.mark.reference
def test_latency_p90_absolute(latency, reference):
    expected = reference("gbstats.json")["latency_p90"]
    found = quantile_difference(*latency, 0.9)
    assert found.difference == near(expected["t_absolute"]["expected"])
    assert found.standard_error == near(expected["t_absolute"]["uplift"]["stddev"])
    assert [found.ci_low, found.ci_high] == near(expected["t_absolute"]["ci"])
    assert found.p_value == near(expected["t_absolute"]["pValue"])
    assert found.df == near(expected["dof"])


@pytest.mark.reference
def test_latency_p90_relative(latency, reference):
    """The delta method's interval is GrowthBook's; the log-ratio one has the same first-order error."""
    expected = reference("gbstats.json")["latency_p90"]["t_relative"]
    control, treatment = (arm_quantile(values, 0.9) for values in latency)
    found = relative_quantiles(control, treatment, scale="linear")
    assert found.estimate == near(expected["expected"])
    assert [found.ci_low, found.ci_high] == near(expected["ci"])
    ours = relative_quantiles(control, treatment)
    assert np.log((1 + ours.ci_high) / (1 + ours.ci_low)) == near(
        (expected["ci"][1] - expected["ci"][0]) / (1 + expected["expected"])
    )


@pytest.mark.reference
def test_latency_p90_boot(latency, reference):
    """tea-tasting's interval is the basic bootstrap's: 2 x estimate - percentiles, here from our own draws.

    It does not say from how many resamples; the tolerance is 4 standard errors of an end at 1,000.
    """
    expected = reference("tea_tasting.json")["overall"]["latency_p90_boot"]
    control, treatment = (np.sort(values) for values in latency)
    rng = np.random.default_rng(1)
    draws = resampled_quantiles(treatment, 0.9, 200_000, rng) - resampled_quantiles(control, 0.9, 200_000, rng)
    estimate = expected["effect_size"]
    ends = 2 * estimate - np.quantile(draws.reshape(200, 1000), [0.975, 0.025], axis=1)
    assert quantile_difference(control, treatment, 0.9).difference == near(estimate)
    for end, side in zip(ends, ("lower", "upper"), strict=True):
        assert end.mean() == pytest.approx(expected[f"effect_size_ci_{side}"], abs=4 * end.std())
    ratios = resampled_quantiles(treatment, 0.9, 200_000, rng) / resampled_quantiles(control, 0.9, 200_000, rng) - 1
    ends = 2 * expected["rel_effect_size"] - np.quantile(ratios.reshape(200, 1000), [0.975, 0.025], axis=1)
    for end, side in zip(ends, ("lower", "upper"), strict=True):
        assert end.mean() == pytest.approx(expected[f"rel_effect_size_ci_{side}"], abs=4 * end.std())


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_bootstrap_draws_are_resampled_quantiles(q):
    """Order statistics of uniforms against real resamples: means and spreads agree within 5 standard errors."""
    rng = np.random.default_rng(2)
    values = np.sort(rng.lognormal(0, 1, 37))
    real = np.quantile(rng.choice(values, (40_000, 37)), q, axis=1)
    drawn = resampled_quantiles(values, q, 40_000, rng)
    assert drawn.mean() == pytest.approx(real.mean(), abs=5 * real.std() * np.sqrt(2 / 40_000))
    assert np.abs(np.mean(drawn[:, None] <= values, axis=0) - np.mean(real[:, None] <= values, axis=0)).max() < 0.015


def test_bootstrap_is_seeded_and_agrees_with_the_formula(spend):
    first, again = (quantile_bootstrap(*spend, 0.5, rng=np.random.default_rng(7)) for _ in range(2))
    assert first == again
    formula = quantile_difference(*spend, 0.5)
    assert first.difference == formula.difference
    assert first.standard_error == near(formula.standard_error, rel=0.25)
    assert 0 < first.p_value <= 1


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_a_metrics_unit_changes_nothing(spend, q):
    one = quantile_difference(*spend, q)
    other = quantile_difference(*(1000 * values for values in spend), q)
    assert other.p_value == near(one.p_value)
    assert other.standard_error == near(1000 * one.standard_error)


def test_error_is_the_density_formula():
    """Large n: sqrt(q (1 - q) / n) over the density, exactly known for an exponential. 4 % for the band's own noise."""
    values = np.random.default_rng(4).exponential(1, 400_000)
    found = arm_quantile(values, 0.9)
    assert found.value == pytest.approx(np.log(10), abs=5 * np.sqrt(0.9 * 0.1 / 400_000) / 0.1)
    assert found.error == near(np.sqrt(0.9 * 0.1 / 400_000) / 0.1, rel=0.04)


def test_an_engine_can_fill_in_the_band(spend):
    def by_engine(values):
        levels = band_of(0.9, values.size)
        value, low, high = np.quantile(values, [0.9, *levels])
        return arm_of_band(0.9, values.size, value, low, high)

    assert compare_quantiles(*(by_engine(values) for values in spend)) == quantile_difference(*spend, 0.9)


def test_buckets_of_one_row_are_independent_rows(spend):
    arm = arm_quantile(spend[0], 0.9)
    found = in_buckets(arm, spend[0] <= arm.value, np.ones(400))
    assert found.error == near(arm.error)
    assert found.df == 399


@pytest.mark.parametrize("size", [1, 8])
def test_rows_copied_within_clusters_are_no_news(spend, size):
    """Every unit written `size` times: the error must stay that of the units, sqrt(size) times the naive one."""
    control, treatment = (np.repeat(values, size) for values in spend)
    clusters = [np.repeat(np.arange(values.size), size) for values in spend]
    naive = quantile_difference(control, treatment, 0.5).standard_error
    found = clustered_quantile_difference(control, clusters[0], treatment, clusters[1], 0.5)
    assert found.standard_error == near(np.sqrt(size) * naive, rel=0.01)
    assert found.df < 829


def test_hash_buckets_carry_the_clusters_variance():
    """4,000 users with 1 to 9 sessions: 500 buckets of users give the users' own error within 10 %."""
    rng = np.random.default_rng(6)
    user = np.repeat(np.arange(4000), rng.integers(1, 10, 4000))
    values = np.exp(rng.normal(0, 1, 4000)[user] + rng.normal(0, 0.5, user.size))
    arm = arm_quantile(values, 0.9)

    def error(labels):
        below = np.bincount(labels, weights=values <= arm.value)
        return in_buckets(arm, below, np.bincount(labels)).error

    assert error(user) > 1.5 * arm.error
    assert error(user % 500) == near(error(user), rel=0.1)


def test_ties_have_an_error_and_a_warning():
    rng = np.random.default_rng(8)
    items = rng.poisson(1.2, 300).astype(float), rng.poisson(1.3, 300).astype(float)
    found = quantile_difference(*items, 0.5)
    assert found.standard_error > 0
    assert any("moves in jumps" in text for text in found.warnings)
    smooth = quantile_difference(rng.normal(size=300), rng.normal(size=300), 0.5)
    assert smooth.warnings == ()


def test_arms_without_spread():
    """Two constant arms of 5: only one of 252 splits shows the difference, and its mirror image."""
    found = quantile_difference(np.ones(5), np.full(5, 2.0), 0.5)
    assert (found.difference, found.ci_low, found.ci_high) == (1, 1, 1)
    assert found.p_value == near(2 / 252)
    assert any("zero variance" in text for text in found.warnings)
    assert quantile_difference(np.ones(5), np.ones(5), 0.5).p_value == 1


def test_small_tails_warn(spend):
    assert any("reaches an arm's end" in text for text in quantile_difference(*spend, 0.999).warnings)
    assert any("beyond" in text for text in quantile_difference(spend[0][:60], spend[1], 0.9).warnings)


def test_relative_is_refused_near_zero():
    rng = np.random.default_rng(9)
    around = arm_quantile(rng.normal(0, 1, 100), 0.5)
    assert "near to zero" in (relative_quantiles(around, around).reason or "") or around.value < 0
    below = arm_quantile(rng.normal(-5, 1, 100), 0.5)
    assert "negative" in relative_quantiles(below, below).reason
    above = arm_quantile(rng.normal(5, 1, 100), 0.5)
    assert "logarithm" in relative_quantiles(above, below).reason


@pytest.mark.parametrize(
    ("values", "q", "text"),
    [
        ([1.0, np.nan], 0.5, "1 of 2 values"),
        ([1.0], 0.5, "1 unit"),
        ([1.0, 2.0], 1.0, "level"),
        ([[1.0]], 0.5, "shape"),
    ],
)
def test_impossible_values_are_refused(values, q, text):
    with pytest.raises(TrialError, match=text):
        arm_quantile(values, q)


def test_impossible_buckets_are_refused(spend):
    arm = arm_quantile(spend[0], 0.9)
    for below, rows, text in (
        ([1, 2], [400], "do not match"),
        ([1], [400], "1 bucket"),
        ([5, 1], [4, 396], "more rows"),
        ([1, 1], [4, 5], "hold 9 rows"),
    ):
        with pytest.raises(TrialError, match=text):
            in_buckets(arm, below, rows)
    with pytest.raises(TrialError, match="control's quantile is at"):
        compare_quantiles(arm, arm_quantile(spend[1], 0.5))
    with pytest.raises(TrialError, match="log, linear"):
        relative_quantiles(arm, arm, scale="cubic")

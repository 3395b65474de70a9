"""The bootstrap of buckets: sums kept whole, and errors of means and ratios as formulas say."""

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.off_policy import BucketSums, bootstrapped, corrected_mean_of, mean_of, value_interval
from framework.stats.off_policy import buckets as module
from framework.stats.off_policy.buckets import percentiles


@pytest.fixture
def log():
    rng = np.random.default_rng(0)
    weight = rng.gamma(0.5, 2.0, 40_000)
    reward = rng.binomial(1, 0.1, 40_000).astype(np.float64)
    return weight, reward, rng.uniform(0.05, 0.15, 40_000), rng.uniform(0.05, 0.15, 40_000)


def test_sums_are_those_of_all_rows_whatever_the_block(log, monkeypatch):
    weight, reward, _, _ = log
    whole = BucketSums.of([weight, weight * reward])
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 777)
    np.testing.assert_allclose(BucketSums.of([weight, weight * reward]).sums, whole.sums, rtol=1e-10)
    np.testing.assert_allclose(whole.total(), [weight.sum(), weight @ reward], rtol=1e-12)


def test_buckets_are_of_even_size_and_break_up_neighbours():
    n = 100_000
    sizes = BucketSums.of([np.ones(n)], buckets=200).sums[:, 0]
    assert sizes.sum() == n
    assert sizes.min() > 450
    # The first tenth of the log is in no bucket much more than elsewhere.
    early = BucketSums.of([(np.arange(n) < n / 10).astype(float)], buckets=200).sums[:, 0]
    assert early.max() < 60


def test_a_units_rows_are_in_one_bucket():
    unit = np.random.default_rng(1).integers(-50, 50, 3000)
    sums = BucketSums.of([(unit == one).astype(np.float64) for one in range(-50, 50)], unit=unit, buckets=37).sums
    assert ((sums > 0).sum(axis=0) == 1).all()


@pytest.mark.parametrize("kind", ["mean", "ratio", "corrected"])
def test_errors_are_those_of_influence_values(kind, log):
    weight, reward, fitted, expected = log
    n = len(weight)
    value = (weight @ reward) / weight.sum()
    residual = reward - fitted
    rest = (weight @ residual) / weight.sum()
    columns, statistic, terms = {
        "mean": ([weight * reward, np.ones(n)], mean_of, weight * reward),
        "ratio": ([weight * reward, weight], mean_of, value + weight * (reward - value) / weight.mean()),
        "corrected": (
            [expected, np.ones(n), weight * residual, weight],
            corrected_mean_of,
            expected + rest + weight * (residual - rest) / weight.mean(),
        ),
    }[kind]
    found = bootstrapped(BucketSums.of(columns), statistic, np.random.default_rng(2), resamples=2000)
    formula = value_interval(terms)
    assert found.value == pytest.approx(formula.value, rel=1e-10)
    # 1,000 buckets and 2,000 resamples: 2.2 % and 1.6 % of error in an error.
    assert found.standard_error == pytest.approx(formula.standard_error, rel=0.08)
    assert (found.ci_low, found.ci_high) == pytest.approx((formula.ci_low, formula.ci_high), rel=0.02)


def test_clusters_widen_as_their_formula_says():
    rng = np.random.default_rng(4)
    unit = np.repeat(np.arange(4000), 5)
    terms = rng.normal(size=20_000) + 2 * rng.normal(size=4000)[unit]
    found = bootstrapped(BucketSums.of([terms, np.ones(20_000)], unit=unit), mean_of, rng, resamples=2000)
    assert found.standard_error == pytest.approx(value_interval(terms, unit).standard_error, rel=0.08)


def test_percentiles_leave_out_as_much_as_they_say():
    """Of uniform draws: 2.5 % of the law lie below the lower end on average, with 100 draws as with many."""
    draws = np.random.default_rng(6).random((4000, 100))
    below = np.mean([percentiles(0.0, one, 0.95).ci_low for one in draws])
    # An end of 100 draws has a standard deviation of 0.016.
    assert below == pytest.approx(0.025, abs=4 * 0.016 / np.sqrt(4000))
    assert np.quantile(draws, 0.025, axis=1).mean() > 0.032


def test_same_generator_same_draws(log):
    sums = BucketSums.of([log[0], log[1]])
    first, again = (bootstrapped(sums, mean_of, np.random.default_rng(5), resamples=50) for _ in range(2))
    np.testing.assert_array_equal(first.draws, again.draws)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(TrialError, match="2 or more"):
        BucketSums.of([np.ones(3)], buckets=1)
    with pytest.raises(TrialError, match="equal length"):
        BucketSums.of([np.ones(3), np.ones(4)])
    with pytest.raises(TrialError, match="nothing to divide by"):
        bootstrapped(BucketSums.of([np.ones(9), np.zeros(9)]), mean_of, np.random.default_rng(0), resamples=5)

"""Intervals of influence values: by hand, against statsmodels' clustered errors, and Hall's transformation undone."""

import math

import numpy as np
import pytest
from scipy import stats

from framework.errors import TrialError
from framework.stats.off_policy import refitted, standard_error, value_interval


@pytest.fixture
def skewed():
    return np.random.default_rng(0).gamma(0.3, 1.0, 50)


def test_mean_of_independent_terms_is_students(skewed):
    found = value_interval(skewed, confidence=0.9)
    low, high = stats.t.interval(0.9, 49, loc=skewed.mean(), scale=stats.sem(skewed))
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high), rel=1e-12)
    assert found.skewness == pytest.approx(stats.skew(skewed), rel=1e-12)
    assert (found.units, found.df) == (50, 49)


def test_clusters_are_summed_before_they_are_squared():
    rng = np.random.default_rng(1)
    unit = rng.integers(0, 40, 300)
    terms = rng.normal(size=300) + rng.normal(size=40)[unit]
    found = value_interval(terms, unit * 7 - 100)
    names = sorted(set(unit.tolist()))
    squares = sum(sum(term - terms.mean() for term in terms[unit == name]) ** 2 for name in names)
    assert found.standard_error == pytest.approx(math.sqrt(len(names) / (len(names) - 1) * squares) / 300)
    assert found.units == len(names)
    sizes = np.bincount(unit)
    assert found.df == pytest.approx(sizes.sum() ** 2 / (sizes**2).sum() - 1)
    assert found.standard_error > 1.5 * standard_error(terms)


def test_units_of_one_row_are_rows(skewed):
    one_each = value_interval(skewed, np.arange(50)[::-1].copy())
    assert one_each.standard_error == pytest.approx(value_interval(skewed).standard_error)


@pytest.mark.parametrize("sign", [1, -1])
def test_halls_interval_is_where_the_transform_meets_the_quantile(skewed, sign):
    terms = sign * skewed
    found = value_interval(terms, method="hall")
    g, n = stats.skew(terms), len(terms)
    edge = stats.t.ppf(0.975, n - 1)
    for bound, wanted in ((found.ci_low, edge), (found.ci_high, -edge)):
        t = (terms.mean() - bound) / found.standard_error
        transformed = t + g * t**2 / (3 * math.sqrt(n)) + g**2 * t**3 / (27 * n) + g / (6 * math.sqrt(n))
        assert transformed == pytest.approx(wanted, rel=1e-9)
    longer = found.ci_high - found.value > found.value - found.ci_low
    assert longer == (sign > 0)


def test_without_skewness_halls_interval_is_students():
    terms = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    plain, hall = value_interval(terms), value_interval(terms, method="hall")
    assert (hall.ci_low, hall.ci_high) == pytest.approx((plain.ci_low, plain.ci_high))


@pytest.mark.parametrize("method", ["t", "hall"])
def test_no_spread_is_a_point(method):
    found = value_interval(np.full(10, 0.25), method=method)
    assert (found.ci_low, found.ci_high, found.standard_error) == (0.25, 0.25, 0.0)


def test_small_sample_factor_can_be_left_out(skewed):
    assert standard_error(skewed, small_sample=False) == pytest.approx(skewed.std() / math.sqrt(50))
    assert standard_error(skewed) == pytest.approx(skewed.std(ddof=1) / math.sqrt(50))


@pytest.mark.parametrize(
    ("terms", "kwargs", "words"),
    [
        (np.ones(1), {}, "1 unit"),
        (np.ones(4), {"unit": np.zeros(4, dtype=int)}, "1 unit"),
        (np.array([1.0, np.nan]), {}, "missing or infinite"),
        (np.ones(4), {"method": "bca"}, "t, hall"),
        (np.ones(4), {"confidence": 95.0}, "between 0 and 1"),
    ],
)
def test_what_has_no_interval_is_refused(terms, kwargs, words):
    with pytest.raises(TrialError, match=words):
        value_interval(terms, **kwargs)


def test_refitting_a_mean_is_the_bootstrap_of_the_mean(skewed):
    found = refitted(lambda counts: float(counts @ skewed / counts.sum()), 50, np.random.default_rng(3), resamples=4000)
    assert found.value == pytest.approx(skewed.mean())
    assert found.standard_error == pytest.approx(skewed.std() / math.sqrt(50), rel=0.06)
    assert found.ci_low < found.value < found.ci_high


def test_refitting_draws_whole_units():
    seen = []

    def refit(counts):
        seen.append(counts)
        return float(counts[0])

    unit = np.array([5, 9, 5, 7, 9])
    refitted(refit, 5, np.random.default_rng(0), unit=unit, resamples=30)
    np.testing.assert_array_equal(seen[0], np.ones(5))
    for counts in seen[1:]:
        assert counts[0] == counts[2]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3


def test_a_refit_without_a_value_is_refused():
    with pytest.raises(TrialError, match="refits gave no value"):
        refitted(lambda counts: math.nan if counts[0] == 0 else 1.0, 5, np.random.default_rng(0))

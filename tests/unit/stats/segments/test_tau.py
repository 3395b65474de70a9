"""The spread between segments against statsmodels and the likelihood itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from framework.errors import TrialError
from framework.stats.segments import tau_squared
from framework.stats.segments.tau import METHODS

SETS = [np.random.default_rng(seed) for seed in (1, 2, 3)]
DATA = [(rng.normal(1, 2, k), rng.uniform(0.5, 1.5, k)) for rng, k in zip(SETS, (3, 8, 40), strict=True)]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("method", "theirs"), [("paule-mandel", "iterated"), ("dersimonian-laird", "chi2")])
def test_as_statsmodels(data, method, theirs):
    y, error = data
    options = {"atol": 1e-13, "maxiter": 1000} if theirs == "iterated" else {}
    expected = combine_effects(y, error**2, method_re=theirs, **options).tau2
    assert tau_squared(y, error, method) == pytest.approx(max(0.0, expected), rel=1e-7)  # it leaves negative ones


@pytest.mark.parametrize("data", DATA)
def test_reml_is_where_the_restricted_likelihood_is_largest(data):
    y, error = data
    found = tau_squared(y, error, "reml")
    # The likelihood of contrasts that do not depend on the mean, written as a normal density.
    k = y.size
    contrasts = np.eye(k)[1:] - np.eye(k)[:1]

    def likelihood(tau2):
        spread = contrasts @ np.diag(error**2 + tau2) @ contrasts.T
        return stats.multivariate_normal.logpdf(contrasts @ y, cov=spread)

    grid = np.linspace(0, 4 * y.var(), 401)
    best = likelihood(found)
    assert best >= max(likelihood(tau2) for tau2 in grid) - 1e-9
    assert best > likelihood(found * 1.01 + 0.01)
    assert found == 0 or best > likelihood(found * 0.99)


def test_equal_errors_make_reml_and_paule_mandel_the_variance_left_over():
    y = np.array([1.0, 4.0, 2.0, 9.0, 5.0])
    expected = y.var(ddof=1) - 1.5**2
    for method in METHODS:
        assert tau_squared(y, np.full(5, 1.5), method) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_alike_segments_have_no_spread_and_units_change_nothing(method):
    assert tau_squared(np.array([1.0, 1.1, 0.9]), np.ones(3), method) == 0
    y, error = DATA[1]
    assert tau_squared(1000 * y, 1000 * error, method) == pytest.approx(1e6 * tau_squared(y, error, method), rel=1e-7)
    assert tau_squared(1e-4 * y, 1e-4 * error, method) == pytest.approx(1e-8 * tau_squared(y, error, method), rel=1e-7)


@pytest.mark.parametrize(
    ("y", "error", "method", "message"),
    [
        ([1.0, 2.0], [1.0, 1.0], "rmel", "Did you mean 'reml'"),
        ([1.0], [1.0], "reml", "2 or more"),
        ([1.0, 2.0], [1.0, 0.0], "reml", "above 0"),
        ([1.0, np.nan], [1.0, 1.0], "reml", "missing"),
    ],
)
def test_unusable_segments_have_no_spread(y, error, method, message):
    with pytest.raises(TrialError, match=message):
        tau_squared(np.array(y), np.array(error), method)

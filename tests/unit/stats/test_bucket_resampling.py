"""Buckets of units say what rows say: bootstrap and jackknife held to rows, to a reference and to coverage."""

from __future__ import annotations

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.adjustment.regression import adjusted
from framework.stats.compare import adjusted_effect_of, effect_of
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments, stacked
from framework.stats.moments.resampled import bucket_bootstrap, bucket_jackknife
from framework.stats.moments.two_arms import TwoArms

MEAN = Measure("m", "mean", "y")
RATIO = Measure("r", "ratio", "y", "d")
ADJUSTED = Measure("a", "mean", "y", None, (Covariate("x"),))


def in_buckets(columns, bucket, buckets):
    return stacked([Moments.of({k: v[bucket == b] for k, v in columns.items()}) for b in range(buckets)])


def draw(rng, n, gain=0.0):
    x = rng.normal(size=n)
    d = rng.poisson(3, n) + 1.0
    return {"y": x + rng.normal(5 + gain, 1, n) + 0.3 * d, "d": d, "x": x}


def lin_difference(arms):
    fit = adjusted(arms)
    return fit.treatment.value - fit.control.value


@pytest.mark.parametrize("measure", [MEAN, RATIO, ADJUSTED])
def test_errors_from_buckets_are_those_of_the_formulas(measure):
    rng = np.random.default_rng(0)
    sides = [draw(rng, 20_000), draw(rng, 20_000, 0.1)]
    buckets = [in_buckets(side, rng.integers(0, 200, 20_000), 200).pick(measure.columns) for side in sides]
    arms = TwoArms(measure, Moments.of(sides[0]), Moments.of(sides[1]))
    names = {"control_name": "a", "treatment_name": "b"}
    effect = adjusted_effect_of(arms, **names) if measure.covariates else effect_of(arms, **names)
    statistic = {"statistic": lin_difference} if measure.covariates else {}
    batch = TwoArms(measure, buckets[0], buckets[1])
    knife = bucket_jackknife(batch, **statistic)
    boot = bucket_bootstrap(batch, rng=rng, **statistic)
    assert knife.difference == pytest.approx(effect.estimate, rel=1e-9)
    assert boot.difference == pytest.approx(effect.estimate, rel=1e-9)
    # A variance from 200 buckets has a relative error of sqrt(2 / 199) = 0.1, a standard error half of that.
    assert knife.standard_error == pytest.approx(effect.standard_error, rel=4 * 0.05)
    assert boot.standard_error == pytest.approx(knife.standard_error, rel=4 / np.sqrt(2 * 2000))


@pytest.mark.reference
def test_poisson_bootstrap_minutes(reference):
    users, expected = reference("users.csv"), reference("statsmodels_scipy.json")["poisson_bootstrap_minutes"]
    sides = [users["minutes"][users["variant"] == arm].astype(float) for arm in "01"]
    total = sides[0].size + sides[1].size
    # Every unit is a bucket of its own, in its arm; the other arm has nobody there.
    batch = TwoArms(MEAN, _single_units(sides[0], 0, total), _single_units(sides[1], sides[0].size, total))
    found = bucket_bootstrap(batch, rng=np.random.default_rng(1), resamples=4000)
    # Monte-Carlo: a standard error of r draws has a relative error 1 / sqrt(2 r); 2.5 % quantiles one of 0.06 errors.
    assert found.standard_error == pytest.approx(expected["se"], rel=4 / np.sqrt(2 * 2000))
    assert [found.ci_low, found.ci_high] == pytest.approx(expected["pct"], abs=0.3 * expected["se"])


def _single_units(side, start, total):
    n, mean = np.zeros(total), np.zeros((total, 1))
    n[start : start + side.size] = 1.0
    mean[start : start + side.size, 0] = side
    return Moments(("y",), n, mean, np.zeros((total, 1, 1)))


def test_bootstrap_interval_covers():
    # 300 replications at 95 %: a binomial standard error of 1.3 points; 100 buckets cost about half a point.
    covered = 0
    for seed in range(300):
        rng = np.random.default_rng([7, seed])
        sides = [in_buckets(draw(rng, 1000), np.arange(1000) % 100, 100).pick(("y",)) for _ in range(2)]
        found = bucket_bootstrap(TwoArms(MEAN, sides[0], sides[1]), rng=rng, resamples=400)
        covered += found.ci_low <= 0 <= found.ci_high
    assert covered / 300 == pytest.approx(0.945, abs=4 * 0.0132)


def test_too_few_buckets_are_refused_and_few_are_warned_of():
    rng = np.random.default_rng(3)
    sides = [in_buckets(draw(rng, 100), np.arange(100) % 10, 10).pick(("y",)) for _ in range(2)]
    assert "Only 10 buckets" in bucket_jackknife(TwoArms(MEAN, sides[0], sides[1])).warnings[0]
    one = TwoArms(MEAN, sides[0].at(np.array([0])), sides[1].at(np.array([0])))
    with pytest.raises(TrialError, match="2 or more"):
        bucket_jackknife(one)

"""Betting: the published recursion written out plainly, its error counted over all samples, and two arms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import optimize

from framework.errors import TrialError
from framework.stats.sequential.betting import betting_difference_look, betting_interval, betting_look, placed
from framework.stats.sequential.bounded import bernoulli_interval


def capitals(values, mean, alpha, tau):
    """Waudby-Smith and Ramdas 2024, hedged capital with c = 1/2, one value at a time."""
    up = down = 1.0
    total, spread, variance = 0.5, 0.25, 0.25
    for t, x in enumerate(values, start=1):
        later = t * math.log(t + 1) / math.log(tau + 1)
        stake = math.sqrt(2 * math.log(2 / alpha) / (variance * max(later, tau)))
        up *= 1 + min(stake, 0.5 / mean) * (x - mean)
        down *= 1 - min(stake, 0.5 / (1 - mean)) * (x - mean)
        total += x
        spread += (x - total / (t + 1)) ** 2
        variance = spread / (t + 1)
    return up, down


@pytest.mark.parametrize("mean", [0.05, 0.5, 0.93])
@pytest.mark.parametrize("tau", [math.e - 1, 20.0, 400.0])
def test_capital_is_the_published_recursion(mean, tau):
    """At tau = e - 1 the stakes are those of the confidence sequence (from the second value), at 400 the interval's."""
    values = np.random.default_rng(0).beta(2, 5, 60)
    bets = placed(values, alpha=0.1, tau=tau)
    up, down = capitals(values, mean, 0.1, tau)
    assert (math.exp(bets.above(mean)), math.exp(bets.below(mean))) == pytest.approx((up, down), rel=1e-10)


def test_the_interval_ends_where_a_capital_is_two_over_alpha():
    values = np.random.default_rng(1).beta(2, 5, 400)
    low, high = betting_interval(values, alpha=0.1, tau=300)
    assert capitals(values, low, 0.1, 300)[0] == pytest.approx(20, rel=1e-6)
    assert capitals(values, high, 0.1, 300)[1] == pytest.approx(20, rel=1e-6)
    assert low < values.mean() < high


@pytest.mark.parametrize("mean", [0.1, 0.5])
def test_the_error_of_looking_after_every_value_counted_exactly(mean):
    """All samples of 12 zeros and ones with their chances: at alpha 0.3 some look misses the truth in 30 % at most."""
    left = 0.0
    for sample in itertools.product((0.0, 1.0), repeat=12):
        chance = math.prod(mean if x else 1 - mean for x in sample)
        bets = placed(sample, alpha=0.3, tau=8)
        up = np.cumsum(np.log1p(np.minimum(bets.stakes, 0.5 / mean) * (bets.values - mean)))
        down = np.cumsum(np.log1p(-np.minimum(bets.stakes, 0.5 / (1 - mean)) * (bets.values - mean)))
        left += chance * bool((np.maximum(up, down) >= math.log(2 / 0.3)).any())
    assert 0 < left <= 0.3


def test_capital_is_a_fair_game():
    """The mean of both capitals over all 2^12 samples, at the true mean, is exactly 1."""
    mean, up, down = 0.3, 0.0, 0.0
    for sample in itertools.product((0.0, 1.0), repeat=12):
        chance = math.prod(mean if x else 1 - mean for x in sample)
        bets = placed(sample, alpha=0.05, tau=8)
        up += chance * math.exp(bets.above(mean))
        down += chance * math.exp(bets.below(mean))
    assert (up, down) == pytest.approx((1.0, 1.0), rel=1e-10)


def test_small_variance_makes_it_narrower_than_the_bernoulli_mixture():
    values = 0.4 + 0.02 * np.random.default_rng(2).random(3000)
    low, high = betting_interval(values)
    wide = bernoulli_interval(float(values.sum()), values.size)
    assert high - low < (wide[1] - wide[0]) / 10


@pytest.mark.parametrize("null", [0.0, 0.05, -0.3])
@pytest.mark.parametrize("shift", [0.0, 0.15])
def test_two_arms_by_their_definition(null, shift):
    """p is the least alpha at which no means that differ by the null survive in both arms, found by bisection."""
    rng = np.random.default_rng(3)
    control, treatment = 0.8 * rng.beta(2, 3, 300), 0.8 * rng.beta(2, 3, 350) + shift
    look = betting_difference_look(control, treatment, null=null)
    arms = [placed(values, alpha=0.025, tau=2500) for values in (control, treatment)]

    def apart(log_alpha):
        (a, b), (c, d) = (arm.interval(math.log(4) - log_alpha) for arm in arms)
        return max(c - null - b, a - (d - null))

    if look.p_value < 1:
        root = optimize.brentq(apart, -600, 1.3, xtol=1e-10)
        assert look.p_value == pytest.approx(math.exp(root), rel=1e-6)
    low, high = (betting_interval(values, alpha=0.025, tau=2500) for values in (control, treatment))
    assert (look.ci_low, look.ci_high) == pytest.approx((high[0] - low[1], high[1] - low[0]), rel=1e-9)
    assert look.crossed == (look.p_value <= 0.05) == (not look.ci_low < null < look.ci_high)


@pytest.mark.parametrize("tau", [500, 5000])
def test_it_is_about_narrowest_at_tau(tau):
    """In sd / sqrt(n): sqrt(2 ln(2 / alpha)) = 2.72 at tau, more but within twice that a decade around."""
    values = (np.random.default_rng(6).random(10 * tau) < 0.5).astype(float)

    def width(n):
        low, high = betting_interval(values[:n], tau=tau)
        return (high - low) / 2 / (0.5 / math.sqrt(n))

    assert width(tau) == pytest.approx(math.sqrt(2 * math.log(40)), rel=0.05)
    assert width(tau) < width(tau // 10) < 2 * width(tau)
    assert width(tau) < width(tau * 10) < 2 * width(tau)


def test_paired_differences():
    differences = np.clip(np.random.default_rng(4).normal(0.2, 0.3, 500), -1, 1)
    look = betting_look(differences, low=-1.0, high=1.0)
    low, high = betting_interval(differences, low=-1.0, high=1.0)
    assert (look.ci_low, look.ci_high) == (pytest.approx(low), pytest.approx(high))
    assert 0 < low < differences.mean() < high
    assert look.crossed
    at_end = betting_look(differences, low=-1.0, high=1.0, null=low)
    assert at_end.p_value == pytest.approx(0.05, rel=1e-6)


def test_the_unit_does_not_matter():
    rng = np.random.default_rng(5)
    control, treatment = rng.beta(2, 3, 200), rng.beta(3, 3, 200)
    plain = betting_difference_look(control, treatment)
    pence = betting_difference_look(1000 * control, 1000 * treatment, high=1000.0)
    assert pence.p_value == pytest.approx(plain.p_value, rel=1e-9)
    assert (pence.ci_low, pence.ci_high) == pytest.approx((1000 * plain.ci_low, 1000 * plain.ci_high), rel=1e-9)
    assert pence.boundary == pytest.approx(plain.boundary, rel=1e-9)


def test_constant_values_are_no_error():
    same = betting_difference_look(np.zeros(500), np.zeros(500))
    assert (same.crossed, same.p_value) == (False, 1.0)
    assert same.ci_low < 0 < same.ci_high < 0.1
    apart = betting_difference_look(np.zeros(500), np.ones(500))
    assert apart.crossed
    assert apart.ci_low > 0.8
    assert betting_interval([0.5]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: betting_interval([]), "one value or more"),
        (lambda: betting_interval([0.5, 1.2, math.nan]), "2 of 3 values are not within"),
        (lambda: betting_interval([0.5], alpha=1.0), "alpha is 1"),
        (lambda: betting_interval([0.5], tau=0.0), "tau is 0"),
        (lambda: betting_interval([0.5], low=1.0, high=0.0), "bounds are 1 and 0"),
        (lambda: betting_look([0.5], null=2.0), "null is 2"),
        (lambda: betting_difference_look([0.5], [0.5], null=-1.0), "null is -1"),
    ],
)
def test_refuses_in_words(call, says):
    with pytest.raises(TrialError, match=says):
        call()

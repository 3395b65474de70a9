"""The Bernoulli mixture: its formula by quadrature, its error counted exactly, and its combination of two arms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from framework.errors import TrialError
from framework.stats.sequential.bounded import (
    bernoulli_difference_look,
    bernoulli_interval,
    log_evidence,
    prior_weight,
)


@pytest.mark.parametrize(("successes", "n", "mean"), [(3, 10, 0.2), (0, 25, 0.1), (7.3, 12, 0.5)])
def test_evidence_is_the_likelihood_averaged_over_the_prior(successes, n, mean):
    def likelihood(p):
        return p**successes * (1 - p) ** (n - successes)

    average = integrate.quad(
        lambda p: likelihood(p) * stats.beta.pdf(p, 9 * mean, 9 * (1 - mean)), 0, 1, epsabs=0, epsrel=1e-11
    )[0]
    assert math.exp(log_evidence(successes, n, mean, 9.0)) == pytest.approx(average / likelihood(mean), rel=1e-9)


@pytest.mark.parametrize(("total", "n"), [(3, 10), (1, 5000), (250, 400), (0, 30), (30, 30), (12.7, 40)])
@pytest.mark.parametrize("alpha", [0.01, 0.2])
def test_the_interval_ends_where_the_evidence_is_one_over_alpha(total, n, alpha):
    low, high = bernoulli_interval(total, n, alpha=alpha, tau=600)
    assert low <= total / n <= high
    for end in (low, high):
        if 0 < end < 1:
            assert float(log_evidence(total, n, end, prior_weight(alpha, 600))) == pytest.approx(
                -math.log(alpha), rel=1e-8
            )
    # With the prior around m, one success alone does not rule out means just above 0.
    assert (low == 0) == (total <= 1)
    assert (high == 1) == (total == n)


@pytest.mark.parametrize("mean", [0.03, 0.3, 0.5])
@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_the_error_of_looking_after_every_value_counted_exactly(mean, alpha):
    """No simulation: the chance that any of the first 400 looks leaves out the truth, summed over all paths.

    At most alpha, and no less than a third of it: the bound is not idle.
    """
    going, left, weight = np.ones(1), 0.0, prior_weight(alpha, 100)
    for n in range(1, 401):
        going = np.append(going * (1 - mean), 0.0) + np.append(0.0, going * mean)
        out = log_evidence(np.arange(n + 1.0), n, mean, weight) >= -math.log(alpha)
        left += going[out].sum()
        going[out] = 0.0
    assert going.sum() + left == pytest.approx(1.0, abs=1e-12)
    assert alpha / 3 < left <= alpha


@pytest.mark.parametrize("values", [(0.0, 0.5, 1.0), (0.2, 0.4, 0.6)])
def test_values_between_the_bounds_are_left_out_no_more_often(values):
    """The same count for three values in equal shares (sums in tenths): means 0.5 and 0.4, 150 looks, alpha 0.05."""
    moves, mean = [round(10 * value) for value in values], float(np.mean(values))
    going, left = np.ones(1), 0.0
    for n in range(1, 151):
        wider = np.zeros(10 * n + 1)
        for move in moves:
            wider[move : move + going.size] += going / 3
        out = log_evidence(np.arange(10 * n + 1) / 10, n, mean, prior_weight(0.05, 100)) >= -math.log(0.05)
        left += wider[out].sum()
        going = np.where(out, 0.0, wider)
    assert left <= 0.05


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_the_error_of_comparing_two_arms_after_every_pair_counted_exactly(rate):
    """Equal arms, both counts followed exactly over 24 looks: p falls to 0.2 at some look in at most 20 %.

    Evidence at the pooled mean is at least the least one, so only where it is enough must p itself be asked for.
    """
    going, left, weight = np.ones((1, 1)), 0.0, prior_weight(0.2, 30, arms=2)
    for n in range(1, 25):
        for axis in (0, 1):
            grown = [(0, 1) if side == axis else (0, 0) for side in (0, 1)]
            moved = [(1, 0) if side == axis else (0, 0) for side in (0, 1)]
            going = np.pad(going * (1 - rate), grown) + np.pad(going * rate, moved)
        control, treatment = np.meshgrid(np.arange(n + 1.0), np.arange(n + 1.0), indexing="ij")
        pooled = np.clip((control + treatment) / (2 * n), 1e-9, 1 - 1e-9)
        most = log_evidence(control, n, pooled, weight) + log_evidence(treatment, n, pooled, weight)
        for a, b in zip(*np.nonzero((most >= -math.log(0.2)) & (going > 1e-9)), strict=True):
            if bernoulli_difference_look(a, n, b, n, alpha=0.2, tau=30).crossed:
                left += going[a, b]
                going[a, b] = 0.0
    assert going.sum() + left == pytest.approx(1.0, abs=1e-12)
    assert 0.005 < left <= 0.2


@pytest.mark.parametrize(
    ("control", "n_control", "treatment", "n_treatment"),
    [(12, 80, 25, 90), (0, 40, 0, 40), (0, 40, 15, 30), (40, 40, 11, 40), (3, 2000, 30, 9000), (55.5, 100, 54.2, 100)],
)
@pytest.mark.parametrize("null", [0.0, 0.1, -0.25])
def test_two_arms_by_a_search_over_both_means(control, n_control, treatment, n_treatment, null):
    """p and the interval's ends by brute force over a fine grid of the control's mean."""
    look = bernoulli_difference_look(control, n_control, treatment, n_treatment, null=null)
    weight = prior_weight(0.05, 5000, arms=2)

    def least(difference):
        inner = special.expit(np.linspace(-25, 25, 200_001))
        means = max(0.0, -difference) + inner * (1 - abs(difference))
        moved = np.clip(means + difference, 0, 1)
        both = log_evidence(control, n_control, means, weight) + log_evidence(treatment, n_treatment, moved, weight)
        return float(np.min(both))

    assert look.p_value == pytest.approx(math.exp(min(0.0, -least(null))), rel=1e-4)
    for end in (look.ci_low, look.ci_high):
        if abs(end) < 1:
            assert least(end) == pytest.approx(-math.log(0.05), abs=1e-4)
    assert look.crossed == (look.p_value <= 0.05) == (not look.ci_low < null < look.ci_high)


def test_the_interval_is_narrower_than_one_of_each_arm_at_half_alpha():
    look = bernoulli_difference_look(500, 5000, 560, 5000, tau=10_000)
    control, treatment = (bernoulli_interval(total, 5000, alpha=0.025, tau=5000) for total in (500, 560))
    assert treatment[0] - control[1] < look.ci_low
    assert look.ci_high < treatment[1] - control[0]
    assert look.ci_low < 60 / 5000 < look.ci_high


def test_swapping_the_arms_turns_the_sign():
    one = bernoulli_difference_look(30, 400, 55, 500)
    other = bernoulli_difference_look(55, 500, 30, 400)
    assert (other.ci_low, other.ci_high) == pytest.approx((-one.ci_high, -one.ci_low), rel=1e-8)
    assert other.p_value == pytest.approx(one.p_value, rel=1e-9)


def test_the_unit_and_the_bounds_follow_the_metric():
    plain = bernoulli_difference_look(30.5, 400, 55.25, 500)
    pence = bernoulli_difference_look(30_500, 400, 55_250, 500, high=1000.0)
    moved = bernoulli_difference_look(30.5 + 4 * 400, 400, 55.25 + 4 * 500, 500, low=4.0, high=5.0)
    for other, unit in ((pence, 1000), (moved, 1)):
        assert other.p_value == pytest.approx(plain.p_value, rel=1e-9)
        assert (other.ci_low, other.ci_high) == pytest.approx((unit * plain.ci_low, unit * plain.ci_high), rel=1e-9)
    assert bernoulli_interval(4 * 400 + 30.5, 400, low=4.0, high=5.0) == pytest.approx(
        tuple(4 + end for end in bernoulli_interval(30.5, 400)), rel=1e-12
    )


def test_arms_without_a_single_success_say_little_but_are_no_error():
    look = bernoulli_difference_look(0, 1000, 0, 1000)
    assert not look.crossed
    assert look.p_value == 1.0
    assert -0.02 < look.ci_low < 0 < look.ci_high < 0.02
    assert math.isinf(look.boundary)


def test_a_total_below_one_value_claims_nothing():
    look = bernoulli_difference_look(0.5, 1000, 300.0, 1000)
    assert (look.crossed, look.p_value, look.ci_low, look.ci_high) == (False, 1.0, -1.0, 1.0)


def test_large_counts_keep_their_digits():
    """20 million units an arm at tau 20 million: the normal approximation of the boundary, 3.4, to 2 %."""
    look = bernoulli_difference_look(1_000_000, 20_000_000, 1_004_000, 20_000_000, tau=4e7)
    assert look.boundary == pytest.approx(3.39, rel=0.02)
    z = 0.0002 / math.sqrt(2 * 0.0501 * 0.9499 / 2e7)
    assert look.p_value == pytest.approx(0.05 * math.exp((3.39**2 - z**2) / 2 / 1.21), rel=0.05)


@pytest.mark.parametrize("tau", [300, 5000, 10**6])
def test_it_is_about_narrowest_at_tau(tau):
    """One arm and two: no other tau gives a boundary narrower by more than 1 % with tau units in all."""
    chosen = bernoulli_difference_look(tau * 0.2, tau // 2, tau * 0.2, tau // 2, tau=tau).boundary
    for other in np.geomspace(tau / 20, tau * 20, 15):
        assert chosen < 1.01 * bernoulli_difference_look(tau * 0.2, tau // 2, tau * 0.2, tau // 2, tau=other).boundary
        low, high = bernoulli_interval(tau * 0.4, tau, tau=other)
        assert np.subtract(*bernoulli_interval(tau * 0.4, tau, tau=tau)[::-1]) < 1.01 * (high - low)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: bernoulli_interval(11, 10), "10 values add up to 11"),
        (lambda: bernoulli_interval(-1, 10), "add up to -1"),
        (lambda: bernoulli_interval(0, 0), "0 value"),
        (lambda: bernoulli_interval(1, 10, tau=0.0), "tau is 0"),
        (lambda: bernoulli_interval(1, 10, low=1.0, high=1.0), "bounds are 1 and 1"),
        (lambda: bernoulli_interval(1, 10, alpha=0.0), "alpha is 0"),
        (lambda: bernoulli_difference_look(1, 10, 1, 10, null=1.0), "null is 1"),
        (lambda: bernoulli_interval(math.nan, 10), "add up to nan"),
    ],
)
def test_refuses_in_words(call, says):
    with pytest.raises(TrialError, match=says):
        call()

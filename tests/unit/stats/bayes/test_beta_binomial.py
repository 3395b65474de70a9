"""Beta posteriors of two shares: exact sums, high-precision integrals, outside tools, and extreme counts."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import special, stats

from framework.errors import TrialError
from framework.stats.bayes.beta_binomial import beta_binomial, difference_below
from framework.stats.bayes.marginals import BetaMarginal, beta_arm
from framework.stats.bayes.priors import BetaPrior

COUNTS = (265, 592, 281, 608)
"""Converted, control and treatment, of the reference's users."""

WHOLE = [(3, 9, 5, 8), (0, 4, 4, 4), (40, 100, 55, 110), (0, 60, 60, 60), (100, 400, 10, 400)]

EXTREME = [
    (0, 10, 0, 10),
    (0, 10, 10, 10),
    (10, 10, 0, 10),
    (0, 10_000_000, 0, 10_000_000),
    (0, 10_000_000, 10_000_000, 10_000_000),
    (5_000_000, 10_000_000, 5_010_000, 10_000_000),
    (0, 10_000_000, 50, 100),
    (1, 3, 1_000_000, 10_000_000),
    (10_000_000, 10_000_000, 10_000_000, 10_000_000),
    (0, 0, 0, 0),
]


def exact_better(a, b, c, d):
    """P(Beta(c, d) > Beta(a, b)) for whole numbers, as a fraction: the sum over i < c of beta functions."""

    def beta(x, y):
        return Fraction(math.factorial(x - 1) * math.factorial(y - 1), math.factorial(x + y - 1))

    return sum(beta(a + i, b + d) / ((d + i) * beta(1 + i, d) * beta(a, b)) for i in range(c))


@pytest.mark.parametrize("counts", WHOLE)
def test_better_is_the_exact_sum_of_a_uniform_prior(counts):
    k1, n1, k2, n2 = counts
    found = beta_binomial(*counts, prior="uniform")
    known = exact_better(k1 + 1, n1 - k1 + 1, k2 + 1, n2 - k2 + 1)
    assert found.probability_better == pytest.approx(float(known), rel=1e-11)
    assert 1 - found.probability_better == pytest.approx(float(1 - known), rel=1e-9, abs=2e-16)
    worse = beta_binomial(k2, n2, k1, n1, prior="uniform")
    assert worse.probability_better == pytest.approx(float(1 - known), rel=1e-9)


def test_small_chances_keep_their_digits():
    """0 of 60 against 60 of 60: the chance of the order being the other way round is about 1e-36."""
    found = beta_binomial(60, 60, 0, 60, prior="uniform")
    assert found.probability_better == pytest.approx(float(exact_better(61, 1, 1, 61)), rel=1e-9)
    assert found.probability_better < 1e-34
    assert 0 < beta_binomial(0, 60, 60, 60, prior="uniform").probability_better < 1


@pytest.mark.reference
def test_beta_binomial_jeffreys(reference):
    known = reference("statsmodels_scipy.json")["beta_binomial_jeffreys"]
    found = beta_binomial(*COUNTS, prior="jeffreys")
    assert found.probability_better == pytest.approx(known["p_treat_better_quad"], abs=1e-9)
    # Monte-Carlo with 4 million draws: errors 2.3e-4 and below 1e-5.
    assert found.probability_better == pytest.approx(known["p_treat_better_mc"], abs=4 * 2.3e-4)
    assert found.expected_loss == pytest.approx(known["exp_loss_treat_mc"], abs=2e-5)
    assert found.expected_loss_control == pytest.approx(known["exp_loss_control_mc"], abs=5e-5)
    assert found.prior == "Beta(0.5, 0.5), Jeffreys"


@pytest.mark.reference
def test_betabinomial(reference):
    """Spotify's confidence: uniform priors and a million draws, so errors of 5e-4 and 3e-5."""
    known = reference("spotify_confidence.json")["betabinomial"][0]
    found = beta_binomial(*COUNTS, prior="uniform")
    assert found.mean == pytest.approx(known["difference"], abs=1.2e-4)
    assert found.probability_better == pytest.approx(known["P(level_2 > level_1)"], abs=2e-3)
    assert (found.ci_low, found.ci_high) == pytest.approx((known["ci_lower"], known["ci_upper"]), abs=3e-4)
    assert found.expected_loss == pytest.approx(-known["level_2 potential loss"], abs=5e-5)
    assert found.expected_loss_control == pytest.approx(known["level_2 potential gain"], abs=1e-4)


@pytest.mark.parametrize("counts", [(3, 40, 9, 35), (0, 12, 2, 9)])
def test_against_integrals_at_high_precision(counts):
    mp = pytest.importorskip("mpmath")
    k1, n1, k2, n2 = counts
    a, b, c, d = (mp.mpf(x) for x in (k1 + 0.5, n1 - k1 + 0.5, k2 + 0.5, n2 - k2 + 0.5))
    ends = [0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.8, 1]

    def below(alpha, beta, x):
        return mp.betainc(alpha, beta, 0, x, regularized=True)

    def density(alpha, beta, x):
        return x ** (alpha - 1) * (1 - x) ** (beta - 1) / mp.beta(alpha, beta)

    found = beta_binomial(*counts, rope=(-0.01, 0.03))
    better = mp.quad(lambda x: density(c, d, x) * below(a, b, x), ends)
    loss = mp.quad(lambda x: below(c, d, x) * (1 - below(a, b, x)), ends)
    assert found.probability_better == pytest.approx(float(better), rel=1e-9)
    assert found.expected_loss == pytest.approx(float(loss), rel=1e-9)
    assert found.expected_loss_control - found.expected_loss == pytest.approx(found.mean, rel=1e-10)

    def difference_cdf(at):
        at = mp.mpf(at)
        inner = sorted({mp.mpf(e) for e in ends} | {min(max(-at, mp.mpf(0)), mp.mpf(1)), 1 - max(at, mp.mpf(0))})
        return float(mp.quad(lambda x: density(a, b, x) * below(c, d, min(max(x + at, mp.mpf(0)), mp.mpf(1))), inner))

    assert difference_cdf(found.ci_low) == pytest.approx(0.025, abs=1e-8)
    assert difference_cdf(found.ci_high) == pytest.approx(0.975, abs=1e-8)
    assert found.probability_equivalent == pytest.approx(difference_cdf(0.03) - difference_cdf(-0.01), abs=1e-8)


def test_the_interval_and_the_region_against_draws():
    """Two million draws: a quantile's error is below 1e-4 here."""
    rng = np.random.default_rng(0)
    draws = rng.beta(12.5, 38.5, 2_000_000) - rng.beta(5.5, 45.5, 2_000_000)
    found = beta_binomial(5, 50, 12, 50, confidence=0.9, rope=(-0.02, 0.05))
    assert (found.ci_low, found.ci_high) == pytest.approx(np.quantile(draws, [0.05, 0.95]), abs=5e-4)
    assert found.probability_equivalent == pytest.approx(np.mean((draws > -0.02) & (draws < 0.05)), abs=2e-3)
    assert found.expected_loss == pytest.approx(np.maximum(0, -draws).mean(), abs=4e-5)
    assert (found.rope_low, found.rope_high, found.confidence) == (-0.02, 0.05, 0.9)


@pytest.mark.parametrize("counts", EXTREME)
def test_extreme_counts_neither_overflow_nor_pretend(counts):
    found = beta_binomial(*counts, rope=(-1e-4, 1e-4))
    assert 0 < found.probability_better < 1
    assert 0 < found.probability_equivalent < 1
    assert -1 < found.ci_low < found.ci_high < 1
    assert found.expected_loss > 0
    assert found.expected_loss_control - found.expected_loss == pytest.approx(found.mean, rel=1e-9, abs=1e-16)
    control, treatment = beta_arm(counts[0], counts[1]), beta_arm(counts[2], counts[3])
    for end, level in ((found.ci_low, 0.025), (found.ci_high, 0.975)):
        assert difference_below(control, treatment, end) == pytest.approx(level, abs=1e-8)
    flipped = beta_binomial(counts[1] - counts[0], counts[1], counts[3] - counts[2], counts[3])
    assert (-flipped.ci_high, -flipped.ci_low) == pytest.approx((found.ci_low, found.ci_high), rel=1e-7, abs=1e-12)


def test_ten_million_units_are_normal():
    found = beta_binomial(5_000_000, 10_000_000, 5_005_000, 10_000_000)
    error = math.sqrt(0.25 / 1e7 + 0.5005 * 0.4995 / 1e7)
    assert found.probability_better == pytest.approx(stats.norm.cdf(5e-4 / error), abs=1e-7)
    assert (found.ci_low, found.ci_high) == pytest.approx((5e-4 - 1.959964 * error, 5e-4 + 1.959964 * error), rel=1e-5)
    many = beta_binomial(5_000_000, 10_000_000, 5_015_000, 10_000_000)
    # 6.7 standard errors: a rounded cumulative probability would have lost the tail's digits.
    assert 1 - many.probability_better == pytest.approx(stats.norm.sf(0.0015 / math.sqrt(0.25e-7 * 2)), rel=2e-2)


def test_a_beta_against_its_own_kind_in_the_far_tail():
    """Difference below d against scipy's own quadrature, where a tail of a half-success prior meets the edge."""
    arm = BetaMarginal(0.5, 20.5)
    other = BetaMarginal(0.5, 1000.5)
    x = np.linspace(0, 1, 400_001)[1:] ** 6
    middle = (x[1:] + x[:-1]) / 2
    mass = np.diff(special.betainc(0.5, 20.5, x))
    for d in (-0.05, -0.001, 0.0005):
        known = float((mass * special.betainc(0.5, 1000.5, np.clip(middle + d, 0, 1))).sum())
        known += special.betainc(0.5, 20.5, x[0]) * special.betainc(0.5, 1000.5, max(d, 0))
        assert difference_below(arm, other, d) == pytest.approx(known, abs=1e-6)


def test_lower_is_better_swaps_the_sides():
    up, down = beta_binomial(*COUNTS), beta_binomial(*COUNTS, higher_is_better=False)
    assert down.probability_better == pytest.approx(1 - up.probability_better, rel=1e-12)
    assert down.expected_loss == pytest.approx(up.expected_loss_control, rel=1e-12)
    assert (down.mean, down.ci_low, down.ci_high) == (up.mean, up.ci_low, up.ci_high)


def test_an_informative_prior_is_so_many_more_units():
    prior = BetaPrior(20, 80)
    found = beta_binomial(5, 40, 9, 40, prior=prior)
    assert found.prior == "Beta(20, 80)"
    assert found.mean == pytest.approx(29 / 140 - 25 / 140)
    assert found.probability_better == pytest.approx(
        beta_binomial(24, 138, 28, 138, prior="uniform").probability_better, rel=1e-12
    )


def test_what_is_refused():
    with pytest.raises(TrialError, match="11 successes of 10 units"):
        beta_binomial(11, 10, 1, 10)
    with pytest.raises(TrialError, match="-1 successes"):
        beta_binomial(1, 10, -1, 10)
    with pytest.raises(TrialError, match="nan successes"):
        beta_binomial(math.nan, 10, 1, 10)
    with pytest.raises(TrialError, match=r"Beta\(0, 0\) says next to nothing.*Use 'jeffreys'"):
        beta_binomial(1, 10, 1, 10, prior="haldane")
    with pytest.raises(TrialError, match=r"Beta\(0\.001, 1\)"):
        BetaPrior(0.001, 1)
    with pytest.raises(TrialError, match="Did you mean 'jeffreys'"):
        beta_binomial(1, 10, 1, 10, prior="jeffrey")
    with pytest.raises(TrialError, match="confidence is 95"):
        beta_binomial(1, 10, 1, 10, confidence=95)
    with pytest.raises(TrialError, match=r"rope is 0\.1 to 0\.1"):
        beta_binomial(1, 10, 1, 10, rope=(0.1, 0.1))

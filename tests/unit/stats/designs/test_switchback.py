"""Switchback: statsmodels' and scipy's numbers, exact randomisation by hand, and coverage in autocorrelated time."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import signal, stats

from framework.errors import TrialError
from framework.stats.designs.switchback import switchback
from framework.stats.designs.switchback_periods import Periods


def near(expected, rel=1e-9):
    return pytest.approx(expected, rel=rel)


def noise(rng, reps, n, phi):
    """Return (reps, n) autoregressive noise of order 1, from its own stationary distribution."""
    shocks = rng.normal(size=(reps, n))
    shocks[:, 0] /= np.sqrt(1 - phi**2)
    return signal.lfilter([1.0], [1.0, -phi], shocks, axis=1)


def made_up(seed=0, blocks=12, length=4, phi=0.5):
    rng = np.random.default_rng(seed)
    arms = rng.permutation(np.arange(blocks) % 2 == 1)
    n = blocks * length
    y = 10 + noise(rng, 1, n, phi)[0]
    below = rng.integers(20, 60, n).astype(float)
    return Periods(np.arange(n), np.repeat(arms, length), y * below, below, np.repeat(np.arange(blocks), length))


def fitted(periods, weights, **covariance):
    """Return statsmodels' weighted regression of a period's ratio on its arm."""
    from statsmodels.api import WLS, add_constant

    y = np.asarray(periods.numerator) / np.asarray(periods.denominator)
    return WLS(y, add_constant(np.asarray(periods.treated, float)), weights).fit(**covariance)


@pytest.mark.reference
@pytest.mark.parametrize("lags", [0, 1, 5])
@pytest.mark.parametrize("weigh_periods", [False, True])
def test_newey_west_as_statsmodels(lags, weigh_periods):
    periods = made_up()
    weights = np.ones(48) if weigh_periods else periods.denominator
    expected = fitted(periods, weights, cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    found = switchback(periods, error="newey-west", lags=lags, weigh_periods=weigh_periods)
    assert [found.difference, found.standard_error] == near([expected.params[1], expected.bse[1]])
    assert found.df == near(min(46, 1.5 * 48 / (lags + 1)))
    assert found.p_value == near(2 * stats.t.sf(abs(expected.tvalues[1]), found.df))


@pytest.mark.reference
def test_block_error_as_statsmodels_clusters():
    # Six blocks an arm: our factor k / (k - 1) = 6 / 5 in each arm, statsmodels' is G / (G - 1) = 12 / 11 without its
    # T factor.
    periods = made_up()
    kwds = {"groups": periods.block, "use_correction": False}
    expected = fitted(periods, periods.denominator, cov_type="cluster", cov_kwds=kwds)
    found = switchback(periods)
    assert found.difference == near(expected.params[1])
    assert found.standard_error == near(expected.bse[1] * np.sqrt(6 / 5))


def test_equal_blocks_are_welchs_test_of_their_means():
    periods = made_up(1)
    y = periods.numerator / periods.denominator
    means, arms = y.reshape(12, 4).mean(axis=1), periods.treated[::4]
    welch = stats.ttest_ind(means[arms], means[~arms], equal_var=False)
    low, high = welch.confidence_interval()
    found = switchback(periods, weigh_periods=True)
    assert [found.p_value, found.df, found.ci_low, found.ci_high] == near([welch.pvalue, welch.df, low, high])
    assert found.df <= 10


@pytest.mark.reference
def test_single_periods_have_the_robust_error_hc2():
    rng = np.random.default_rng(2)
    periods = Periods(np.arange(30), rng.random(30) < 0.4, rng.gamma(2, 1, 30), np.ones(30))
    assert switchback(periods).standard_error == near(fitted(periods, np.ones(30), cov_type="HC2").bse[1])


def test_burn_in_drops_the_start_of_every_block():
    arms = np.array([0, 1, 1, 0, 0, 1, 0, 1])
    y = np.arange(24.0) ** 1.5
    index, treated, block = np.arange(24), np.repeat(arms, 3), np.repeat(np.arange(8), 3)
    kept = index % 3 >= 1
    found = switchback(Periods(index, treated, y, block=block), burn_in=1)
    by_hand = switchback(Periods(index[kept], treated[kept], y[kept], block=block[kept]))
    assert (found.difference, found.standard_error) == (by_hand.difference, by_hand.standard_error)
    assert found.difference == near(y[kept & (treated == 1)].mean() - y[kept & (treated == 0)].mean())


def test_missing_periods_are_gaps_of_time():
    # A period that is not there counts as far as time goes: lag 1 does not reach over it, the burn-in does not wait.
    index, treated = np.array([0, 1, 3, 4, 6, 7, 9, 10]), np.array([0, 0, 1, 1, 0, 0, 1, 1])
    y = np.array([1.0, 3.0, 4.0, 2.0, 5.0, 1.0, 7.0, 6.0])
    off = y - np.where(treated == 1, y[treated == 1].mean(), y[treated == 0].mean())
    scores = np.where(treated == 1, 1, -1) * off / 4
    expected = (scores**2).sum() + 2 * 0.5 * sum(scores[i] * scores[i + 1] for i in (0, 2, 4, 6))
    block = np.repeat(np.arange(4), 2)
    found = switchback(Periods(index, treated, y, block=block), error="newey-west", lags=1)
    assert found.standard_error == near(np.sqrt(expected * 8 / 6))
    late = switchback(
        Periods(
            np.delete(np.arange(12), 4),
            np.delete(np.repeat([0, 1, 0, 1], 3), 4),
            np.delete(np.arange(12.0), 4),
            block=np.delete(np.repeat(np.arange(4), 3), 4),
        ),
        burn_in=2,
    )
    assert late.difference == near((5 + 11) / 2 - (2 + 8) / 2)


def test_order_of_rows_and_unit_change_nothing():
    periods = made_up(3)
    shuffle = np.random.default_rng(1).permutation(48)
    other = Periods(
        np.asarray(periods.index)[shuffle],
        periods.treated[shuffle],
        1000 * periods.numerator[shuffle],
        periods.denominator[shuffle],
        periods.block[shuffle],
    )
    for options in ({}, {"burn_in": 1}, {"error": "newey-west"}, {"randomisation": "fixed"}):
        one, again = switchback(periods, **options), switchback(other, **options)
        assert again.p_value == near(one.p_value)
        assert again.standard_error == near(1000 * one.standard_error)


def absolute_t(y, arms):
    return abs(stats.ttest_ind(y[arms], y[~arms], equal_var=False).statistic)


def test_exact_randomisation_with_a_fixed_number_by_hand():
    y = np.random.default_rng(4).normal(size=8)
    arms = np.array([1, 0, 1, 1, 0, 0, 1, 0], bool)
    found = switchback(Periods(np.arange(8), arms, y), randomisation="fixed")
    observed = absolute_t(y, arms)
    every = [absolute_t(y, np.isin(np.arange(8), chosen)) for chosen in combinations(range(8), 4)]
    assert found.p_value == near(np.mean([t >= observed * (1 - 1e-9) for t in every]))
    assert "all 70 assignments of 8 blocks" in found.method
    assert found.standard_error == switchback(Periods(np.arange(8), arms, y)).standard_error


def test_exact_randomisation_by_coins_by_hand_with_burn_in():
    rng = np.random.default_rng(5)
    arms = np.array([1, 0, 1, 1, 0, 0, 1], bool)
    y = rng.normal(size=14)

    def assigned(arms):
        return Periods(np.arange(14), np.repeat(arms, 2), y, block=np.repeat(np.arange(7), 2))

    every = []
    for number in range(2**7):
        drawn = np.array([(number >> place) & 1 for place in range(7)], bool)
        if 2 <= drawn.sum() <= 5:
            one = switchback(assigned(drawn), burn_in=1)
            every.append(abs(one.difference / one.standard_error))
    found = switchback(assigned(arms), burn_in=1, randomisation="coin")
    seen = switchback(assigned(arms), burn_in=1)
    observed = abs(seen.difference / seen.standard_error)
    assert found.p_value == near(np.mean([t >= observed * (1 - 1e-9) for t in every]))
    assert f"all {len(every)} assignments" in found.method


@pytest.mark.parametrize("how", ["coin", "fixed"])
def test_drawn_assignments_are_near_the_exact_ones_and_repeat(how):
    periods = made_up(6, blocks=12)
    exact = switchback(periods, randomisation=how).p_value
    drawn = [
        switchback(periods, randomisation=how, draws=900, rng=np.random.default_rng(seed)).p_value for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1]
    # 4 binomial standard errors at 900 draws.
    assert drawn == pytest.approx([exact] * 3, abs=4 * np.sqrt(exact * (1 - exact) / 900) + 1 / 900)


def test_randomisation_p_is_never_zero():
    y = np.repeat([0.0, 100.0], 20) + np.random.default_rng(7).normal(size=40)
    periods = Periods(np.arange(40), np.repeat([0, 1], 20), y)
    found = switchback(periods, randomisation="fixed", rng=np.random.default_rng(1), draws=99)
    assert found.p_value == near(1 / 100)
    with pytest.raises(TrialError, match="40 blocks have too many assignments"):
        switchback(periods, randomisation="coin")


def test_without_spread():
    same = switchback(Periods(np.arange(6), [0, 1, 0, 1, 0, 1], np.full(6, 0.3)), randomisation="fixed")
    assert (same.difference, same.p_value, same.ci_low, same.ci_high) == (0.0, 1.0, 0.0, 0.0)
    apart = Periods(np.arange(6), [0, 1, 0, 1, 0, 1], [0.3, 0.4] * 3)
    found = switchback(apart)
    assert (found.standard_error, found.p_value) == (0.0, near(2 / 20))
    assert any("zero variance" in text for text in found.warnings)
    assert switchback(apart, randomisation="fixed").p_value == near(2 / 20)


def test_few_blocks_are_warned_of():
    assert any("Only 6 blocks in an arm" in text for text in switchback(made_up()).warnings)
    assert switchback(made_up(blocks=20)).warnings == ()


T8 = np.arange(8)
ARMS = np.array([0, 0, 1, 1, 0, 0, 1, 1])


@pytest.mark.parametrize(
    ("periods", "options", "text"),
    [
        (Periods(T8, ARMS, np.zeros(7)), {}, "index has shape"),
        (Periods(T8 / 2, ARMS, np.zeros(8)), {}, "not whole, or there twice"),
        (Periods(T8 // 2, ARMS, np.zeros(8)), {}, "not whole, or there twice"),
        (Periods(T8, ARMS + 1, np.zeros(8)), {}, "other values than two"),
        (Periods(T8, ARMS, np.full(8, np.nan)), {}, "8 of 8 periods are missing"),
        (Periods(T8, ARMS, np.zeros(8), np.full(8, -1.0)), {}, "denominator is -1"),
        (Periods(T8, ARMS, np.zeros(8), np.zeros(8)), {}, "denominators add up to 0"),
        (Periods(T8, ARMS, np.zeros(8), np.zeros(8)), {"weigh_periods": True}, "denominator is 0"),
        (Periods(T8, ARMS, np.zeros(8), block=T8 // 4), {}, "under both arms"),
        (Periods(T8, ARMS, np.zeros(8), block=ARMS), {}, "not one stretch"),
        (Periods(T8, ARMS, np.zeros(8), block=T8 // 2), {"burn_in": 2}, "control keeps 0 block"),
        (Periods(T8, T8 > 6, np.zeros(8)), {}, "treatment keeps 1 block"),
        (Periods(T8, ARMS, np.zeros(8)), {"error": "newey"}, "error 'newey' is unknown"),
        (Periods(T8, ARMS, np.zeros(8)), {"randomisation": "coins"}, "Did you mean 'coin'"),
        (Periods(T8, ARMS, np.zeros(8)), {"burn_in": -1}, "burn_in is -1"),
        (Periods(T8, ARMS, np.zeros(8)), {"confidence": 95}, "confidence is 95"),
    ],
)
def test_refusals(periods, options, text):
    with pytest.raises(TrialError, match=text):
        switchback(periods, **options)


def coverage(reps, seed, blocks, length, phi, *, how="coin", carry=0, gain=1.0, burn_in=0, error="block"):
    """Return how often the interval holds the treatment's `gain`, which takes `carry` periods to come and to go."""
    rng = np.random.default_rng(seed)
    n = blocks * length
    block = np.repeat(np.arange(blocks), length)
    covered = 0
    for y in noise(rng, reps, n, phi):
        arms = np.zeros(blocks, bool)
        while not 2 <= arms.sum() <= blocks - 2:
            arms = rng.random(blocks) < 0.5 if how == "coin" else (np.arange(blocks) + rng.integers(2)) % 2 == 1
        treated = np.repeat(arms, length)
        felt = np.convolve(np.append(np.zeros(carry), treated), np.ones(carry + 1) / (carry + 1), "valid")
        found = switchback(Periods(np.arange(n), treated, y + gain * felt, block=block), burn_in=burn_in, error=error)
        covered += found.ci_low <= gain <= found.ci_high
    return covered / reps


def off(reps, share=0.95):
    return 4 * np.sqrt(share * (1 - share) / reps)


def test_coverage_with_autocorrelation_and_carry_over():
    # Expected 0.95 to within 0.01 by blocks; without a burn-in what the other arm left hides a third of the effect.
    reps = 300
    assert coverage(reps, 1, 20, 5, 0.6, carry=2, gain=3.0, burn_in=2) == pytest.approx(0.95, abs=off(reps) + 0.01)
    assert coverage(reps, 2, 20, 5, 0.6, carry=2, gain=3.0) < 0.9


SLOW = [
    # blocks, their length, autocorrelation, how arms were drawn, error, lowest and highest expected coverage
    (12, 4, 0.0, "coin", "block", 0.945, 0.96),
    (12, 4, 0.5, "coin", "block", 0.94, 0.96),
    (28, 4, 0.9, "coin", "block", 0.94, 0.96),
    (28, 1, 0.5, "coin", "block", 0.945, 0.96),
    (28, 4, 0.5, "turns", "block", 0.98, 0.995),  # neighbours alike in other arms: too wide
    (28, 4, 0.5, "turns", "newey-west", 0.93, 0.96),
    (84, 4, 0.5, "coin", "newey-west", 0.93, 0.95),
    (12, 4, 0.5, "coin", "newey-west", 0.87, 0.92),  # a short series: said in the docstring
]


@pytest.mark.slow
@pytest.mark.parametrize(("blocks", "length", "phi", "how", "error", "lowest", "highest"), SLOW)
def test_coverage_at_length(blocks, length, phi, how, error, lowest, highest, capsys):
    reps = 4000
    found = coverage(reps, 3, blocks, length, phi, how=how, error=error)
    with capsys.disabled():
        print(f"\n{blocks} blocks of {length}, AR {phi:g}, {how}, {error}: {found:.4f}")
    assert lowest - off(reps) <= found <= highest + off(reps)


@pytest.mark.slow
def test_carry_over_at_length(capsys):
    reps = 4000
    dropped = coverage(reps, 4, 28, 5, 0.5, carry=2, gain=2.0, burn_in=2)
    too_few = coverage(reps, 5, 28, 5, 0.5, carry=2, gain=2.0, burn_in=1)
    left = coverage(reps, 6, 28, 5, 0.5, carry=2, gain=2.0)
    with capsys.disabled():
        print(f"\ncarry-over of 2 periods: burn-in 2 covers {dropped:.4f}, 1 {too_few:.4f}, 0 {left:.4f}")
    assert dropped == pytest.approx(0.95, abs=off(reps) + 0.005)
    assert left < too_few < dropped


@pytest.mark.slow
def test_randomisation_keeps_its_level_in_few_blocks(capsys):
    # 8 blocks, 4 of them treated: 70 assignments, each with its mirror image, so p is a multiple of 2 / 70 and the test
    # rejects at 5 % in exactly 2 of 70, whatever the tails and the autocorrelation.
    rng = np.random.default_rng(7)
    reps, rejected = 2000, 0
    for y in noise(rng, reps, 24, 0.7):
        arms = np.repeat(rng.permutation(np.arange(8) % 2 == 1), 3)
        periods = Periods(np.arange(24), arms, np.exp(y), block=np.repeat(np.arange(8), 3))
        rejected += switchback(periods, randomisation="fixed", burn_in=1).p_value <= 0.05
    with capsys.disabled():
        print(f"\nrandomisation test, 8 blocks, lognormal AR 0.7: rejects {rejected / reps:.4f}")
    assert rejected / reps == pytest.approx(2 / 70, abs=off(reps, 2 / 70))

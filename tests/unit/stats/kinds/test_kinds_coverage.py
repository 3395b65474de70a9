"""Do intervals of shares, quantiles, retention and rates cover, and tests reject, as often as they say?

Shares are weighed exactly: every table that can occur, with its probability, so there is no Monte-Carlo error. The
others are seeded simulations: a share over r replications has a binomial standard error, and every assertion allows
four of them, with the slack that a comment names where theory promises less.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from framework.stats.kinds.counted import Counted
from framework.stats.kinds.counts import count_rates
from framework.stats.kinds.exact import exact_p
from framework.stats.kinds.proportion_tests import p_value
from framework.stats.kinds.proportions import two_proportions
from framework.stats.kinds.quantiles import quantile_difference
from framework.stats.kinds.retention import active_on_or_after, retention_curve
from framework.stats.kinds.score import score_statistic

Z = 1.959963984540054
SIZES = [(50, 50), (200, 5000)]


def four_errors(reps, share=0.95):
    return 4 * np.sqrt(share * (1 - share) / reps)


class Weighed:
    """All tables of two arms with a chance above 1e-7, as two columns of hits and their chances."""

    def __init__(self, n_control, p_control, n_treatment, p_treatment):
        self.n_control, self.n_treatment, self.truth = n_control, n_treatment, p_treatment - p_control
        hits = [
            np.arange(stats.binom.ppf(1e-7, n, p), stats.binom.isf(1e-7, n, p) + 1)
            for n, p in ((n_control, p_control), (n_treatment, p_treatment))
        ]
        y, x = np.meshgrid(*hits)
        chance = stats.binom.pmf(y, n_control, p_control) * stats.binom.pmf(x, n_treatment, p_treatment)
        keep = chance > 1e-9
        self.control, self.treatment, self.chance = y[keep], x[keep], chance[keep] / chance[keep].sum()

    def covered(self, low, high):
        return float(self.chance[(low <= self.truth + 1e-12) & (self.truth - 1e-12 <= high)].sum())

    def newcombe(self):
        return self.covered(
            *confint_proportions_2indep(
                self.treatment, self.n_treatment, self.control, self.n_control, method="newcomb", compare="diff"
            )
        )

    def score(self):
        """The interval holds the truth where the test does not reject it."""
        z = score_statistic(self.treatment, self.n_treatment, self.control, self.n_control, self.truth)
        return float(self.chance[np.abs(z) <= Z].sum())

    def clopper_pearson(self):
        alpha = 1 - np.sqrt(0.95)
        low_c, high_c = proportion_confint(self.control, self.n_control, alpha, method="beta")
        low, high = proportion_confint(self.treatment, self.n_treatment, alpha, method="beta")
        return self.covered(low - high_c, high - low_c)

    def each(self, ask, where=True):
        """Chance of the tables where `ask(counts)` holds, one by one, among those of `where`."""
        rows = np.flatnonzero(np.broadcast_to(where, self.chance.shape))
        found = [ask(Counted(self.control[row], self.n_control, self.treatment[row], self.n_treatment)) for row in rows]
        return float(self.chance[rows[found]].sum())

    def exact(self):
        return self.each(lambda counts: exact_p(counts, self.truth) > 0.05)

    def size(self, test):
        """How often the named test rejects at 5 %. Tables with a z below 1.4 are not asked: no test rejects them."""
        z = score_statistic(self.treatment, self.n_treatment, self.control, self.n_control)
        return self.each(lambda counts: p_value(counts, test) <= 0.05, np.abs(z) > 1.4)


@pytest.mark.parametrize("gain", [0.0, 0.1])
@pytest.mark.parametrize("share", [0.02, 0.3])
@pytest.mark.parametrize(("n_control", "n_treatment"), SIZES)
def test_shares_cover(n_control, n_treatment, share, gain):
    """Exact coverage. Slack below 95 %: Newcombe and score lose up to 1.5 points at 50 units or 2 %; exact ones none.

    Where 5,000 units of one arm see some 2 % and 200 of the other 12 %, discreteness is what moves the numbers.
    """
    weighed = Weighed(n_control, share, n_treatment, share + gain)
    newcombe, score, conservative = weighed.newcombe(), weighed.score(), weighed.clopper_pearson()
    print(f"n {n_control} v {n_treatment}, share {share} + {gain}: newcombe {newcombe:.4f}, score {score:.4f}", end="")
    print(f", Clopper-Pearson {conservative:.4f}")
    assert newcombe >= 0.935
    assert score >= 0.935
    assert conservative >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.0, 0.1])
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_exact_interval_covers(share, gain):
    """Exact coverage of the unconditional interval at 50 units an arm: 95 % or more, no Monte-Carlo error."""
    coverage = Weighed(50, share, 50, share + gain).exact()
    print(f"n 50 v 50, share {share} + {gain}: exact unconditional {coverage:.4f}")
    assert coverage >= 0.95 - 1e-6


SHARE_SIZES = [(50, 50, 0.02), (50, 50, 0.3), (200, 5000, 0.02)]


@pytest.mark.parametrize(
    ("n_control", "n_treatment", "share"), [*SHARE_SIZES, pytest.param(200, 5000, 0.3, marks=pytest.mark.slow)]
)
def test_share_tests_hold_their_size(n_control, n_treatment, share):
    """Exact size at 5 %: pooled z and score up to 1.5 points above (large-sample tests), Fisher never above."""
    weighed = Weighed(n_control, share, n_treatment, share)
    found = {test: round(weighed.size(test), 4) for test in ("pooled_z", "score", "fisher")}
    print(f"n {n_control} v {n_treatment}, share {share}: size of {found}")
    assert found["pooled_z"] <= 0.065
    assert found["score"] <= 0.065
    assert found["fisher"] <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.3])
def test_unconditional_tests_hold_their_size(share):
    """Barnard's and Boschloo's never above 5 %, and nearer to it than Fisher's."""
    weighed = Weighed(50, share, 50, share)
    found = {test: round(weighed.size(test), 4) for test in ("fisher", "barnard", "boschloo")}
    print(f"n 50 v 50, share {share}: size of {found}")
    assert found["fisher"] <= min(found["barnard"], found["boschloo"])
    assert max(found["barnard"], found["boschloo"]) <= 0.05


def quantile_shares(n_control, n_treatment, q, reps, scale=1.0):
    """Lognormal values; the treatment's are 1.2 times the control's, so the true difference is 0.2 quantiles."""
    rng = np.random.default_rng([n_control, n_treatment, int(100 * q)])
    truth = 0.2 * scale * stats.lognorm.ppf(q, 1)
    covered = np.zeros(reps, dtype=bool)
    for number in range(reps):
        control = scale * rng.lognormal(0, 1, n_control)
        found = quantile_difference(control, scale * 1.2 * rng.lognormal(0, 1, n_treatment), q)
        covered[number] = found.ci_low <= truth <= found.ci_high
    return covered.mean()


QUANTILE_SLACK = {(50, 50): 0.035, (200, 5000): 0.025, (100_000, 100_000): 0.005}
"""The band's two order statistics estimate the density: noisy at 50 units, and skewed where 5 of them lie beyond."""


@pytest.mark.parametrize("q", [0.5, 0.9])
@pytest.mark.parametrize(("n_control", "n_treatment"), SIZES)
def test_quantiles_cover(n_control, n_treatment, q):
    reps = 500
    coverage = quantile_shares(n_control, n_treatment, q, reps)
    assert abs(coverage - 0.95) <= four_errors(reps) + QUANTILE_SLACK[n_control, n_treatment]


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.5, 0.9])
@pytest.mark.parametrize(
    ("n_control", "n_treatment", "reps"), [(50, 50, 10_000), (200, 5000, 10_000), (100_000, 100_000, 2_000)]
)
def test_quantiles_cover_at_full_size(n_control, n_treatment, reps, q):
    coverage = quantile_shares(n_control, n_treatment, q, reps)
    print(f"n {n_control} v {n_treatment}, lognormal p{100 * q:.0f}, {reps} replications: {coverage:.4f}")
    assert abs(coverage - 0.95) <= four_errors(reps) + QUANTILE_SLACK[n_control, n_treatment]
    if n_control == 50:
        assert quantile_shares(n_control, n_treatment, q, 1000, scale=1000.0) == quantile_shares(
            n_control, n_treatment, q, 1000
        )


def retention_shares(days, reps, draws):
    """300 and 320 units, up to 14 days, followed for 7 to 20 days; a unit's last day is geometric in both arms.

    Returns how often the band covers the whole curve of differences, the pointwise intervals do, and any adjusted p of
    equal arms is at most 5 %.
    """
    rng = np.random.default_rng(11)
    stay = 0.85, 0.88
    truth = stay[1] ** days - stay[0] ** days

    def arm(n, keep):
        observed = rng.integers(14, 21, n).astype(float)
        left = rng.geometric(1 - keep, n) - 1.0
        observed[: n // 3] = rng.integers(7, 14, n // 3)
        return active_on_or_after(np.minimum(left, observed), observed, days)

    found = np.zeros((reps, 3), dtype=bool)
    for number in range(reps):
        curve = retention_curve(arm(300, stay[0]), arm(320, stay[1]), days, rng=rng, draws=draws)
        found[number, 0] = all(
            day.band_low <= true <= day.band_high for day, true in zip(curve.days, truth, strict=True)
        )
        found[number, 1] = all(
            day.difference.ci_low <= true <= day.difference.ci_high for day, true in zip(curve.days, truth, strict=True)
        )
        equal = retention_curve(arm(300, stay[0]), arm(320, stay[0]), days, rng=rng, draws=draws)
        found[number, 2] = equal.p_value <= 0.05
    return found.mean(axis=0)


def test_retention_band_covers_the_curve():
    """Band 95 % within four errors; pointwise intervals miss some day much more often, which is why there is a band."""
    reps = 100
    band, pointwise, false = retention_shares(np.array([1, 3, 6, 10, 14]), reps, 1000)
    assert abs(band - 0.95) <= four_errors(reps)
    assert pointwise < band
    assert false <= 0.05 + four_errors(reps)


@pytest.mark.slow
def test_retention_band_covers_the_curve_at_full_size():
    """1 point of slack: the band's correlation is estimated, and shares are counts."""
    reps = 4000
    band, pointwise, false = retention_shares(np.arange(1, 15), reps, 2000)
    print(
        f"retention, 14 days, {reps} replications: band covers the curve {band:.4f}, pointwise {pointwise:.4f}", end=""
    )
    print(f", false positives of the corrected p {false:.4f}")
    assert abs(band - 0.95) <= four_errors(reps) + 0.01
    assert pointwise < 0.9
    assert false <= 0.05 + four_errors(reps) + 0.01


def rate_shares(n, variation, reps):
    """Rejection rates of equal arms at 5 %: Poisson, quasi-Poisson, clustered, recommended."""
    rng = np.random.default_rng([n, int(10 * variation)])
    found = np.zeros((reps, 4), dtype=bool)
    for number in range(reps):
        own = rng.gamma(1 / variation, 2 * variation, (2, n)) if variation else np.full((2, n), 2.0)
        weeks = rng.uniform(0.5, 2, (2, n))
        counts = rng.poisson(own * weeks).astype(float)
        rates = count_rates(counts[0], weeks[0], counts[1], weeks[1])
        found[number] = [
            reading.p_value <= 0.05 for reading in (rates.poisson, rates.quasi, rates.clustered, rates.recommended)
        ]
    return found.mean(axis=0)


@pytest.mark.parametrize("variation", [0.0, 1.0])
def test_rate_tests_hold_their_size(variation):
    """Counts with Poisson's spread: all hold 5 %. Users who differ: Poisson rejects far more, the recommended 5 %."""
    reps = 600
    poisson, _, clustered, recommended = rate_shares(100, variation, reps)
    within = four_errors(reps)
    assert abs(clustered - 0.05) <= within
    assert recommended <= 0.05 + within
    assert (poisson > 0.15) if variation else (abs(poisson - 0.05) <= within)


@pytest.mark.slow
@pytest.mark.parametrize("variation", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("n", [20, 200])
def test_rate_tests_hold_their_size_at_full_size(n, variation):
    """Half a point of slack at 20 units, where the error of the clustered reading is itself uncertain."""
    reps = 10_000
    poisson, quasi, clustered, recommended = rate_shares(n, variation, reps)
    print(
        f"rates, n {n} v {n}, variance of users' rates {variation}, {reps} replications: Poisson {poisson:.4f}, "
        f"quasi {quasi:.4f}, clustered {clustered:.4f}, recommended {recommended:.4f}"
    )
    within = four_errors(reps, 0.05) + (0.005 if n == 20 else 0)
    assert abs(clustered - 0.05) <= within
    assert recommended <= 0.05 + within + (0.01 if n == 20 else 0)
    assert (poisson > 0.15) if variation == 1 else (poisson <= 0.1)


def test_simulated_shares_meet_the_weighed_ones():
    """The public function on 1,500 draws against the exact sum: the weighing above is of the interval that is given."""
    weighed = Weighed(50, 0.3, 50, 0.4)
    rng = np.random.default_rng(13)
    drawn = rng.choice(weighed.chance.size, 1500, p=weighed.chance)
    for method, expected in (("newcombe", weighed.newcombe()), ("score", weighed.score())):
        covered = {}
        for row in set(drawn.tolist()):
            found = two_proportions(Counted(weighed.control[row], 50, weighed.treatment[row], 50), method=method)
            covered[row] = found.ci_low - 1e-9 <= weighed.truth <= found.ci_high + 1e-9
        assert np.mean([covered[row] for row in drawn]) == pytest.approx(expected, abs=four_errors(1500, expected))

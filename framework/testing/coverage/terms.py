"""How far from nominal an interval's coverage may be at finite n, by theory: the terms that add up to a slack.

Each term is a function of the world, as a share, to first order. With z = 1.96 a relative error d of a standard error
moves the coverage by 2 z phi(z) d = 0.229 d (`SLOPE`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from framework.stats.designs.independent import independent_proportion, satterthwaite
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.two_arms import TwoArms
from framework.testing.coverage.readings import BUCKETS, RESAMPLES, level
from framework.testing.coverage.worlds import LEVEL, MEMBERS, OTHERS, REGULAR, REGULARS, SD, SHARE, Scenario

Term = Callable[[Scenario], float]
Z = 1.959964
SLOPE = 2 * Z * 0.0584451
"""What coverage gains where a standard error is too large by a relative 1."""
LARGEST = 0.0125
"""A first-order term above this is past its use, and gives no more slack than this."""
STRATA = 3
SESSIONS_CV2 = 2 / 9
"""Squared relative spread of sessions, 1 + Poisson(2)."""
MORRIS = 0.0065
"""What Morris's interval holds above 95 % with 8 segments whose errors are known: 95.65 % in 60,000 trials (seed 5)."""


@dataclass(frozen=True)
class Law:
    """Skewness and excess kurtosis of a unit's contribution, of ordinary and of heavy units.

    Of heavy units' spend from the lognormal's moments; ratios and clusters from 400,000 drawn units (seed 11).
    """

    ordinary: tuple[float, float]
    heavy: tuple[float, float]

    def of(self, scenario: Scenario) -> tuple[float, float]:
        """Return both numbers in a world."""
        return self.heavy if scenario.heavy else self.ordinary


VALUE = Law((0.0, 0.0), (22.4, 1558.0))
RATIO = Law((0.93, 1.14), (22.4, 1558.0))
RATE = Law((0.93, 1.14), (4.6, 22.4))
PAIRED = Law((0.0, 0.0), (0.0, 804.0))
PAIRED_RATIO = Law((0.0, 0.69), (0.0, 804.0))
CLUSTER = Law((0.0, 0.0), (15.2, 556.0))
VALUE_CV = {False: SD / LEVEL, True: 7.5}
"""A unit's standard deviation over its mean."""


def capped(share: float) -> float:
    """Return a term, at most `LARGEST`."""
    return min(abs(share), LARGEST)


def arms(scenario: Scenario, parts: int = 1) -> tuple[float, float]:
    """Return both arms' sizes, or those of one of equal `parts` of them."""
    return scenario.n_control // parts, scenario.n_treatment // parts


def df_of(sizes: tuple[float, float]) -> float:
    """Return Welch's degrees of freedom of two arms equally spread."""
    n, m = (np.asarray(size) for size in sizes)
    return float(satterthwaite(1 / n, n, 1 / m, m))


def normal_for_t(scenario: Scenario, parts: int = 1) -> float:
    """A normal reference where t is due: P(|t| > 1.96) - 5 % with Welch's degrees of freedom. Too narrow."""
    return capped(2 * float(stats.t.sf(Z, df_of(arms(scenario, parts)))) - 0.05)


def welch(scenario: Scenario, parts: int = 1) -> float:
    """Satterthwaite's degrees of freedom: 0.145 / n^2 too wide for two equal arms of n normal values.

    By integrating over both variances: 0.40 points for 6 v 6, 0.23 for 8 v 8, 0.02 for 25 v 25.
    """
    return capped(0.145 / min(arms(scenario, parts)) ** 2)


def tails(law: Law, scenario: Scenario, *, parts: int = 1, paired: bool = False) -> float:
    """The t statistic's Edgeworth expansion: 0.247 s^2 too narrow, 0.0161 k too wide (Hall 1992, section 2.6).

    s and k are skewness and excess kurtosis of the difference's own distribution: of two equal arms skewness cancels.
    """
    skewness, kurtosis = law.of(scenario)
    n, m = arms(scenario, parts)
    if paired:
        s, k = skewness / n**0.5, kurtosis / n
    else:
        variance = 1 / n + 1 / m
        s = skewness * (1 / m**2 - 1 / n**2) / variance**1.5
        k = kurtosis * (1 / n**3 + 1 / m**3) / variance**2
    return capped(0.247 * s**2) + capped(0.0161 * k)


def denominators(scenario: Scenario) -> float:
    """A ratio's denominator known to cv^2 / n of its square: the delta method's next term."""
    return capped(SLOPE * SESSIONS_CV2 / min(arms(scenario)))


def slopes(scenario: Scenario) -> float:
    """A fitted slope: 1 / N of the variance in the estimate, as much in its error."""
    return capped(SLOPE / sum(arms(scenario)))


def sandwich(scenario: Scenario) -> float:
    """An arm's sandwich lacks 1 / g of the variance, half of which G / (G - 1) makes up: 1 / (4 g) of the error."""
    return capped(SLOPE / (4 * min(arms(scenario, MEMBERS))))


def strata(scenario: Scenario) -> float:
    """Strata's estimates spread by chance, which counts as their effects' spread: (S - 1) / N of the variance."""
    return capped(SLOPE / 2 * (STRATA - 1) / sum(arms(scenario)))


def ranks(scenario: Scenario) -> float:
    """An error from m = 3.92 sqrt(n q (1 - q)) spacings has itself a relative variance of (1 - m / n) / m.

    The coverage's second derivative is -2 z^3 phi(z) = -0.880; a sum of two such errors is a little too large on
    average. Too narrow; the density's curvature makes up for a part.
    """
    sizes = np.array(arms(scenario), dtype=np.float64)
    q = level(scenario)
    m = 2 * Z * np.sqrt(sizes * q * (1 - q))
    variance, weight = (1 - m / sizes) / m, (1 / sizes) / (1 / sizes).sum()
    both = float((weight**2 * variance).sum())
    return capped(Z**2 * SLOPE / 2 * both - SLOPE / 2 * (float((weight * variance).sum()) - both))


def larger(scenario: Scenario) -> float:
    """The larger of two errors, one of them off by chance: 0.399 of that error's own relative error. Too wide."""
    _, kurtosis = RATE.of(scenario)
    n, m = arms(scenario)
    own = (kurtosis + 2) * (1 / n**3 + 1 / m**3) / (1 / n + 1 / m) ** 2
    return capped(SLOPE * 0.399 / 2 * own**0.5)


def dispersed(scenario: Scenario) -> float:
    """A Poisson error where units' counts vary less than Poisson's: 0.975 as much, 0.881 with an effect. Too wide."""
    phi = 1.0 if scenario.heavy else 0.881 if scenario.gain else 0.975
    return capped(0.05 - 2 * float(stats.norm.sf(Z / phi**0.5)))


def logarithm(scenario: Scenario) -> float:
    """The logarithm's third-order term: 0.51 r^2, r the relative error of a mean."""
    return capped(0.51 * VALUE_CV[scenario.heavy] ** 2 / min(arms(scenario)))


def percentile(scenario: Scenario, buckets: bool) -> float:
    """A percentile bootstrap of m units: normal for t, and a variance of (m - 1) / m. Too narrow."""
    n, m = (min(size, BUCKETS) if buckets else size for size in arms(scenario))
    few = (1 / n / n + 1 / m / m) / (1 / n + 1 / m)
    df = min(df_of((n, m)), BUCKETS - 1) if buckets else df_of((n, m))
    return capped(2 * float(stats.t.sf(Z * (1 - few) ** 0.5, df)) - 0.05)


def leaning(scenario: Scenario) -> float:
    """A percentile bootstrap leans with the sample's skewness, which is k T on average where the estimate misses by T.

    Its ends move by (z^2 - 1) / 6 of that, away from the truth: as an error too small by 0.474 k. Too narrow.
    """
    n, m = arms(scenario)
    k = VALUE.of(scenario)[1] * (1 / n**3 + 1 / m**3) / (1 / n + 1 / m) ** 2
    return capped(SLOPE * (Z**2 - 1) / 6 * k)


def resamples(_scenario: Scenario) -> float:
    """B resamples' quantiles hold (B - 1) / (B + 1) of the share that they should. Too narrow."""
    return 0.95 * 2 / (RESAMPLES + 1)


def morris(_scenario: Scenario) -> float:
    """Morris's allowance for 8 segments. Too wide."""
    return MORRIS


@lru_cache
def newcombe(scenario: Scenario) -> tuple[float, float]:
    """Return the exact coverage of Newcombe's interval and the exact size of the pooled z test: sums over all tables.

    Size with an effect: nan.
    """
    truth = scenario.added_share
    base = SHARE
    if scenario.heavy:
        base = sum(
            weight * (1 - (1 - chance) * float(np.exp(-2 * chance)))
            for weight, chance in ((REGULAR, REGULARS), (1 - REGULAR, OTHERS))
        )
    hits, weights = [], []
    for n, share in ((scenario.n_control, base), (scenario.n_treatment, base + truth)):
        reach = 8 * (n * share * (1 - share)) ** 0.5 + 8
        own = np.arange(max(0, int(n * share - reach)), min(n, int(n * share + reach)) + 1)
        hits.append(own.astype(np.float64))
        weights.append(stats.binom.pmf(own, n, share))
    ours, theirs = np.meshgrid(*hits, indexing="ij")
    weight = weights[0][:, None] * weights[1][None, :]
    measure = Measure("share", "proportion", "share")
    tables = _table(ours, scenario.n_control), _table(theirs, scenario.n_treatment)
    said = independent_proportion(TwoArms(measure, *tables), 0.95)
    held = float(weight[(said.ci_low <= truth) & (truth <= said.ci_high)].sum())
    return held, np.nan if truth else float(weight[said.p_value <= 0.05].sum())


def discrete(scenario: Scenario) -> float:
    """What whole numbers of hits make of Newcombe's interval and the pooled z test, exactly."""
    held, size = newcombe(scenario)
    return max(abs(held - 0.95), 0.0 if np.isnan(size) else abs(size - 0.05))


def _table(hits: Numbers, n: int) -> Moments:
    share = hits / n
    return Moments(
        ("share",), np.full(hits.shape, float(n)), share[..., None], (n * share * (1 - share))[..., None, None]
    )

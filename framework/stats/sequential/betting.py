"""Confidence sequences from the values one by one: betting, exact between known bounds and narrow at small variance.

Against each mean m a gambler stakes a share of the capital on the next value, once for values above m and once for
values below: K+(m) = prod(1 + l+ (x - m)), K-(m) = prod(1 - l- (x - m)). Each stake is fixed before its value is seen
and leaves half the capital or more, so both are martingales under the true mean, and max(K+, K-) / 2 ever reaches
1 / alpha with probability at most alpha (Ville). K+ falls and K- rises in m, so what they leave is an interval. Stakes
are predictable plug-ins of Waudby-Smith and Ramdas 2024 (Journal of the Royal Statistical Society B 86, section 3):
until `tau` values those of their interval for a known number of values, then those of their confidence sequence. So
the width follows the variance of the values, is about least at `tau`, and goes on shrinking.

The values' order must be the one they came in, or one that does not depend on them. Two arms: one sequence each at
alpha / 2; by the union bound both hold at all looks, and with them every difference of their points (Bonferroni).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.effects import Look
from framework.stats.estimates import floored

STAKE = 0.5
"""The largest share of the capital that one bet may lose."""
TAU = 5000.0
"""The number of units, of all arms together, where the interval is about narrowest."""


@dataclass(frozen=True)
class Bets:
    """Values moved to [0, 1], with the stake on each before the cut that depends on m (both (n,))."""

    values: NDArray[np.float64]
    stakes: NDArray[np.float64]

    def above(self, mean: float) -> float:
        """Return ln K+(mean): the gain of betting on values above; falls in `mean`."""
        stakes = np.minimum(self.stakes, STAKE / mean) if mean > 0 else self.stakes
        return float(np.log1p(stakes * (self.values - mean)).sum())

    def below(self, mean: float) -> float:
        """Return ln K-(mean): the gain of betting on values below; rises in `mean`."""
        stakes = np.minimum(self.stakes, STAKE / (1 - mean)) if mean < 1 else self.stakes
        return float(np.log1p(stakes * (mean - self.values)).sum())

    def interval(self, threshold: float) -> tuple[float, float]:
        """Return the means (low, high) against which neither capital has a log of `threshold`."""
        return (
            _root(lambda mean: threshold - self.above(mean), 0.0, 1.0),
            _root(lambda mean: self.below(mean) - threshold, 0.0, 1.0),
        )


def betting_interval(
    values: Sequence[float] | NDArray[np.float64],
    *,
    alpha: float = 0.05,
    tau: float = TAU,
    low: float = 0.0,
    high: float = 1.0,
) -> tuple[float, float]:
    """Return the 1 - alpha confidence sequence (low, high) of the mean of a running sample (n,), in its own unit.

    `low`, `high` and `tau` are named before the data.

    Raises:
        TrialError: no values, values outside the bounds, bounds that are no range, tau not above 0, alpha outside
            (0, 1).
    """
    first, last = placed(values, alpha=alpha, tau=tau, low=low, high=high).interval(math.log(2 / alpha))
    return low + first * (high - low), low + last * (high - low)


def betting_look(
    values: Sequence[float] | NDArray[np.float64],
    *,
    alpha: float = 0.05,
    tau: float = TAU,
    low: float = 0.0,
    high: float = 1.0,
    null: float = 0.0,
    look: int = 1,
) -> Look:
    """Return the confidence sequence of a mean with its always-valid p-value, from values (n,) as they came.

    For paired differences: `low` and `high` bound them, -1 and 1 where the metric lies within 0 and 1. `boundary`
    tells the interval as a |z|: the way from the mean to the end on the null's side, in standard errors; infinite
    at spread 0.

    Raises:
        TrialError: as `betting_interval`, or a null outside the bounds.
    """
    bets = placed(values, alpha=alpha, tau=tau, low=low, high=high)
    span = high - low
    if not low <= null <= high:
        raise TrialError(f"null is {null:g}", allowed=f"a mean within the bounds, {low:g} to {high:g}")
    at_null = (null - low) / span
    against = max(bets.above(at_null), bets.below(at_null)) - math.log(2)
    first, last = bets.interval(math.log(2 / alpha))
    ends = low + first * span, low + last * span
    sample = bets.values * span + low
    return _look(
        f"betting, tau {tau:g}", float(sample.mean()), _variance_of_mean(sample), ends, null, against, alpha, look
    )


def betting_difference_look(
    control: Sequence[float] | NDArray[np.float64],
    treatment: Sequence[float] | NDArray[np.float64],
    *,
    alpha: float = 0.05,
    tau: float = TAU,
    low: float = 0.0,
    high: float = 1.0,
    null: float = 0.0,
    look: int = 1,
) -> Look:
    """Return the confidence sequence of treatment minus control and its always-valid p-value, arms as they came.

    `control` (n,) and `treatment` (m,) lie within `low` and `high`; these and `tau`, the units of both arms to be
    narrowest at, are named before the data. The arms are combined by the union bound (this file's first lines): p is
    the least alpha at which no two means that differ by `null` are in both arms' sequences, stakes as tuned for
    `alpha`, and is at most alpha exactly where the interval leaves out `null`. `boundary` as in `betting_look`.

    Raises:
        TrialError: as `betting_interval`, for either arm, or a null that no two means within bounds differ by.
    """
    arms = [placed(arm, alpha=alpha / 2, tau=tau / 2, low=low, high=high) for arm in (control, treatment)]
    span = high - low
    if not abs(null) < span:
        raise TrialError(f"null is {null:g}", allowed=f"a difference smaller than the range of the values, {span:g}")
    moved = null / span

    def rising(mean: float) -> float:
        return max(arms[0].below(mean), arms[1].below(min(1.0, mean + moved)))

    def falling(mean: float) -> float:
        return max(arms[0].above(mean), arms[1].above(min(1.0, mean + moved)))

    # The means hardest to tell from the data are where what rises in them meets what falls.
    least = _root(lambda mean: rising(mean) - falling(mean), max(0.0, -moved), min(1.0, 1.0 - moved))
    against = max(rising(least), falling(least)) - math.log(4)
    first, second = (arm.interval(math.log(4 / alpha)) for arm in arms)
    ends = (second[0] - first[1]) * span, (second[1] - first[0]) * span
    samples = [arm.values * span for arm in arms]
    return _look(
        f"betting on two arms, tau {tau:g}",
        float(samples[1].mean() - samples[0].mean()),
        _variance_of_mean(samples[0]) + _variance_of_mean(samples[1]),
        ends,
        null,
        against,
        alpha,
        look,
    )


def placed(
    values: Sequence[float] | NDArray[np.float64],
    *,
    alpha: float = 0.05,
    tau: float = TAU,
    low: float = 0.0,
    high: float = 1.0,
) -> Bets:
    """Return the values moved to [0, 1] with their stakes, each from the values before it alone.

    Stake t is sqrt(2 ln(2 / alpha) / (s2 h)): s2 is the running variance so far, which starts at 1/4, and h is `tau`
    until there and t ln(t + 1) / ln(tau + 1) after.

    Raises:
        TrialError: as `betting_interval`.
    """
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise TrialError(f"bounds are {low:g} and {high:g}", allowed="two finite numbers, the lower first")
    if not 0 < tau < math.inf:
        raise TrialError(f"tau is {tau:g}", allowed="a number of units above 0, such as 5000")
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise TrialError(f"values have shape {sample.shape}", allowed="one value or more, shape (n,)")
    outside = int(sample.size - ((sample >= low) & (sample <= high)).sum())
    if outside:
        raise TrialError(
            f"{outside} of {sample.size} values are not within {low:g} and {high:g}",
            allowed="values within the bounds",
            hint="Name the bounds that every value is sure to keep.",
        )
    moved = (sample - low) / (high - low)
    t = np.arange(1, moved.size + 1)
    means = (0.5 + np.cumsum(moved)) / (t + 1)
    variances = (0.25 + np.cumsum((moved - means) ** 2)) / (t + 1)
    before = np.concatenate(([0.25], variances[:-1]))
    horizon = np.maximum(tau, t * np.log1p(t) / math.log1p(tau))
    return Bets(moved, np.sqrt(2 * math.log(2 / alpha) / (before * horizon)))


def _look(
    method: str,
    estimate: float,
    variance: float,
    ends: tuple[float, float],
    null: float,
    against: float,
    alpha: float,
    look: int,
) -> Look:
    way = estimate - ends[0] if estimate >= null else ends[1] - estimate
    return Look(
        method=method,
        look=look,
        looks=None,
        information=None,
        boundary=way / math.sqrt(variance) if variance > 0 else math.inf,
        crossed=against >= -math.log(alpha),
        ci_low=ends[0],
        ci_high=ends[1],
        p_value=floored(math.exp(min(0.0, -against))),
    )


def _variance_of_mean(values: NDArray[np.float64]) -> float:
    return float(values.var(ddof=1)) / values.size if values.size > 1 else 0.0


def _root(rising: Callable[[float], float], first: float, last: float) -> float:
    """Return where a rising function goes through 0, or the end that is nearer to it."""
    from scipy import optimize

    if rising(first) >= 0:
        return first
    if rising(last) <= 0:
        return last
    return float(optimize.brentq(rising, first, last, xtol=1e-14))

"""Confidence sequences from counts alone: the Bernoulli mixture, exact for every metric between known bounds.

Of n values within [0, 1] that add up to s, the evidence against the mean m is the likelihood averaged over a
Beta(k m, k (1 - m)) prior around m, over the likelihood of m:

    E(m) = B(k m + s, k (1 - m) + n - s) / (B(k m, k (1 - m)) m^s (1 - m)^(n - s)).

For values 0 and 1 it is a martingale under their true mean; for any others it is below one, since the ratio is convex
in each value and so at most what it would be for a 0-or-1 value of the same mean. By Ville's inequality it ever reaches
1 / alpha with probability at most alpha, whatever the number of values: exact at any number of looks (Robbins 1970;
Howard, Ramdas, McAuliffe and Sekhon 2021, beta-binomial mixture). The values need not be alike, as long as each has the
mean m given those before it. The weight k of the prior moves the width, never the validity.

Two independent arms: E_C(p_C) E_T(p_T) is again a martingale (or below one) under the true means. So the difference d
stays in the sequence while some pair of means that far apart keeps the product below 1 / alpha, at all looks at once
with probability 1 - alpha. That is narrower than one sequence an arm at alpha / 2 each.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.effects import Look
from framework.stats.estimates import floored

TAU = 5000.0
"""The number of units, of all arms together, where the interval is about narrowest."""
NEAR = 1e-13
"""How near the ends of a range a root is sought, as a share of it."""


def bernoulli_interval(
    total: float, n: int, *, alpha: float = 0.05, tau: float = TAU, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    """Return the 1 - alpha confidence sequence (low, high) of a mean, from the `total` of `n` values within bounds.

    `low` and `high` bound every value, in the metric's unit as `total` is; 0 and 1 for a proportion. `tau` is the n
    to be narrowest at, named before the data.

    Raises:
        TrialError: n below 1, a total that n values within the bounds cannot have, tau not above 0, alpha outside
            (0, 1).
    """
    _check(alpha, low, high)
    weight, successes = prior_weight(alpha, tau), _scaled(total, n, low, high)

    def gap(mean: float) -> float:
        return float(log_evidence(successes, n, mean, weight)) + math.log(alpha)

    ends = _where_crossed(gap, successes / n, 0.0, 1.0)
    return low + ends[0] * (high - low), low + ends[1] * (high - low)


def bernoulli_difference_look(
    total_control: float,
    n_control: int,
    total_treatment: float,
    n_treatment: int,
    *,
    alpha: float = 0.05,
    tau: float = TAU,
    low: float = 0.0,
    high: float = 1.0,
    null: float = 0.0,
    look: int = 1,
) -> Look:
    """Return the confidence sequence of treatment minus control and its always-valid p-value, from totals and counts.

    Values lie within `low` and `high`; these and `tau`, the units of both arms to be narrowest at, are named before
    the data. Totals, bounds and `null` are in the metric's unit. Interval and p are exact at any look (this file's
    first lines say how the arms are combined): p is one over the least evidence against two means that differ by
    `null`, and is at most alpha exactly where the interval leaves out `null`. `boundary` tells the interval as a |z|:
    the way from the estimate to the end on the null's side, in binomial standard errors, which for values between the
    bounds are too large; infinite where they are 0.

    Raises:
        TrialError: as `bernoulli_interval`, for either arm, or a null that no two means within bounds differ by.
    """
    _check(alpha, low, high)
    span, weight = high - low, prior_weight(alpha, tau, arms=2)
    control, treatment = _scaled(total_control, n_control, low, high), _scaled(total_treatment, n_treatment, low, high)
    if not abs(null) < span:
        raise TrialError(f"null is {null:g}", allowed=f"a difference smaller than the range of the values, {span:g}")

    def evidence(difference: float) -> float:
        return _least_evidence(difference, (control, n_control), (treatment, n_treatment), weight)

    rates = control / n_control, treatment / n_treatment
    estimate = rates[1] - rates[0]
    ends = _where_crossed(lambda difference: evidence(difference) + math.log(alpha), estimate, -1.0, 1.0)
    against = evidence(null / span)
    error = math.sqrt(rates[0] * (1 - rates[0]) / n_control + rates[1] * (1 - rates[1]) / n_treatment)
    way = estimate - ends[0] if estimate >= null / span else ends[1] - estimate
    return Look(
        method=f"Bernoulli mixture of two arms, tau {tau:g}",
        look=look,
        looks=None,
        information=None,
        boundary=way / error if error > 0 else math.inf,
        crossed=against >= -math.log(alpha),
        ci_low=ends[0] * span,
        ci_high=ends[1] * span,
        p_value=floored(math.exp(min(0.0, -against))),
    )


def prior_weight(alpha: float = 0.05, tau: float = TAU, *, arms: int = 1) -> float:
    """Return k, the values that the prior of each arm counts for, to be about narrowest at `tau` units of all arms.

    With g = n / k in each arm the squared boundary in standard errors is near 2 (1 + 1/g) (ln(1 / alpha) +
    arms ln(1 + g) / 2), least where g = 2 ln(1 / alpha) / arms + ln(1 + g).

    Raises:
        TrialError: tau not above 0, alpha outside (0, 1).
    """
    _check(alpha, 0.0, 1.0)
    if not 0 < tau < math.inf:
        raise TrialError(f"tau is {tau:g}", allowed="a number of units above 0, such as 5000")
    ratio = 1.0
    for _ in range(60):  # a contraction: near rounding well before
        ratio = -2 * math.log(alpha) / arms + math.log1p(ratio)
    return tau / arms / ratio


def log_evidence(
    successes: float | NDArray[np.float64],
    n: float | NDArray[np.float64],
    mean: float | NDArray[np.float64],
    weight: float,
) -> NDArray[np.float64]:
    """Return ln E(mean) for `successes` of `n` (totals of values within [0, 1]) with k = `weight`; arrays broadcast.

    Infinite where `mean` cannot have given the values.
    """
    return _log_evidence(successes, n, mean, 1 - np.asarray(mean), weight)


def _log_evidence(
    successes: float | NDArray[np.float64],
    n: float | NDArray[np.float64],
    mean: float | NDArray[np.float64],
    other: float | NDArray[np.float64],
    weight: float,
) -> NDArray[np.float64]:
    """As `log_evidence`, with `other` = 1 - mean given, so that no digit is lost near 1."""
    from scipy import special

    total = special.gammaln(weight + n) - special.gammaln(weight)
    return np.asarray(_side(successes, mean, weight) + _side(np.asarray(n) - successes, other, weight) - total)


def _side(count: float | NDArray[np.float64], share: float | NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Return ln(Gamma(k m + s) / Gamma(k m) / m^s)."""
    from scipy import special

    counts, shares = np.asarray(count, dtype=np.float64), np.asarray(share, dtype=np.float64)
    inside = np.where(shares > 0, shares, 1.0)
    gained = special.gammaln(weight * inside + counts) - special.gammaln(weight * inside) - counts * np.log(inside)
    return np.where(counts == 0, 0.0, np.where(shares > 0, gained, math.inf))


def _least_evidence(
    difference: float, control: tuple[float, int], treatment: tuple[float, int], weight: float
) -> float:
    """Return the least ln(E_C(m) E_T(m + difference)) over m: convex in m, so where its slope is 0.

    Convex, that is, unless a total lies above 0 but below one value at the bound: then no evidence is claimed at all.
    """
    from scipy import optimize

    for successes, n in (control, treatment):
        if 0 < successes < 1 or 0 < n - successes < 1:
            return -math.inf
    below, above = max(0.0, -difference), max(0.0, difference)
    length = 1 - below - above

    def shares(u: float) -> tuple[tuple[float, float], tuple[float, float]]:
        return (below + u * length, above + (1 - u) * length), (above + u * length, below + (1 - u) * length)

    def evidence(u: float) -> float:
        pairs = zip((control, treatment), shares(u), strict=True)
        return sum(float(_log_evidence(*arm, *share, weight)) for arm, share in pairs)

    def slope(u: float) -> float:
        return sum(_slope(*arm, *share, weight) for arm, share in zip((control, treatment), shares(u), strict=True))

    if length <= 0:
        return evidence(0.5)
    # At an end itself a single success makes a mean of 0 impossible, though just above 0 it is likely.
    if slope(NEAR) >= 0:
        return min(evidence(0.0), evidence(NEAR))
    if slope(1 - NEAR) <= 0:
        return min(evidence(1.0), evidence(1 - NEAR))
    return evidence(float(optimize.brentq(slope, NEAR, 1 - NEAR, xtol=1e-16, rtol=1e-14)))


def _slope(successes: float, n: int, mean: float, other: float, weight: float) -> float:
    """Return the slope of ln E in its mean; `other` is 1 - mean."""
    from scipy import special

    def side(count: float, share: float) -> float:
        at = weight * share
        return float(weight * (special.digamma(at + count) - special.digamma(at)) - count / share) if count else 0.0

    return side(successes, mean) - side(n - successes, other)


def _where_crossed(gap: Callable[[float], float], middle: float, first: float, last: float) -> tuple[float, float]:
    """Return where `gap`, below 0 at `middle` and rising away from it, goes through 0 on either side, or the end."""
    from scipy import optimize

    ends = []
    for end in (first, last):
        inner = end if math.isfinite(gap(end)) else end + NEAR * (middle - end)
        crosses = end != middle and gap(inner) > 0
        ends.append(float(optimize.brentq(gap, middle, inner, xtol=1e-16, rtol=1e-13)) if crosses else end)
    return ends[0], ends[1]


def _scaled(total: float, n: int, low: float, high: float) -> float:
    """Return the total of the values moved to [0, 1]."""
    if n < 1:
        raise TrialError(f"{n} value(s)", allowed="1 or more")
    scaled = (total - n * low) / (high - low)
    if not -1e-9 * n <= scaled <= n * (1 + 1e-9):
        raise TrialError(
            f"{n} values add up to {total:g}",
            allowed=f"totals from {n * low:g} to {n * high:g}: values within {low:g} and {high:g}",
            hint="Name the bounds that every value is sure to keep.",
        )
    # Rounding must not make a total of 0 (or n) an impossible hair more.
    return float(n if scaled > n - 1e-9 else 0 if scaled < 1e-9 else scaled)


def _check(alpha: float, low: float, high: float) -> None:
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise TrialError(f"bounds are {low:g} and {high:g}", allowed="two finite numbers, the lower first")

"""The critical value of an interval that may be biased, when only the size of the bias on average is known."""

from __future__ import annotations

import math


def robust_critical(second_moment: float, alpha: float) -> float:
    """Return the smallest c such that |Z + b| > c at most `alpha` of the time for any b with mean(b^2) at most this.

    Z is standard normal, b the bias in standard errors, `second_moment` the bound of its mean square (Armstrong,
    Kolesar and Plagborg-Moller 2022, "Robust empirical Bayes confidence intervals", with no bound on the kurtosis). The
    worst b is either constant in size, or 0 for some and one size for the rest. For 0 it is the normal critical value.
    """
    from scipy import optimize, stats

    if second_moment == 0:
        return float(stats.norm.isf(alpha / 2))
    # Chebyshev's inequality bounds it from above, no bias from below.
    low, high = float(stats.norm.isf(alpha / 2)) - 1e-9, math.sqrt((1 + second_moment) / alpha)
    return float(optimize.brentq(lambda c: worst_miss(second_moment, c) - alpha, low, high, xtol=1e-10))


def worst_miss(second_moment: float, c: float) -> float:
    """Return the largest P(|Z + b| > c) over all b with mean(b^2) at most `second_moment`."""
    turn = _tangent(c)
    if second_moment >= turn:
        return _miss(second_moment, c)
    return _miss(0.0, c) + second_moment / turn * (_miss(turn, c) - _miss(0.0, c))


def _miss(square: float, c: float) -> float:
    from scipy import special

    b = math.sqrt(square)
    return float(special.ndtr(-c - b) + special.ndtr(b - c))


def _slope(square: float, c: float) -> float:
    """Return the derivative of `_miss` by the squared bias, above 0."""
    b = math.sqrt(square)
    # (phi(b - c) - phi(b + c)) / (2 b), written so that large b and c do not overflow.
    return math.exp(-((b - c) ** 2) / 2) * -math.expm1(-2 * b * c) / (2 * b * math.sqrt(2 * math.pi))


def _tangent(c: float) -> float:
    """Return the squared bias from which misses are concave enough for a constant bias to be the worst; 0 if always."""
    from scipy import optimize

    if c <= math.sqrt(3):
        return 1e-12

    # A line from no bias that touches the curve: below, mixing no bias with the touching point is worse.
    def gap(square: float) -> float:
        return _miss(square, c) - _miss(0.0, c) - square * _slope(square, c)

    low, high = 1e-3, (c + 1.0) ** 2
    while gap(high) < 0:
        high *= 2
    while gap(low) > 0 and low > 1e-9:
        low /= 4
    return low if gap(low) > 0 else float(optimize.brentq(gap, low, high, xtol=1e-12))

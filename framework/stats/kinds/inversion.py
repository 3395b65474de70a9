"""An interval from a test: the values that the test does not reject."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def accepted(
    statistic: Callable[[float], float], estimate: float, low: float, high: float, critical: float
) -> tuple[float, float]:
    """Return the ends of the values around `estimate` whose |statistic| is at most `critical`.

    `statistic(value)` is about normal where `value` is true, near 0 at `estimate`, and grows in size away from it.
    `low` and `high` bound the values that are possible: where a bound is not rejected it is the interval's end. So the
    search starts from the whole range, where statsmodels starts near Wald's interval and fails, or ends at a wrong
    root, for tables with an empty cell.
    """
    return _end(statistic, estimate, low, critical), _end(statistic, estimate, high, critical)


def _end(statistic: Callable[[float], float], inside: float, outside: float, critical: float) -> float:
    from scipy import optimize

    def excess(value: float) -> float:
        # Infinite statistics are as good as very large ones, and a root finder can do arithmetic with those.
        return min(abs(float(statistic(value))), 1e6) - critical

    # `not >`: a statistic that is not a number rejects nothing.
    if inside == outside or not excess(outside) > 0:
        return outside
    step = abs(outside - inside)
    # At the estimate itself the statistic can be 0 / 0.
    inner = inside if np.isfinite(statistic(inside)) else inside + (outside - inside) * 1e-9
    if excess(inner) > 0:
        return inside
    return float(optimize.brentq(excess, inner, outside, xtol=1e-14 * step, rtol=1e-14, maxiter=500))

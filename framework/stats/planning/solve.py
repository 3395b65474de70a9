"""Inverting a power function: a solver is believed where the power confirms it, else the root is bracketed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

from framework.errors import TrialError

MOST_UNITS = 10**12
"""More units than this is no plan."""
TOLERANCE = 1e-8
"""How far the power at a solver's answer may be from the wanted power."""


def solve(
    gap: Callable[[float], float],
    low: float,
    *,
    ask: Callable[[], float] | None = None,
    most: float = MOST_UNITS,
    what: str = "sample",
) -> float:
    """Return the smallest x >= `low` with gap(x) = 0, where `gap` is power at x less the wanted power and rises with x.

    `ask` is a solver such as statsmodels' solve_power: it can return its starting value, a bound or nan without a
    word, and it can stop early, so its answer counts only where |gap| there is below `TOLERANCE`. Otherwise x is
    doubled from `low` until the power is reached, and the root found by Brent's method. `low` itself is returned where
    it already has the power. `what` names in the error what was looked for.

    Raises:
        TrialError: nothing up to `most` has the power.
    """
    found = math.nan if ask is None else asked(ask)
    if math.isfinite(found) and low <= found <= most and abs(gap(found)) < TOLERANCE:
        return found
    return bracketed(gap, low, most=most, what=what)


def asked(ask: Callable[[], float]) -> float:
    """Return what a solver answers, nan where it fails; its warnings are silenced, since the answer is checked."""
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            answer = ask()
            # Newer statsmodels wrap the number in an array of one.
            return float(getattr(answer, "item", lambda: answer)())
        except (ValueError, RuntimeError, ZeroDivisionError, OverflowError):
            return math.nan


def bracketed(
    gap: Callable[[float], float], low: float, *, most: float, what: str, start: float | None = None
) -> float:
    """Return the root of a rising `gap` above `low`, doubling from `start` (default 2 `low`) until it is enclosed.

    Raises:
        TrialError: nothing up to `most` has the power.
    """
    from scipy import optimize

    if gap(low) >= 0:
        return low
    below, high = low, min(most, 2 * low if start is None else start)
    while not gap(high) >= 0:
        if high >= most:
            raise TrialError(f"no {what} below {most:.3g} reaches the power", hint=_HINTS.get(what))
        below, high = high, min(most, 2 * high)
    return float(optimize.brentq(gap, below, high, xtol=1e-12 * high, rtol=1e-14))


_HINTS = {
    "sample": "Aim for a larger difference.",
    "difference": "Plan with more units.",
    "margin": "Plan with more units.",
}

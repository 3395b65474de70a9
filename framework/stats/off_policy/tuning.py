"""How far importance weights are to be shrunk, chosen from the log: SLOPE, and a bound on the mean squared error."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

WIDENING = math.sqrt(6.0) - 1.0
"""The constant of the SLOPE rule, as its authors set it."""


def slope(values: NDArray[np.float64], widths: NDArray[np.float64]) -> int:
    """Return the place of the candidate that Lepski's principle chooses, of estimates (C,) with half widths (C,).

    From the widest to the narrowest, a candidate is taken as long as it lies within width + (sqrt(6) - 1) x width_j of
    every candidate j before it; the last one taken is chosen. So the narrowest whose bias the wider ones cannot show.
    Ties in width go by place, the later first. Su, Srinath and Krishnamurthy, "Adaptive estimator selection for
    off-policy evaluation", ICML 2020.
    """
    order = np.argsort(widths, kind="stable")[::-1]
    for step, candidate in enumerate(order):
        before = order[:step]
        apart = np.abs(values[before] - values[candidate])
        if bool((apart > widths[candidate] + WIDENING * widths[before]).any()):
            return int(order[step - 1])
    return int(order[-1])


def half_width(terms: NDArray[np.float64], delta: float) -> float:
    """Return the one-sided Student half width of the mean of terms (n,) at level delta."""
    from scipy import special

    n = terms.size
    return math.sqrt(float(terms.var()) / (n - 1)) * float(special.stdtrit(n - 1, 1.0 - delta))


def error_bound(
    terms: NDArray[np.float64],
    weight: NDArray[np.float64],
    shrunk: NDArray[np.float64],
    residual: NDArray[np.float64],
    delta: float,
    largest: float = 1.0,
) -> float:
    """Return a bound on the mean squared error of an estimate from shrunk weights: variance + (bias + slack)^2.

    All arrays are (n,). The bias is |mean((w - shrunk) residual)|, the slack Bernstein's at level delta,
    sqrt(2 mean(w^2) log(2 / delta) / n) + 2 max(w) log(2 / delta) / (3 n), times the `largest` reward. Su,
    Dimakopoulou, Krishnamurthy and Dudik, "Doubly robust off-policy evaluation with shrinkage", ICML 2020, section 5.
    The slack is the same for all candidates, and outweighs the rest where rewards are rare: the bound then leans to
    weights as they are.
    """
    n = terms.size
    log = math.log(2.0 / delta)
    bias = abs(float(((weight - shrunk) * residual).mean()))
    slack = math.sqrt(2.0 * float((weight**2).mean()) * log / n) + 2.0 * float(weight.max()) * log / (3.0 * n)
    return float(terms.var()) / n + (bias + largest * slack) ** 2

"""A number with its interval from influence values, summed over folds that are independent of what they are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import quantile, two_sided


@dataclass(frozen=True)
class Valued:
    """An estimate with its standard error and interval; `p_value` tests that it is 0, `n` units bear it."""

    value: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    n: int


def valued(value: float, influence: Sequence[NDArray[np.float64]], confidence: float = 0.95) -> Valued:
    """Return `value` with the error of an average over folds, each weighted by its units.

    `influence` holds for each fold its units' influence on the fold's own estimate (of any centre). Variances of folds
    add: each fold's estimate is unbiased given the folds that it depends on, so they are uncorrelated (Luedtke and van
    der Laan 2016). Normal reference. No spread at all is a point, with p 1 where the value is 0 and p 0 elsewhere.

    Raises:
        TrialError: a fold with fewer than 2 units.
    """
    sizes = np.array([own.size for own in influence])
    if sizes.size == 0 or sizes.min() < 2:
        raise TrialError("a fold has fewer than 2 units", allowed="2 or more")
    weights = sizes / sizes.sum()
    variance = sum(
        weight**2 * float(np.var(own, ddof=1)) / own.size for weight, own in zip(weights, influence, strict=True)
    )
    # Differences of equal numbers leave rounding errors, which are no spread.
    largest = max(float(np.abs(own).max()) for own in influence)
    error = float(np.sqrt(variance))
    if error <= 1e-12 * largest or error == 0:
        return Valued(value, 0.0, value, value, 1.0 if value == 0 else two_sided(np.inf, None), int(sizes.sum()))
    width = quantile(confidence, None) * error
    return Valued(value, error, value - width, value + width, two_sided(value / error, None), int(sizes.sum()))

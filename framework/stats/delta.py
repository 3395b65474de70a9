"""The delta method: an arm's value, and its units' values made linear around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.stats.samples import UnitValues

ROUNDING = 32 * float(np.finfo(np.float64).eps)
"""Spread, relative to the largest value, below which numbers differ by rounding only."""


def value_of(values: UnitValues) -> float:
    """Return the arm's value: mean(numerator), or sum(numerator) / sum(denominator)."""
    if values.denominator is None:
        return float(values.numerator.mean())
    return float(values.numerator.sum() / values.denominator.sum())


def linearised(values: UnitValues) -> NDArray[np.float64]:
    """Return (n,) contributions with mean 0 whose sample variance over n is the variance of the arm's value.

    A mean gives x - mean(x), exactly; a ratio R gives (numerator - R denominator) / mean(denominator), to first order
    (Deng, Knoblich and Lu 2018, "Applying the delta method in metric analytics", eq. 3 with ddof 1).
    """
    if values.denominator is None:
        return np.asarray(values.numerator - values.numerator.mean())
    ratio = value_of(values)
    return np.asarray((values.numerator - ratio * values.denominator) / values.denominator.mean())


def magnitude(values: UnitValues) -> float:
    """Return the largest size of a unit's contribution, in the metric's own unit: what rounding is relative to."""
    largest = float(np.abs(values.numerator).max())
    if values.denominator is None:
        return largest
    share = float(np.abs(values.denominator).max()) * abs(value_of(values))
    return max(largest, share) / float(values.denominator.mean())


def is_constant(numbers: NDArray[np.float64], scale: float) -> bool:
    """Say whether numbers of size `scale` are equal up to rounding, whatever their unit."""
    return float(numbers.max() - numbers.min()) <= ROUNDING * scale


def mean_error(contributions: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of (n,) contributions, ddof 1."""
    return float(contributions.std(ddof=1) / np.sqrt(contributions.size))

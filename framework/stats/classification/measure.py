"""A measure of a classifier with every row's influence on it, from which errors, intervals and differences follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Measured:
    """An estimate and the `influence` (n,) of every row: the estimate's error is about their sum.

    `group` (n,) says which rows stand and fall together (rows of one user), by number; None: every row is alone.
    `bounded` measures lie between 0 and 1, and have their interval on the scale of log odds.
    """

    estimate: float
    influence: NDArray[np.float64]
    group: NDArray[np.integer] | None = None
    bounded: bool = True

    @property
    def error(self) -> float:
        """The standard error: sqrt(G / (G - 1) * sum of squares of the groups' sums)."""
        return _error(self.influence, self.group)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the ends of the interval; a point where the estimate is 0 or 1, NaN where the estimate is.

        On the log odds for a bounded measure (Pepe, "The statistical evaluation of medical tests for classification and
        prediction", 2003, section 5.2, for the AUC), which keeps it within 0 and 1.
        """
        from scipy.stats import norm

        z = float(norm.ppf(0.5 + confidence / 2))
        value, error = self.estimate, self.error
        if not self.bounded:
            return value - z * error, value + z * error
        if not 0 < value < 1:
            return value, value
        middle, half = np.log(value / (1 - value)), z * error / (value * (1 - value))
        low, high = 1 / (1 + np.exp(-(middle - half))), 1 / (1 + np.exp(-(middle + half)))
        return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """One classifier less another on the same rows: normal `p_value` of no difference, two-sided."""

    estimate: float
    error: float
    low: float
    high: float
    p_value: float


def difference(first: Measured, second: Measured, confidence: float = 0.95) -> Difference:
    """Return the paired difference of one measure between two classifiers on the same rows.

    What the rows have in common cancels in their influences, so the classifiers' covariance enters by itself. Where the
    two are alike on every row, it is 0 with p 1. Raises DataError for other rows or groups.
    """
    from scipy.stats import norm

    same = first.group is second.group or (
        first.group is not None and second.group is not None and np.array_equal(first.group, second.group)
    )
    if len(first.influence) != len(second.influence) or not same:
        raise DataError("a paired difference needs two classifiers on the same rows in the same groups")
    estimate = first.estimate - second.estimate
    error = _error(first.influence - second.influence, first.group)
    half = float(norm.ppf(0.5 + confidence / 2)) * error
    apart = float(2 * norm.sf(abs(estimate) / error)) if error > 0 else 0.0
    p_value = 1.0 if error == 0 and estimate == 0 else apart
    return Difference(estimate, error, estimate - half, estimate + half, max(p_value, np.finfo(float).tiny))


def ratio(
    numerator: NDArray[np.float64], denominator: NDArray[np.float64], group: NDArray[np.integer] | None
) -> Measured:
    """Return sum(numerator) / sum(denominator) over rows (n,), linearised (the delta method); NaN over a sum of 0."""
    below = float(denominator.sum())
    if below == 0:
        return Measured(float("nan"), np.full(len(numerator), np.nan), group)
    value = float(numerator.sum()) / below
    return Measured(value, (numerator - value * denominator) / below, group)


def _error(influence: NDArray[np.float64], group: NDArray[np.integer] | None) -> float:
    sums = influence if group is None else np.bincount(group, weights=influence)
    if group is not None:
        sums = sums[np.bincount(group) > 0]
    n = len(sums)
    return float(np.sqrt(n / (n - 1) * np.sum(sums**2))) if n > 1 else float("nan")

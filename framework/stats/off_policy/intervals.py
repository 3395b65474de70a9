"""An interval around an off-policy value from the influence of every row on it, rows clustered by unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import quantile

Method = Literal["t", "hall"]
METHODS = ("t", "hall")


@dataclass(frozen=True)
class ValueInterval:
    """A policy's value with its error and interval; `skewness` is that of the units' sums of terms."""

    value: float
    standard_error: float
    ci_low: float
    ci_high: float
    df: float
    units: int
    skewness: float
    method: str


def value_interval(
    terms: NDArray[np.float64],
    unit: NDArray[np.integer] | None = None,
    *,
    confidence: float = 0.95,
    method: Method = "t",
) -> ValueInterval:
    """Return the mean of influence values (n,) with its standard error and interval.

    An estimator's `PolicyValue.terms` are such values: for a ratio (SNIPS) they are value + w (r - value) / mean(w), so
    this is the delta method's interval; the terms of one policy minus those of another, or minus the logged rewards,
    give the interval of the difference. Rows of one `unit` (n,) are summed first, so they may hang together as they
    like; the error is the sandwich with G / (G - 1).

    "t": Student's, with one degree of freedom less than there are effective units, (sum of sizes)^2 / sum of sizes^2.
    "hall": the same after Hall's monotone cubic transformation, which takes the skewness out (Hall 1992, "On the
    removal of skewness by transformation", JRSS B 54). Rare rewards under large weights are skewed to the right: t then
    misses high values too often, and where fewer than about 60 rewarded rows carry the estimate this holds better.

    Raises:
        TrialError: fewer than 2 units, terms that are not finite, an unknown method, a confidence outside (0, 1).
    """
    if method not in METHODS:
        raise TrialError(f"an interval by '{method}'", allowed=METHODS)
    if not 0.0 < confidence < 1.0:
        raise TrialError(f"a confidence of {confidence:g}", allowed="a number between 0 and 1")
    if not bool(np.isfinite(terms).all()):
        raise TrialError(f"{int((~np.isfinite(terms)).sum())} of {terms.size} terms are missing or infinite")
    value = float(terms.mean()) if terms.size else math.nan
    sums, sizes = by_unit(terms - value, unit)
    units = sums.size
    if units < 2:
        raise TrialError(f"{units} unit(s) cannot show a spread", allowed="2 units or more")
    error = math.sqrt(units / (units - 1) * float((sums**2).sum())) / terms.size
    df = min(units, float(sizes.sum() ** 2 / (sizes**2).sum())) - 1.0
    spread = float((sums**2).mean())
    skewness = float((sums**3).mean()) / spread**1.5 if spread > 0 else 0.0
    edge = quantile(confidence, max(df, 1.0))
    low, high = -edge, edge
    if method == "hall":
        low, high = (_skewed(bound, skewness / math.sqrt(units)) for bound in (low, high))
    words = "influence values, t" if method == "t" else "influence values, t, skewness removed (Hall 1992)"
    return ValueInterval(value, error, value - error * high, value - error * low, df, units, skewness, words)


def standard_error(
    terms: NDArray[np.float64], unit: NDArray[np.integer] | None = None, *, small_sample: bool = True
) -> float:
    """Return the standard error of the mean of terms (n,); without `small_sample` no G / (G - 1).

    For SNIPS the latter is sqrt(sum(w^2 (r - value)^2)) / sum(w), as the delta method is mostly written.
    """
    sums, _ = by_unit(terms - terms.mean(), unit)
    factor = sums.size / (sums.size - 1) if small_sample else 1.0
    return math.sqrt(factor * float((sums**2).sum())) / terms.size


def by_unit(
    values: NDArray[np.float64], unit: NDArray[np.integer] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of values (n,) by unit (G,), and how many rows each unit has; without units as they are."""
    if unit is None:
        return values, np.ones(values.size)
    _, place = np.unique(unit, return_inverse=True)
    return np.asarray(np.bincount(place, weights=values), dtype=np.float64), np.bincount(place).astype(np.float64)


def _skewed(bound: float, a: float) -> float:
    """Return the t whose transform t + a t^2 / 3 + a^2 t^3 / 27 + a / 6 is `bound`; a is skewness / sqrt(units)."""
    if abs(a) < 1e-8:
        return bound
    return 3.0 / a * (float(np.cbrt(1.0 + a * (bound - a / 6.0))) - 1.0)

"""What one estimator says: estimate, error, interval and p-value, before metric and arms are named."""

from __future__ import annotations

import sys
from dataclasses import dataclass

SMALLEST_P = sys.float_info.min
"""A p-value below the smallest normal float is given as that float: never exactly 0."""


@dataclass(frozen=True)
class Estimate:
    """A difference between two arms in the metric's unit, with its error; `df` None means a normal reference."""

    difference: float
    standard_error: float
    ci_low: float
    ci_high: float
    p_value: float
    df: float | None
    method: str
    warnings: tuple[str, ...] = ()


def quantile(confidence: float, df: float | None) -> float:
    """Return the two-sided critical value of the t distribution with `df`, or of the normal one where it is None."""
    from scipy import stats

    tail = 0.5 + confidence / 2
    return float(stats.norm.ppf(tail) if df is None else stats.t.ppf(tail, df))


def two_sided(statistic: float, df: float | None) -> float:
    """Return the two-sided p-value of a statistic, never below `SMALLEST_P`."""
    from scipy import stats

    tail = stats.norm.sf(abs(statistic)) if df is None else stats.t.sf(abs(statistic), df)
    return floored(2 * float(tail))


def floored(p_value: float) -> float:
    """Return `p_value` within [SMALLEST_P, 1]."""
    return min(1.0, max(SMALLEST_P, float(p_value)))

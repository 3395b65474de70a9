"""What one estimator says: estimate, error, interval and p-value, before metric and arms are named."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    def as_effect(self) -> dict[str, Any]:
        """Return what an `Effect` takes over from it, by the effect's own names; warnings are joined by the caller."""
        return {
            "estimate": self.difference,
            "standard_error": self.standard_error,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "p_value": self.p_value,
            "method": self.method,
            "df": self.df,
        }


def quantile(confidence: float, df: float | None) -> float:
    """Return the two-sided critical value of the t distribution with `df`, or of the normal one where it is None."""
    return float(critical(confidence, np.asarray(np.inf if df is None else df)))


def two_sided(statistic: float, df: float | None) -> float:
    """Return the two-sided p-value of a statistic, never below `SMALLEST_P`."""
    return floored(2 * float(tail(np.asarray(abs(statistic)), np.asarray(np.inf if df is None else df))))


def critical(confidence: float, df: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two-sided critical values of the t distribution with `df` (...,); inf means normal."""
    from scipy import special

    below = (1 - confidence) / 2
    t = special.stdtrit(np.where(np.isfinite(df), df, 1.0), below)
    return np.asarray(-np.where(np.isfinite(df), t, special.ndtri(below)))


def tail(statistic: NDArray[np.float64], df: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(T > statistic) for statistics of 0 or more and `df` (...,); inf means normal."""
    from scipy import special

    t = special.stdtr(np.where(np.isfinite(df), df, 1.0), -statistic)
    return np.asarray(np.where(np.isfinite(df), t, special.ndtr(-statistic)))


def floored(p_value: float) -> float:
    """Return `p_value` within [SMALLEST_P, 1]."""
    return min(1.0, max(SMALLEST_P, float(p_value)))

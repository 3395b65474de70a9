"""What the estimators of a design give: a difference with its error, interval and p-value, single or in a batch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.stats.estimates import SMALLEST_P, Estimate, critical, tail
from framework.stats.moments.record import Numbers


@dataclass(frozen=True)
class Differences:
    """Treatment minus control, arrays (...,) of one shape; `df` is inf for a normal reference.

    `warnings` maps a text to the mask (...,) of the comparisons that deserve it.
    """

    difference: Numbers
    standard_error: Numbers
    ci_low: Numbers
    ci_high: Numbers
    p_value: Numbers
    df: Numbers
    method: str
    warnings: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def single(self) -> Estimate:
        """Return the only comparison of a batch without axes."""
        df = float(self.df)
        return Estimate(
            difference=float(self.difference),
            standard_error=float(self.standard_error),
            ci_low=float(self.ci_low),
            ci_high=float(self.ci_high),
            p_value=float(self.p_value),
            df=df if np.isfinite(df) else None,
            method=self.method,
            warnings=tuple(text for text, mask in self.warnings.items() if bool(mask)),
        )


def referred(
    difference: Numbers,
    error: Numbers,
    df: Numbers | float,
    confidence: float,
    method: str,
    *,
    flat_p: Numbers | None = None,
    flat_text: str = "",
) -> Differences:
    """Return a difference with its t interval (normal where `df` is inf) and two-sided p-value.

    Where the error is 0 the interval is a point, and the p-value is 1 for no difference, `flat_p` for another: what an
    exact test of the design says there.
    """
    df = np.broadcast_to(np.asarray(df, dtype=np.float64), np.shape(difference))
    flat = error == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(flat, 0.0, difference / error)
        width = np.where(flat, 0.0, critical(confidence, df) * error)
    p_value = np.clip(2 * tail(np.abs(statistic), df), SMALLEST_P, 1.0)
    warnings = {}
    if flat_p is not None:
        p_value = np.where(flat & (difference != 0), np.clip(flat_p, SMALLEST_P, 1.0), p_value)
        warnings = {
            "No unit differs between the arms: zero variance, the interval is a point.": flat & (difference == 0),
            flat_text: flat & (difference != 0),
        }
    return Differences(
        difference=difference,
        standard_error=error,
        ci_low=difference - width,
        ci_high=difference + width,
        p_value=p_value,
        df=df,
        method=method,
        warnings=warnings,
    )

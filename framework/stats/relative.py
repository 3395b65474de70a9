"""The relative effect: treatment over control, less one, by the log-ratio interval."""

from __future__ import annotations

import numpy as np

from framework.stats.delta import linearised, mean_error, value_of
from framework.stats.effects import Interval
from framework.stats.estimates import quantile
from framework.stats.samples import UnitValues


def relative_interval(control: UnitValues, treatment: UnitValues, *, design: str, confidence: float) -> Interval:
    """Return treatment / control - 1 with exp(log ratio -+ quantile x error) - 1 around it.

    The error is the delta method's for log(treatment) - log(control): with the covariance in a paired design
    (contributions subtracted within units), without it between independent arms. Reference distribution: t with n - 1
    for a paired design, t with Satterthwaite's df of the log variances for independent means, normal for proportions
    (statsmodels' ratio interval "log", Katz et al. 1978) and independent ratios.

    Nothing is given, with the reason, where the control's value is negative, or so near to 0 that its own interval at
    `confidence` reaches 0: there even the exact (Fieller) set for the ratio is unbounded. Where the treatment's value
    is 0 or negative the estimate is given without an interval.
    """
    base, value = value_of(control), value_of(treatment)
    error = mean_error(linearised(control))
    if base < 0:
        return Interval(None, None, None, "the control's value is negative, so a relative change has no meaning")
    if base == 0 or base <= quantile(confidence, None) * error:
        return Interval(None, None, None, "the control's value is too near to zero to divide by")
    estimate = value / base - 1
    if value <= 0:
        return Interval(estimate, None, None, "the treatment's value is not above zero, so its logarithm has no value")
    x, y = linearised(treatment) / value, linearised(control) / base
    df: float | None
    if design == "paired":
        log_error, df = mean_error(x - y), float(x.size - 1)
    else:
        log_error = float(np.hypot(mean_error(x), mean_error(y)))
        df = _satterthwaite(mean_error(x), x.size, mean_error(y), y.size) if control.kind == "mean" else None
        if control.kind == "proportion":
            log_error = float(np.sqrt((1 - value) / (value * x.size) + (1 - base) / (base * y.size)))
    width = quantile(confidence, df) * log_error
    return Interval(
        estimate,
        float((estimate + 1) * np.exp(-width) - 1),
        float((estimate + 1) * np.exp(width) - 1),
    )


def _satterthwaite(error_x: float, n_x: int, error_y: float, n_y: int) -> float | None:
    """Return the degrees of freedom of a sum of two variances of means (Satterthwaite 1946); None without spread."""
    x, y = error_x**2, error_y**2
    if x + y == 0:
        return None
    return (x + y) ** 2 / (x**2 / (n_x - 1) + y**2 / (n_y - 1))

"""The relative effect: treatment over control, less one, by the log-ratio interval or by Fieller's."""

from __future__ import annotations

import numpy as np

from framework.stats.designs.independent import satterthwaite
from framework.stats.designs.paired import joint_variance, paired_difference
from framework.stats.effects import Interval
from framework.stats.estimates import critical, quantile
from framework.stats.moments.measure import Measure, mean_variance
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.two_arms import TwoArms

NEGATIVE = "the control's value is negative, so a relative change has no meaning"
NEAR_ZERO = "the control's value is too near to zero to divide by"
WIDEST = 100.0
"""Half width of the interval of a logarithm beyond which it says nothing: a factor of e^100 either way."""
NO_LOGARITHM = "the treatment's value is not above zero, so its logarithm has no value"
TOO_FAR = "the values are too small, too large or too far apart for a computer's numbers to hold their variances"
SMALLEST, LARGEST = 1e-140, 1e140
"""Values between which a variance, and its square root over the value, keep their digits."""
FARTHEST = 1e100
"""Ratio of two values, and standard error of a logarithm, beyond which a square may overflow."""
MANY = 1e10
"""Ratio of two values beyond which the roots of Fieller's equation have lost half their digits."""


def relative_interval(arms: TwoArms, confidence: float, method: str = "log") -> Interval:
    """Return treatment / control - 1 with its interval, by `method` "log" or "fieller".

    "log": exp(log ratio -+ quantile x error) - 1. The error is the delta method's for log(treatment) - log(control):
    with the covariance in a paired design, without it between independent arms. Reference distribution: t with n - 1
    for a paired design (clusters: `designs.clustered`), t with Satterthwaite's df of the log variances for independent
    means, normal for proportions (statsmodels' ratio interval "log", Katz et al. 1978) and independent ratios.

    "fieller": the ratios that a test of treatment - ratio x control would not reject (Fieller 1954), exact for normal
    values; the same reference distribution, Satterthwaite's df at the estimated ratio (Tamhane and Logan 2004).

    Nothing is given, with the reason, where the control's value is negative, or so near to 0 that its own interval at
    `confidence` holds 0: there Fieller's set is unbounded. Where the treatment's value is 0 or negative the log
    interval is left out. Values beyond 1e-140 and 1e140 are refused: their variances are beyond what a float holds.
    """
    base, value = (float(number) for number in arms.values)
    error = float(np.sqrt(mean_variance(arms.measure, arms.control)))
    reason = refusal(base, error, confidence)
    if reason is not None:
        return Interval(None, None, None, reason)
    if method == "fieller":
        return _fieller(arms, confidence)
    reason = _no_logarithm(value, base)
    if reason is not None:
        return Interval(value / base - 1, None, None, reason)
    return log_interval(value / base, *log_ratio_error(arms), confidence)


def refusal(base: float, error: float, confidence: float) -> str | None:
    """Return why nothing relative can be said of a control's value with this standard error; None where it can."""
    if base == 0 or abs(base) <= quantile(confidence, None) * error:
        return NEAR_ZERO
    if not SMALLEST <= abs(base) <= LARGEST:
        return TOO_FAR
    return NEGATIVE if base < 0 else None


def _no_logarithm(value: float, base: float) -> str | None:
    """Return why nothing can be said of the logarithm of a treatment's value over a control's; None where it can."""
    if value <= 0:
        return NO_LOGARITHM
    return None if SMALLEST <= value <= LARGEST and 1 / FARTHEST <= value / base <= FARTHEST else TOO_FAR


def log_interval(ratio: float, log_error: Numbers, df: Numbers, confidence: float) -> Interval:
    """Return ratio - 1 with the interval of its logarithm, t with `df` (inf: normal)."""
    width = critical(confidence, df) * log_error
    if not 1 / FARTHEST <= ratio <= FARTHEST:
        return Interval(ratio - 1, None, None, TOO_FAR)
    if not width < WIDEST:
        return Interval(ratio - 1, None, None, NO_LOGARITHM)
    return Interval(ratio - 1, float(ratio * np.exp(-width) - 1), float(ratio * np.exp(width) - 1))


def adjusted_relative(
    values: tuple[Numbers, Numbers], variances: tuple[Numbers, Numbers], df: Numbers | None, confidence: float
) -> Interval:
    """Return the log-ratio interval of two independent values (control, treatment) with known variances.

    `df` None: Satterthwaite's cannot be had, so the reference is normal.
    """
    base, value = (float(number) for number in values)
    reason = refusal(base, float(np.sqrt(variances[0])), confidence)
    if reason is not None:
        return Interval(None, None, None, reason)
    reason = _no_logarithm(value, base)
    if reason is not None:
        return Interval(value / base - 1, None, None, reason)
    error = np.hypot(np.sqrt(variances[0]) / base, np.sqrt(variances[1]) / value)
    return log_interval(value / base, error, np.asarray(np.inf) if df is None else df, confidence)


def log_ratio_error(arms: TwoArms) -> tuple[Numbers, Numbers]:
    """Return the standard error (...,) of log(treatment / control), and its degrees of freedom (inf: normal)."""
    base, value = arms.values
    # Each arm's error over its value, squared last: the square of a small value alone may be 0.
    y, x = _share(arms.measure, arms.control, base) ** 2, _share(arms.measure, arms.treatment, value) ** 2
    if arms.design == "paired":
        known = np.maximum(x, y) < FARTHEST**2
        weights = arms.joint_weights(np.where(known, 1 / base, 0.0), np.where(known, 1 / value, 0.0))
        return np.where(known, np.sqrt(joint_variance(arms, weights) / arms.control.n), np.inf), arms.paired_df
    if arms.measure.kind == "proportion":
        # Katz's formula: the variance with n, not n - 1.
        y, x = y * (1 - 1 / arms.control.n), x * (1 - 1 / arms.treatment.n)
    df = satterthwaite(x, arms.treatment.n, y, arms.control.n)
    return np.sqrt(x + y), df if arms.measure.kind == "mean" else np.full(np.shape(df), np.inf)


def _share(measure: Measure, moments: Moments, value: Numbers) -> Numbers:
    """Return the standard error (...,) of a group's value as a share of `value`, at most `FARTHEST`."""
    return np.minimum(np.sqrt(mean_variance(measure, moments)) / np.abs(value), FARTHEST)


def _fieller(arms: TwoArms, confidence: float) -> Interval:
    base, value = arms.values
    n = arms.control.n
    # In units of the control's value, so that no square overflows or is lost, whatever the metric's unit.
    y, x = _share(arms.measure, arms.control, base) ** 2, _share(arms.measure, arms.treatment, base) ** 2
    if abs(value / base) > MANY or x >= FARTHEST:
        return Interval(None, None, None, TOO_FAR)
    # In terms of the difference, which keeps its digits where both values are far from 0.
    difference = paired_difference(arms) / base
    if arms.design == "paired":
        spread = joint_variance(arms, arms.joint_weights(1 / base, 1 / base)) / n
        shared = (x - y - spread) / 2
        df = arms.paired_df
    else:
        spread, shared = x + y, -y
        df = np.asarray(np.inf)
        if arms.measure.kind == "mean":
            # Those of treatment - ratio x control at the estimated ratio, which may be 0 or negative.
            df = satterthwaite(x, arms.treatment.n, (value / base) ** 2 * y, n)
    square = critical(confidence, df) ** 2
    # Roots of (difference - change)^2 = square x (spread - 2 change x shared + change^2 x y).
    a, b, c = 1 - square * y, difference - square * shared, difference**2 - square * spread
    inside = b**2 - a * c
    if a <= 0 or inside < 0:
        return Interval(None, None, None, NEAR_ZERO)
    root = np.sqrt(inside)
    return Interval(float(difference), float((b - root) / a), float((b + root) / a))

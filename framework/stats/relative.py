"""The relative effect: treatment over control, less one, by the log-ratio interval or by Fieller's."""

from __future__ import annotations

import numpy as np

from framework.stats.designs.independent import satterthwaite
from framework.stats.designs.paired import joint_variance, paired_difference
from framework.stats.effects import Interval
from framework.stats.estimates import critical, quantile
from framework.stats.moments.measure import mean_variance
from framework.stats.moments.record import Numbers
from framework.stats.moments.two_arms import TwoArms

NEGATIVE = "the control's value is negative, so a relative change has no meaning"
NEAR_ZERO = "the control's value is too near to zero to divide by"
WIDEST = 100.0
"""Half width of the interval of a logarithm beyond which it says nothing: a factor of e^100 either way."""
NO_LOGARITHM = "the treatment's value is not above zero, so its logarithm has no value"


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
    interval is left out.
    """
    base, value = (float(number) for number in arms.values)
    error = float(np.sqrt(mean_variance(arms.measure, arms.control)))
    reason = refusal(base, error, confidence)
    if reason is not None:
        return Interval(None, None, None, reason)
    if method == "fieller":
        return _fieller(arms, confidence)
    if value <= 0:
        return Interval(value / base - 1, None, None, NO_LOGARITHM)
    return log_interval(value / base, *log_ratio_error(arms), confidence)


def refusal(base: float, error: float, confidence: float) -> str | None:
    """Return why nothing relative can be said of a control's value with this standard error; None where it can."""
    if base == 0 or abs(base) <= quantile(confidence, None) * error:
        return NEAR_ZERO
    return NEGATIVE if base < 0 else None


def log_interval(ratio: float, log_error: Numbers, df: Numbers, confidence: float) -> Interval:
    """Return ratio - 1 with the interval of its logarithm, t with `df` (inf: normal)."""
    width = critical(confidence, df) * log_error
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
    if value <= 0:
        return Interval(value / base - 1, None, None, NO_LOGARITHM)
    error = np.sqrt(variances[0] / base**2 + variances[1] / value**2)
    return log_interval(value / base, error, np.asarray(np.inf) if df is None else df, confidence)


def log_ratio_error(arms: TwoArms) -> tuple[Numbers, Numbers]:
    """Return the standard error (...,) of log(treatment / control), and its degrees of freedom (inf: normal)."""
    base, value = arms.values
    if arms.design == "paired":
        error = np.sqrt(joint_variance(arms, arms.joint_weights(1 / base, 1 / value)) / arms.control.n)
        return error, arms.paired_df
    y = mean_variance(arms.measure, arms.control) / base**2
    x = mean_variance(arms.measure, arms.treatment) / value**2
    if arms.measure.kind == "proportion":
        # Katz's formula: the variance with n, not n - 1.
        y, x = y * (1 - 1 / arms.control.n), x * (1 - 1 / arms.treatment.n)
    df = satterthwaite(x, arms.treatment.n, y, arms.control.n)
    return np.sqrt(x + y), df if arms.measure.kind == "mean" else np.full(np.shape(df), np.inf)


def _fieller(arms: TwoArms, confidence: float) -> Interval:
    base, value = arms.values
    n = arms.control.n
    y, x = mean_variance(arms.measure, arms.control), mean_variance(arms.measure, arms.treatment)
    # In terms of the difference, which keeps its digits where both values are far from 0.
    difference = paired_difference(arms)
    if arms.design == "paired":
        spread = joint_variance(arms, arms.joint_weights()) / n
        shared = (x - y - spread) / 2
        df = arms.paired_df
    else:
        spread, shared = x + y, -y
        df = np.asarray(np.inf)
        if arms.measure.kind == "mean":
            # Those of treatment - ratio x control at the estimated ratio, which may be 0 or negative.
            df = satterthwaite(x, arms.treatment.n, (value / base) ** 2 * y, n)
    square = critical(confidence, df) ** 2
    # Roots of (difference - change x base)^2 = square x (spread - 2 change x shared + change^2 x y).
    a, b, c = base**2 - square * y, difference * base - square * shared, difference**2 - square * spread
    inside = b**2 - a * c
    if a <= 0 or inside < 0:
        return Interval(None, None, None, NEAR_ZERO)
    root = np.sqrt(inside)
    return Interval(float(difference / base), float((b - root) / a), float((b + root) / a))

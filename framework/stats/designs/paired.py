"""Paired design: every unit was seen under both arms, so the differences within units carry the effect."""

from __future__ import annotations

import numpy as np

from framework.stats.delta import is_constant, linearised, magnitude, mean_error, value_of
from framework.stats.estimates import Estimate, floored, quantile, two_sided
from framework.stats.samples import UnitValues


def paired_mean(control: UnitValues, treatment: UnitValues, confidence: float) -> Estimate:
    """Paired t test of means, or of proportions as means of 0 and 1 (Student 1908; scipy.stats.ttest_rel)."""
    from scipy import stats

    differences = treatment.numerator - control.numerator
    if is_constant(differences, max(magnitude(control), magnitude(treatment))):
        return _without_spread(float(differences.mean()), differences.size, "paired t")
    test = stats.ttest_rel(treatment.numerator, control.numerator)
    interval = test.confidence_interval(confidence)
    return Estimate(
        difference=float(differences.mean()),
        standard_error=mean_error(differences),
        ci_low=float(interval.low),
        ci_high=float(interval.high),
        p_value=floored(test.pvalue),
        df=float(test.df),
        method="paired t",
    )


def paired_ratio(control: UnitValues, treatment: UnitValues, confidence: float) -> Estimate:
    """Difference of two ratios of sums over the same units: delta method on linearised values, t with n - 1.

    The covariance between the arms enters because the linearised values are subtracted within each unit
    (Deng, Knoblich and Lu 2018).
    """
    difference = value_of(treatment) - value_of(control)
    contributions = linearised(treatment) - linearised(control)
    if is_constant(contributions, max(magnitude(control), magnitude(treatment))):
        return _without_spread(difference, contributions.size, "paired delta method, t")
    error = mean_error(contributions)
    df = float(contributions.size - 1)
    width = quantile(confidence, df) * error
    return Estimate(
        difference=difference,
        standard_error=error,
        ci_low=difference - width,
        ci_high=difference + width,
        p_value=two_sided(difference / error, df),
        df=df,
        method="paired delta method, t",
    )


def _without_spread(difference: float, n: int, method: str) -> Estimate:
    """Every unit differs by the same amount: only the sign-flip test has something to say, p = 2 / 2^n."""
    if difference == 0:
        text = "No unit differs between the arms: zero variance, the interval is a point."
        return Estimate(0.0, 0.0, 0.0, 0.0, 1.0, float(n - 1), method, (text,))
    text = (
        "Every unit differs by the same amount: zero variance, the interval is a point; "
        "p is the exact sign-flip test's, 2 / 2^n."
    )
    p_value = floored(float(np.exp2(1.0 - n)))
    return Estimate(difference, 0.0, difference, difference, p_value, float(n - 1), method, (text,))

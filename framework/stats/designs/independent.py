"""Independent arms: every unit was seen under one arm only."""

from __future__ import annotations

import numpy as np

from framework.stats.delta import is_constant, linearised, magnitude, mean_error, value_of
from framework.stats.estimates import Estimate, floored, quantile, two_sided
from framework.stats.samples import UnitValues


def independent_mean(control: UnitValues, treatment: UnitValues, confidence: float) -> Estimate:
    """Welch's t test of two means, unequal variances (Welch 1947; scipy.stats.ttest_ind)."""
    from scipy import stats

    x, y = treatment.numerator, control.numerator
    difference = float(x.mean() - y.mean())
    flat_x = is_constant(x, magnitude(treatment))
    flat_y = is_constant(y, magnitude(control))
    if flat_x and flat_y:
        return _without_spread(x[0] - y[0], x.size, y.size, "Welch t")
    # With no spread in one arm Welch's test is the other arm's one-sample test, df and all.
    if flat_y:
        test = stats.ttest_1samp(x, y[0])
        low, high = (float(bound) - float(y[0]) for bound in test.confidence_interval(confidence))
    elif flat_x:
        test = stats.ttest_1samp(y, x[0])
        high, low = (float(x[0]) - float(bound) for bound in test.confidence_interval(confidence))
    else:
        test = stats.ttest_ind(x, y, equal_var=False)
        low, high = (float(bound) for bound in test.confidence_interval(confidence))
    flat = "One arm's units all have the same value: the error comes from the other arm alone."
    return Estimate(
        difference=difference,
        standard_error=_error(x, y),
        ci_low=low,
        ci_high=high,
        p_value=floored(test.pvalue),
        df=float(test.df),
        method="Welch t",
        warnings=(flat,) if flat_x or flat_y else (),
    )


def independent_proportion(control: UnitValues, treatment: UnitValues, confidence: float) -> Estimate:
    """Difference of two proportions: pooled z test, Newcombe's interval, unpooled standard error.

    Newcombe 1998 (method 10, Wilson scores); statsmodels' proportions_ztest and confint_proportions_2indep. The
    interval stays honest where all units of an arm agree, so no case needs an interval of width 0.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

    n_control, n_treatment = control.numerator.size, treatment.numerator.size
    hits_control, hits_treatment = float(control.numerator.sum()), float(treatment.numerator.sum())
    share_control, share_treatment = hits_control / n_control, hits_treatment / n_treatment
    low, high = confint_proportions_2indep(
        hits_treatment, n_treatment, hits_control, n_control, method="newcomb", compare="diff", alpha=1 - confidence
    )
    all_agree = hits_control + hits_treatment in (0.0, float(n_control + n_treatment))
    p_value = 1.0
    if not all_agree:
        _, p_value = proportions_ztest([hits_treatment, hits_control], [n_treatment, n_control])
    text = "All units of both arms have the same outcome: p is 1, the interval is Newcombe's."
    return Estimate(
        difference=share_treatment - share_control,
        standard_error=float(
            np.sqrt(
                share_treatment * (1 - share_treatment) / n_treatment + share_control * (1 - share_control) / n_control
            )
        ),
        ci_low=float(low),
        ci_high=float(high),
        p_value=floored(p_value),
        df=None,
        method="pooled z, Newcombe interval",
        warnings=(text,) if all_agree else (),
    )


def independent_ratio(control: UnitValues, treatment: UnitValues, confidence: float) -> Estimate:
    """Difference of two ratios of sums: delta method, ddof 1, normal reference (Deng, Knoblich and Lu 2018)."""
    difference = value_of(treatment) - value_of(control)
    x, y = linearised(treatment), linearised(control)
    if is_constant(x, magnitude(treatment)) and is_constant(y, magnitude(control)):
        return _without_spread(difference, x.size, y.size, "delta method, normal")
    error = _error(x, y)
    width = quantile(confidence, None) * error
    return Estimate(
        difference=difference,
        standard_error=error,
        ci_low=difference - width,
        ci_high=difference + width,
        p_value=two_sided(difference / error, None),
        df=None,
        method="delta method, normal",
    )


def _error(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.hypot(mean_error(x), mean_error(y)))


def _without_spread(difference: float, n_treatment: int, n_control: int, method: str) -> Estimate:
    """Both arms are constant: only the permutation test has something to say, p = 2 / (n choose n_treatment)."""
    from scipy.special import gammaln

    if difference == 0:
        text = "All units of both arms have the same value: zero variance, the interval is a point."
        return Estimate(0.0, 0.0, 0.0, 0.0, 1.0, None, method, (text,))
    splits = gammaln(n_treatment + n_control + 1) - gammaln(n_treatment + 1) - gammaln(n_control + 1)
    text = (
        "Within each arm all units have the same value: zero variance, the interval is a point; "
        "p is the exact permutation test's."
    )
    p_value = floored(2 * float(np.exp(-splits)))
    return Estimate(float(difference), 0.0, float(difference), float(difference), p_value, None, method, (text,))

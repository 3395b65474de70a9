"""Independent arms: every unit was seen under one arm only."""

from __future__ import annotations

import numpy as np

from framework.stats.designs.differences import Differences, referred
from framework.stats.estimates import SMALLEST_P, critical, tail
from framework.stats.moments.measure import mean_variance
from framework.stats.moments.record import Numbers
from framework.stats.moments.two_arms import TwoArms

ONE_FLAT = "One arm's units all have the same value: the error comes from the other arm alone."
BOTH_FLAT = (
    "Within each arm all units have the same value: zero variance, the interval is a point; "
    "p is the exact permutation test's."
)


def independent_mean(arms: TwoArms, confidence: float) -> Differences:
    """Welch's t test of two means, unequal variances (Welch 1947)."""
    control, treatment = arms.values
    x, y = mean_variance(arms.measure, arms.treatment), mean_variance(arms.measure, arms.control)
    df = satterthwaite(x, arms.treatment.n, y, arms.control.n)
    found = referred(
        treatment - control,
        np.sqrt(x + y),
        df,
        confidence,
        "Welch t",
        flat_p=permutation_p(arms),
        flat_text=BOTH_FLAT,
    )
    found.warnings[ONE_FLAT] = (x == 0) != (y == 0)
    return found


def independent_proportion(arms: TwoArms, confidence: float) -> Differences:
    """Difference of two proportions: pooled z test, Newcombe's interval, unpooled standard error.

    Newcombe 1998 (method 10, Wilson scores), as statsmodels' confint_proportions_2indep: written out, since importing
    statsmodels takes as long as a pass over ten million users; the tests hold it to statsmodels. The interval stays
    honest where all units of an arm agree, so no case needs one of width 0. The pooled test is the uncorrected
    chi-square test.
    """
    control, treatment = arms.values
    n_control, n_treatment = arms.control.n, arms.treatment.n
    below, above = _wilson_reach(control, n_control, confidence), _wilson_reach(treatment, n_treatment, confidence)
    low = treatment - control - np.hypot(above[0], below[1])
    high = treatment - control + np.hypot(above[1], below[0])
    pooled = (treatment * n_treatment + control * n_control) / (n_treatment + n_control)
    agree = (pooled <= 0) | (pooled >= 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (treatment - control) / np.sqrt(pooled * (1 - pooled) * (1 / n_treatment + 1 / n_control))
    df = np.full(np.shape(z), np.inf)
    p_value = np.where(agree, 1.0, np.clip(2 * tail(np.abs(np.where(agree, 0.0, z)), df), SMALLEST_P, 1.0))
    return Differences(
        difference=treatment - control,
        standard_error=np.sqrt(treatment * (1 - treatment) / n_treatment + control * (1 - control) / n_control),
        ci_low=np.asarray(low),
        ci_high=np.asarray(high),
        p_value=p_value,
        df=df,
        method="pooled z, Newcombe interval",
        warnings={"All units of both arms have the same outcome: p is 1, the interval is Newcombe's.": agree},
    )


def independent_ratio(arms: TwoArms, confidence: float) -> Differences:
    """Difference of two ratios of sums: delta method, ddof 1, normal reference (Deng, Knoblich and Lu 2018)."""
    control, treatment = arms.values
    error = np.sqrt(mean_variance(arms.measure, arms.treatment) + mean_variance(arms.measure, arms.control))
    return referred(
        treatment - control,
        error,
        np.inf,
        confidence,
        "delta method, normal",
        flat_p=permutation_p(arms),
        flat_text=BOTH_FLAT,
    )


def satterthwaite(x: Numbers, n_x: Numbers, y: Numbers, n_y: Numbers) -> Numbers:
    """Return the degrees of freedom of a sum of two variances of means (Satterthwaite 1946); inf without spread."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share_x, share_y = x / (x + y), y / (x + y)
        df = (n_x - 1) * (n_y - 1) / (share_x**2 * (n_y - 1) + share_y**2 * (n_x - 1))
    return np.asarray(np.where(x + y > 0, df, np.inf))


def permutation_p(*arms: TwoArms) -> Numbers:
    """Return p = 2 / (n choose n_treatment), the permutation test's where both arms are constant.

    With several `arms`, units are dealt anew within each: the product of the numbers of ways.
    """
    from scipy.special import gammaln

    ways = sum(
        gammaln(own.treatment.n + own.control.n + 1) - gammaln(own.treatment.n + 1) - gammaln(own.control.n + 1)
        for own in arms
    )
    return np.asarray(np.minimum(2 * np.exp(-ways), 1.0))


def _wilson_reach(share: Numbers, n: Numbers, confidence: float) -> tuple[Numbers, Numbers]:
    """Return how far Wilson's interval reaches below and above a share."""
    z = critical(confidence, np.asarray(np.inf))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share - (middle - half), middle + half - share

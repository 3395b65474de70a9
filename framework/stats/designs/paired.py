"""Paired design: every unit was seen under both arms, so the differences within units carry the effect."""

from __future__ import annotations

import numpy as np

from framework.stats.designs.differences import Differences, referred
from framework.stats.moments.measure import form_variance
from framework.stats.moments.record import Numbers
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms

ALL_ALIKE = (
    "Every unit differs by the same amount: zero variance, the interval is a point; "
    "p is the exact sign-flip test's, 2 / 2^n."
)


def paired_mean(arms: TwoArms, confidence: float) -> Differences:
    """Paired t test of means, or of proportions as means of 0 and 1 (Student 1908)."""
    return _paired(arms, confidence, "paired t")


def paired_ratio(arms: TwoArms, confidence: float) -> Differences:
    """Difference of two ratios of sums over the same units: delta method on linearised values, t with n - 1.

    The covariance between the arms enters because the linearised values are subtracted within each unit
    (Deng, Knoblich and Lu 2018).
    """
    return _paired(arms, confidence, "paired delta method, t")


def joint_variance(arms: TwoArms, weights: Numbers) -> Numbers:
    """Return the variance (...,) of `weights` (..., k) times the joint columns, ddof 1; 0 where it is rounding only."""
    joint = arms.joint
    if joint is None:
        raise ValueError("independent arms have no joint moments")
    # A difference is as exact as the values that it came from, however small it is; both in the weights' unit.
    level = np.zeros(np.shape(joint.n))
    for column in arms.measure.own_columns:
        place = joint.index(DIFFERENCE + column)
        own = np.abs(joint.mean_of(DIFFERENCE + column)) + np.abs(joint.mean_of(column))
        level = level + np.abs(weights[..., place]) * own
    return form_variance(weights, joint.covariance, level)


def _paired(arms: TwoArms, confidence: float, method: str) -> Differences:
    n = arms.control.n
    error = np.sqrt(joint_variance(arms, arms.joint_weights()) / n)
    return referred(
        paired_difference(arms), error, n - 1, confidence, method, flat_p=np.exp2(1.0 - n), flat_text=ALL_ALIKE
    )


def paired_difference(arms: TwoArms) -> Numbers:
    """Return treatment minus control (...,): the mean of the differences themselves where there are such."""
    if arms.joint is None or arms.measure.denominator is not None:
        control, treatment = arms.values
        return treatment - control
    return arms.joint.mean_of(DIFFERENCE + arms.measure.numerator)

"""Paired design: every unit was seen under both arms, so the differences within units carry the effect."""

from __future__ import annotations

import numpy as np

from framework.stats.designs.differences import Differences, referred
from framework.stats.moments.measure import ROUNDING
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
    spread = np.einsum("...k,...kl,...l->...", weights, joint.covariance, weights)
    terms = np.abs(weights[..., :, None] * joint.covariance * weights[..., None, :]).sum(axis=(-1, -2))
    # A difference is as exact as the values that it came from, however small it is.
    own = arms.joint_weights(0.0)
    level = np.einsum("...k,...k->...", np.abs(own), np.abs(joint.mean))
    noise = np.maximum(ROUNDING * terms, (ROUNDING * level) ** 2)
    return np.asarray(np.where(spread <= noise, 0.0, spread))


def _paired(arms: TwoArms, confidence: float, method: str) -> Differences:
    control, treatment = arms.values
    n = arms.control.n
    error = np.sqrt(joint_variance(arms, arms.joint_weights()) / n)
    difference = _difference(arms, control, treatment)
    return referred(difference, error, n - 1, confidence, method, flat_p=np.exp2(1.0 - n), flat_text=ALL_ALIKE)


def _difference(arms: TwoArms, control: Numbers, treatment: Numbers) -> Numbers:
    if arms.joint is None or arms.measure.denominator is not None:
        return treatment - control
    return arms.joint.mean_of(DIFFERENCE + arms.measure.numerator)

"""When an interval cannot be trusted to keep its nominal coverage, said in words."""

from __future__ import annotations

import numpy as np

from framework.stats.designs.paired import joint_variance
from framework.stats.moments.measure import variance_of
from framework.stats.moments.two_arms import TwoArms

FEW_UNITS = 30
"""Units in an arm below which a t interval leans on the values being near normal."""
FEW_EVENTS = 5
"""Successes, or failures, in an arm below which a z test of proportions is rough.

Summed over all tables, for arms of 1:1, 1:5 and 1:25: with 5 or more expected, Newcombe's interval holds 95.0 to 96.5 %
and the pooled test errs in 4.2 to 5.2 %.
"""
SKEWNESS = 0.14
"""Skewness s of the estimate's own distribution above which a two-sided 95 % interval holds less than 94.5 %.

The first term of the t statistic's Edgeworth expansion takes 0.247 s^2 from its coverage (Hall 1992, "The bootstrap and
Edgeworth expansion", section 2.6); the two tails of 2.5 % are then 1.3 % and 3.7 %. Kohavi's rule, n >= 355 skewness^2,
is s = 0.053: it keeps each tail within a quarter of a point, and warns where the interval as a whole still holds.
"""
ONE_UNIT = 0.25
"""Share of the difference's variance that one unit may carry, were all units equally spread.

Not of its arm's: of 5,000 units, 95 % of them zeros, one often carries a quarter of an arm, and between two such arms
the interval holds.
"""
DENOMINATOR = 0.1
"""Relative standard error of a ratio's denominator above which the delta method is rough."""


def cautions(arms: TwoArms) -> tuple[str, ...]:
    """Return the warnings that a comparison deserves; empty where none does.

    The rules, each with its constant in this module:
    - tiny n: fewer than 30 units in an arm;
    - heavy tail: the difference's own sampling distribution has an absolute skewness above 0.14, by the arms' shapes or
      by that of both together, or one unit carries more than a quarter of the difference's variance; only where the
      shapes are known;
    - rare events: fewer than 5 successes or failures in an arm of a proportion (in place of the heavy-tail rule);
    - unsteady denominator: an arm's mean denominator has a relative standard error above 0.1; not of clustered arms,
      where the clusters of the other arm would count as denominators of 0 (`designs.clustered` warns of few clusters).
    """
    found = []
    smallest = int(min(arms.control.n, arms.treatment.n))
    if smallest < FEW_UNITS:
        found.append(f"Only {smallest} units in an arm: the interval leans on the values being near normal.")
    if arms.measure.kind == "proportion":
        fewest = min(
            float(min(value * own.n, (1 - value) * own.n))
            for value, own in zip(arms.values, (arms.control, arms.treatment), strict=True)
        )
        if round(fewest, 6) < FEW_EVENTS:
            found.append(f"Only {fewest:.0f} successes or failures in an arm: the p-value is rough.")
        return tuple(found)
    if _largest_share(arms) > ONE_UNIT:
        found.append(
            "Heavy tail: one unit carries over a quarter of the spread, so the interval may miss more often than said."
        )
    elif _sampling_skewness(arms) > SKEWNESS:
        found.append("Skewed: the interval may miss more often on one side than on the other.")
    if any(_unsteady(arms, side) for side in ("control", "treatment")):
        found.append("The ratio's denominator is uncertain by more than 10 %: the delta method is rough.")
    return tuple(found)


def _unsteady(arms: TwoArms, side: str) -> bool:
    if arms.measure.denominator is None or arms.df is not None:
        return False
    below = getattr(arms, side).pick((arms.measure.denominator,))
    return float(np.sqrt(below.covariance[0, 0] / below.n)) > DENOMINATOR * float(below.mean[0])


def _largest_share(arms: TwoArms) -> float:
    """Return the largest share of one unit in the difference's variance, were both arms' units equally spread.

    Equally, since the estimated variances are too small just where the few units that matter are missing.
    """
    if arms.shapes is None:
        return 0.0
    if arms.design == "paired":
        return arms.shapes[0].largest_share
    control, treatment = arms.shapes
    ours, theirs = float(arms.control.n), float(arms.treatment.n)
    return max(control.largest_share * theirs, treatment.largest_share * ours) / (ours + theirs)


def _sampling_skewness(arms: TwoArms) -> float:
    """Return the absolute skewness of the difference's sampling distribution.

    That is the third moments over n^2, by the variance to the 3/2. Of independent arms the larger of two: by each arm's
    own skewness, and by one that they share. A small arm that happens to lack the large units of its kind looks
    harmless by itself, just where its interval misses most.
    """
    if arms.shapes is None:
        return 0.0
    shared = 0.0
    if arms.design == "paired":
        parts = [(float(joint_variance(arms, arms.joint_weights())), float(arms.control.n), arms.shapes[0].skewness)]
    else:
        control, treatment = arms.shapes
        parts = [
            (float(variance_of(arms.measure, arms.treatment)), float(arms.treatment.n), treatment.skewness),
            (float(variance_of(arms.measure, arms.control)), float(arms.control.n), -control.skewness),
        ]
        ours, theirs = float(arms.control.n), float(arms.treatment.n)
        pooled = (ours * control.skewness + theirs * treatment.skewness) / (ours + theirs)
        shared = abs(pooled * (ours - theirs)) / np.sqrt(ours * theirs * (ours + theirs))
    # Relative to the larger variance, so that tiny and huge units do not under- or overflow.
    scale = max(variance / n for variance, n, _ in parts)
    if scale == 0:
        return float(shared)
    variance = sum(own * (1 - 1 / n) / n / scale for own, n, _ in parts)
    third = sum(skewness * (own * (1 - 1 / n) / n / scale) ** 1.5 / np.sqrt(n) for own, n, skewness in parts)
    return float(max(abs(third / variance**1.5), shared))

"""Clustered units: rows come in clusters (users of a household, visits of a user) that are alike inside."""

from __future__ import annotations

import numpy as np

from framework.errors import TrialError
from framework.stats.designs.differences import Differences, referred
from framework.stats.designs.paired import joint_variance
from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms

CONTROL, TREATMENT = "control ", "treatment "
"""Start the names of a cluster's totals in each arm."""
TOTAL, SIZE = "total", "size"
ALL_ALIKE = (
    "Within each arm all clusters have the same value: zero variance, the interval is a point; p is 2 / G, the most "
    "that dealing the G clusters anew can give."
)
FEW_CLUSTERS = 40
"""Clusters below which a robust error is too small (Cameron, Gelbach and Miller 2008, "Bootstrap-based improvements
for inference with clustered errors": 5 to 30 are few)."""


def cluster_arms(clusters: Moments, metric: str) -> TwoArms:
    """Return two arms that share clusters as a paired comparison of ratios, total / size.

    `clusters` are the moments, over G clusters, of four columns: the outcome's total and the size (rows, or a ratio's
    denominator) under the control and under the treatment; a cluster that is in one arm only has zeros in the other.
    So clusters may be randomised whole, or have rows in both arms.

    Raises:
        TrialError: fewer than 2 clusters, or an arm without rows.
    """
    n = float(clusters.n)
    if n < 2:
        raise TrialError(f"metric '{metric}': {n:.0f} cluster(s) cannot show a spread", allowed="2 clusters or more")
    own = clusters.pick([prefix + name for prefix in (CONTROL, TREATMENT) for name in (TOTAL, SIZE)])
    for prefix in (CONTROL, TREATMENT):
        if not float(own.mean_of(prefix + SIZE)) > 0:
            raise TrialError(f"metric '{metric}': the {prefix.strip()} has no rows")
    weights = np.zeros((4, 4))
    for place in range(2):
        weights[place, [place, 2 + place]] = -1.0, 1.0
        weights[2 + place, place] = 1.0
    joint = own.projected([DIFFERENCE + TOTAL, DIFFERENCE + SIZE, TOTAL, SIZE], weights)
    return TwoArms.paired(Measure(metric, "ratio", TOTAL, SIZE), joint)


def clustered(arms: TwoArms, rows: int, confidence: float) -> Differences:
    """Return the difference of two arms' values per row of `rows` in all, with the error clustered (`cluster_arms`).

    The sandwich estimator with its small sample factor G / (G - 1) x (rows - 1) / (rows - 2) (Liang and Zeger 1986;
    statsmodels' `cov_type="cluster"`), the reference t with G - 1.
    """
    n = arms.control.n
    control, treatment = arms.values
    variance = joint_variance(arms, arms.joint_weights()) / n * (rows - 1) / max(rows - 2, 1)
    found = referred(
        treatment - control,
        np.sqrt(variance),
        n - 1,
        confidence,
        "clustered sandwich, t",
        flat_p=2 / n,
        flat_text=ALL_ALIKE,
    )
    found.warnings[f"Only {float(n):.0f} clusters: the clustered error is likely too small."] = n < FEW_CLUSTERS
    return found

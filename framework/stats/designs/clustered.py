"""Clustered units: rows come in clusters (users of a household, visits of a user) that are alike inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.designs.differences import Differences, referred
from framework.stats.designs.independent import satterthwaite
from framework.stats.designs.paired import joint_variance
from framework.stats.moments.measure import Measure, mean_variance
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.shape import Shape, contributions_of, shape_of
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
ONLY = 1e-9
"""Effective clusters above 1 that rounding alone can make."""
FEW_IN_ARM = FEW_CLUSTERS // 2
"""Clusters in one arm below which it is, however many the other has (MacKinnon and Webb 2017, "Wild bootstrap inference
for wildly different cluster sizes")."""


def cluster_arms(clusters: Moments, metric: str) -> TwoArms:
    """Return two arms that share clusters as a paired comparison of ratios, total / size.

    `clusters` are the moments, over G clusters, of four columns: the outcome's total and the size (rows, or a ratio's
    denominator) under the control and under the treatment; a cluster that is in one arm only has zeros in the other.
    So clusters may be randomised whole, or have rows in both arms.

    `df` of the arms are what `clustered` refers to: G - 1, or fewer where few clusters carry an arm. An arm's error
    rests on its effective clusters, (sum of sizes)^2 over the sum of their squares: as many as it has where they are
    equal (Carter, Schnepel and Steigerwald 2017, "Asymptotic behavior of a t-test robust to cluster heterogeneity");
    both arms' together have Satterthwaite's df.

    Raises:
        TrialError: fewer than 2 clusters, an arm without rows, or with rows in one cluster only.
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
    arms = TwoArms.paired(Measure(metric, "ratio", TOTAL, SIZE), joint)
    counts = [effective_clusters(side) for side in (arms.control, arms.treatment)]
    for prefix, count in zip((CONTROL, TREATMENT), counts, strict=True):
        if float(count) < 1 + ONLY:
            raise TrialError(
                f"metric '{metric}': one cluster holds all rows of the {prefix.strip()}",
                allowed="2 clusters or more in every arm",
            )
    variances = [mean_variance(arms.measure, side) for side in (arms.treatment, arms.control)]
    df = satterthwaite(variances[0], counts[1], variances[1], counts[0])
    return replace(arms, df=np.clip(df, 1.0, n - 1))


def effective_clusters(arm: Moments) -> Numbers:
    """Return how many clusters of equal size would carry as much as an arm's: (sum of sizes)^2 / sum of squares."""
    mean = arm.mean_of(SIZE)
    place = arm.index(SIZE)
    return np.asarray(arm.n * mean**2 / (mean**2 + arm.comoments[..., place, place] / arm.n))


def cluster_shape(arms: TwoArms, columns: Mapping[str, NDArray[np.float64]]) -> Shape:
    """Return the shape of the clusters' contributions to the difference, from their four columns (`cluster_arms`)."""
    sides = {prefix: {name: columns[prefix + name] for name in (TOTAL, SIZE)} for prefix in (CONTROL, TREATMENT)}
    return shape_of(
        contributions_of(arms.measure, arms.treatment, sides[TREATMENT])
        - contributions_of(arms.measure, arms.control, sides[CONTROL])
    )


def clustered(arms: TwoArms, rows: int, confidence: float) -> Differences:
    """Return the difference of two arms' values per row of `rows` in all, with the error clustered (`cluster_arms`).

    The sandwich estimator with its small sample factor G / (G - 1) x (rows - 1) / (rows - 2) (Liang and Zeger 1986;
    statsmodels' `cov_type="cluster"`), the reference t with the arms' `df`.
    """
    n = arms.control.n
    control, treatment = arms.values
    variance = joint_variance(arms, arms.joint_weights()) / n * (rows - 1) / max(rows - 2, 1)
    found = referred(
        treatment - control,
        np.sqrt(variance),
        arms.paired_df,
        confidence,
        "clustered sandwich, t",
        flat_p=2 / n,
        flat_text=ALL_ALIKE,
    )
    fewest = np.minimum(effective_clusters(arms.control), effective_clusters(arms.treatment))
    few = n < FEW_CLUSTERS
    found.warnings[f"Only {float(n):.0f} clusters: the clustered error is likely too small."] = few
    text = f"One arm rests on about {float(fewest):.0f} clusters: the clustered error is likely too small."
    found.warnings[text] = ~few & (fewest < FEW_IN_ARM)
    return found

"""A quantile's error where units come in clusters, or are held in buckets: one more pass over the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from framework.errors import TrialError
from framework.stats.estimates import Estimate
from framework.stats.kinds.quantiles import ArmQuantile, arm_quantile, compare_quantiles

FEW_BUCKETS = 30
"""Buckets in an arm below which the spread between them is rough."""


def in_buckets(arm: ArmQuantile, at_or_below: ArrayLike, rows: ArrayLike) -> ArmQuantile:
    """Return the arm's quantile with the error that holds where only buckets, not rows, are independent.

    `at_or_below` (B,) counts a bucket's rows at or below `arm.value`, `rows` (B,) all of them. A bucket is a cluster
    (all sessions of a user), or a hash of such clusters: some 500 of them carry the variance of millions of rows. The
    share at or below is a ratio of sums, so the delta method over buckets gives its variance; over the one that
    independent rows would have, it stretches the error of the order statistics (Deng, Knoblich and Lu 2018, section
    4.2). Buckets of one row each give back `arm.error`. `df` become B - 1.

    Raises:
        TrialError: arrays that do not match, fewer than 2 buckets, or counts that are not those of the arm's rows.
    """
    below, sizes = np.asarray(at_or_below, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    if below.shape != sizes.shape or below.ndim != 1:
        raise TrialError(
            f"counts below {below.shape} and rows {sizes.shape} do not match", allowed="one of each a bucket, (B,)"
        )
    buckets = int(below.size)
    if buckets < 2:
        raise TrialError(f"{buckets} bucket(s) cannot show a spread", allowed="2 buckets or more in every arm")
    if not bool((np.isfinite(below) & (below >= 0) & (below <= sizes)).all()):
        raise TrialError("a bucket has more rows at or below the quantile than rows", allowed="0 <= below <= rows")
    n = float(sizes.sum())
    if n != arm.n:
        raise TrialError(f"the buckets hold {n:.0f} rows, the arm's quantile was taken over {arm.n}")
    share = float(below.sum()) / n
    naive = share * (1 - share) / (n - 1)
    if naive == 0:
        return replace(arm, df=float(buckets - 1))
    spread = buckets / (buckets - 1) * float(((below - share * sizes) ** 2).sum()) / n**2
    warnings = arm.warnings
    if buckets < FEW_BUCKETS:
        warnings = (*warnings, f"Only {buckets} buckets in an arm: the spread between them is rough.")
    return replace(arm, error=arm.error * float(np.sqrt(spread / naive)), df=float(buckets - 1), warnings=warnings)


def clustered_quantile_difference(
    control: ArrayLike,
    clusters_control: ArrayLike,
    treatment: ArrayLike,
    clusters_treatment: ArrayLike,
    q: float,
    confidence: float = 0.95,
) -> Estimate:
    """Return the treatment's quantile minus the control's over rows whose clusters were randomised.

    Values and cluster labels are (n,) for each arm; labels of any kind. The quantile is that of rows (the 90th
    percentile of sessions, say), its error that of clusters.

    Raises:
        TrialError: as `arm_quantile` and `in_buckets`; labels that do not match the values.
    """
    arms = [
        _clustered(np.asarray(values, dtype=np.float64), np.asarray(labels), q)
        for values, labels in ((control, clusters_control), (treatment, clusters_treatment))
    ]
    estimate = compare_quantiles(arms[0], arms[1], confidence)
    return replace(estimate, method=f"{q:g} quantile, order statistics with clusters, Welch t")


def _clustered(values: np.ndarray, labels: np.ndarray, q: float) -> ArmQuantile:
    if labels.shape != values.shape:
        raise TrialError(f"{values.size} values but {labels.size} cluster labels")
    arm = arm_quantile(values, q)
    names, where = np.unique(labels, return_inverse=True)
    below = np.bincount(where, weights=values <= arm.value, minlength=names.size)
    return in_buckets(arm, below, np.bincount(where, minlength=names.size))

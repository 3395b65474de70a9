"""How many groups there are: as many as two halves of the users agree on, and one where they agree on none.

Stability: fit on two random halves, let both fits label all users, compare by the adjusted Rand index (Ben-Hur,
Elisseeff, Guyon, "A stability based method for discovering structure in clustered data", PSB 2002; von Luxburg,
"Clustering stability: an overview", 2010). A long cloud without groups is also cut stably, across its length; so the
grouping must be tighter than the same k makes of Gaussian clouds with the data's covariance (Liu, Hayes, Nobel,
Marron, "Statistical significance of clustering for high-dimension, low-sample size data", JASA 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.stats.groups.agreement import adjusted_rand

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Assign = Callable[[NDArray[np.float64]], NDArray[np.int32]]
    """Gives points (n, F) their groups (n,)."""
    Cluster = Callable[[NDArray[np.float64], int, np.random.Generator], Assign]
    """Finds k groups among points, and returns how it would put any others."""
    Clouds = Callable[[NDArray[np.float64], int, np.random.Generator], Sequence[NDArray[np.float64]]]
    """Draws as many data sets as asked that are like the points (n, F) but without groups."""

TOLERANCE = 0.02
"""Stabilities this close to the best count as equal; the finest grouping among them wins."""


@dataclass(frozen=True)
class GroupCount:
    """The chosen number of groups, and notes on why, in plain words."""

    count: int
    notes: tuple[str, ...]


def fit_centers(
    points: NDArray[np.float64], k: int, restarts: int, rng: np.random.Generator, *, sample: int | None = None
) -> NDArray[np.float64]:
    """Return k centres (k, F) by scikit-learn's k-means, on one thread so that equal input gives equal bytes.

    Beyond `sample` points, the restarts are run on a sample and the best of them goes on with all points.
    """
    if k == 1 or len(points) == 0:
        return points.mean(axis=0, keepdims=True) if len(points) else np.zeros((1, points.shape[1]))
    if sample is not None and len(points) > sample:
        start = fit_centers(points[some_rows(len(points), sample, rng)], k, restarts, rng)
        return _lloyd(points, k, rng, init=start, n_init=1)
    return _lloyd(points, k, rng, init="k-means++", n_init=restarts)


def _lloyd(points: NDArray[np.float64], k: int, rng: np.random.Generator, **start: Any) -> NDArray[np.float64]:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    seed = int(rng.integers(2**31))
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A half of the users may hold fewer distinct points than k; its fit is then merely less stable.
        warnings.simplefilter("ignore", ConvergenceWarning)
        centers = KMeans(k, random_state=seed, **start).fit(points).cluster_centers_
    return np.asarray(centers, dtype=np.float64)


def nearest_center(points: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return each point's (n, F) nearest centre (k, F), the lower number where two are equally near."""
    distance = np.stack([((points - center) ** 2).sum(axis=1) for center in centers], axis=1)
    return np.asarray(distance.argmin(axis=1), dtype=np.int32)


def silhouette(points: NDArray[np.float64], labels: NDArray[np.int32], sample: int, rng: np.random.Generator) -> float:
    """Return the mean silhouette over at most min(sample, 2000) users; NaN where they hold a single group."""
    from sklearn.metrics import silhouette_score

    rows = some_rows(len(points), min(sample, 2000), rng)
    groups = len(np.unique(labels[rows]))
    return float(silhouette_score(points[rows], labels[rows])) if 2 <= groups < len(rows) else float("nan")


def by_centers(restarts: int) -> Cluster:
    """Return k-means as a way to find groups."""

    def cluster(points: NDArray[np.float64], k: int, rng: np.random.Generator) -> Assign:
        centers = fit_centers(points, k, restarts, rng)
        return lambda others: nearest_center(others, centers)

    return cluster


def stability(points: NDArray[np.float64], k: int, splits: int, cluster: Cluster, rng: np.random.Generator) -> float:
    """Return the mean adjusted Rand index, over random halves, between what their two fits say of all points."""
    agreement = []
    for _ in range(splits):
        order = rng.permutation(len(points))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        first, second = (cluster(points[half], k, rng)(points) for half in halves)
        agreement.append(adjusted_rand(first, second))
    return float(np.mean(agreement))


def looseness(points: NDArray[np.float64], k: int, cluster: Cluster, rng: np.random.Generator) -> float:
    """Return the share of the total sum of squares that lies within the k groups (SigClust's cluster index)."""
    labels = cluster(points, k, rng)(points)
    within = sum(float(((points[labels == g] - points[labels == g].mean(axis=0)) ** 2).sum()) for g in set(labels))
    return within / max(float(((points - points.mean(axis=0)) ** 2).sum()), float(np.finfo(float).tiny))


def choose_count(
    points: NDArray[np.float64],
    *,
    candidates: Sequence[int],
    floor: int,
    threshold: float,
    splits: int,
    reference_draws: int,
    sample: int,
    restarts: int,
    rng: np.random.Generator,
    cluster: Cluster | None = None,
    clouds: Clouds | None = None,
) -> GroupCount:
    """Return the finest grouping among the most stable, or one group where none is stable, large and tight enough.

    `points` (n, F) are z-scores; at most `sample` of them are looked at, while the size `floor` is held against all.
    `cluster` finds the groups, k-means by default, and `clouds` draws points without any, Gaussian ones by default.
    """
    cluster, clouds = cluster or by_centers(restarts), clouds or gaussian_clouds
    sampled = points[some_rows(len(points), sample, rng)]
    # A half must be able to hold k groups at all.
    tried = [k for k in candidates if len(sampled) >= 4 * k]
    agreement = {k: stability(sampled, k, splits, cluster, rng) for k in tried}
    sizes = {k: _smallest(cluster(sampled, k, rng)(points), k) for k in tried}
    rows = [f"k = {k}: {agreement[k]:.2f}, smallest group {sizes[k]} users" for k in tried]
    table = "stability (mean adjusted Rand index between halves): " + ("; ".join(rows) if rows else "too few users")
    possible = [k for k in tried if sizes[k] >= floor]
    if not possible:
        return GroupCount(1, (f"one group: no split leaves {floor} users in every group", table))
    best = max(agreement[k] for k in possible)
    if best < threshold:
        return GroupCount(1, (f"one group: the best stability, {best:.2f}, is below {threshold:g}", table))
    count = max(k for k in possible if agreement[k] >= max(best - TOLERANCE, threshold))
    if reference_draws:
        observed = looseness(sampled, count, cluster, rng)
        drawn = [looseness(cloud, count, cluster, rng) for cloud in clouds(sampled, reference_draws, rng)]
        if sum(value <= observed for value in drawn) > 0.05 * (reference_draws + 1) - 1:
            reason = (
                f"one group: k = {count} is stable, but no tighter than in a cloud without groups "
                f"({observed:.2f} of the variance lies within groups, {np.mean(drawn):.2f} in such clouds)"
            )
            return GroupCount(1, (reason, table, "set k to slice the users all the same"))
    chosen = f"k = {count}, chosen by stability {agreement[count]:.2f} with at least {floor} users a group"
    return GroupCount(count, (chosen, table))


def some_rows(n: int, sample: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the places of at most `sample` of n rows, in order."""
    return np.arange(n) if n <= sample else np.sort(rng.choice(n, sample, replace=False))


def _smallest(labels: NDArray[np.int32], k: int) -> int:
    return int(np.bincount(labels, minlength=k).min())


def gaussian_clouds(points: NDArray[np.float64], draws: int, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """Return as many clouds of n points as asked, drawn from one Gaussian of the points' mean and covariance."""
    covariance = np.atleast_2d(np.cov(points, rowvar=False))
    mean = points.mean(axis=0)
    return [rng.multivariate_normal(mean, covariance, size=len(points), method="eigh") for _ in range(draws)]

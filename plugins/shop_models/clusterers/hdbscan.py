"""HDBSCAN: segments as dense regions of any shape, and users in none of them as a segment of their own.

Clusters of the density hierarchy that last longest (Campello, Moulavi, Sander, "Density-based clustering based on
hierarchical density estimates", PAKDD 2013; McInnes, Healy, Astels, JOSS 2017). scikit-learn's HDBSCAN cannot place
users that it did not see; here one goes where its nearest user by mutual reachability went, if it lies no farther from
it than that cluster reaches (as `approximate_predict` of the hdbscan package), and to no group otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import ConfigError
from framework.records import Context, Segmentation
from framework.stats.groups.agreement import adjusted_rand
from shop_models.group_count import some_rows
from shop_models.grouped_users import SKEWED, GroupedUsers, UserPoints, check_counts, unfitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset

NO_GROUP = "no group"
"""Name of the segment of users in no dense region."""


@dataclass(frozen=True)
class HdbscanConfig:
    """What the groups are made of, and how dense and large they must be.

    `features`, `log`, `floor`, `buyers_only` and `sample` are as k-means'; no cluster has fewer than `floor` of the
    users looked at. `neighbours` is how many users (the user too) a dense spot has. Clusters closer than `merge` (in
    standard deviations) are one; 0 merges none. Below a `stability` (mean adjusted Rand index over `splits` random
    halves) there is one group; 0 leaves that check out.
    """

    features: Sequence[str] = ("recency_days", "frequency", "monetary", "tenure_days")
    log: Sequence[str] = SKEWED
    floor: int = 50
    neighbours: int = 10
    merge: float = 0.0
    stability: float = 0.6
    splits: int = 5
    buyers_only: bool = True
    sample: int = 4000


@dataclass(frozen=True)
class DenseRegions:
    """Users seen (n, F), their cluster (n,) or -1, core distance (n,), and each cluster's reach (K,).

    The reach is the largest mutual reachability distance from a member to its nearest fellow member.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.int32]
    core: NDArray[np.float64]
    reach: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return len(self.reach)

    @classmethod
    def find(cls, points: NDArray[np.float64], *, floor: int, neighbours: int, merge: float) -> DenseRegions:
        """Return the clusters of scikit-learn's HDBSCAN among points (n, F); none where fewer than 2 floors are."""
        from sklearn.cluster import HDBSCAN
        from sklearn.neighbors import NearestNeighbors

        n, near = len(points), min(neighbours, len(points))
        if n < 2 * floor or n < 2:
            none = np.full(n, -1, dtype=np.int32)
            return cls(points, none, np.zeros(n), np.zeros(0))
        labels = HDBSCAN(
            min_cluster_size=max(floor, 2), min_samples=near, cluster_selection_epsilon=merge, copy=True
        ).fit_predict(points)
        core = NearestNeighbors(n_neighbors=near).fit(points).kneighbors(points)[0][:, -1]
        reach = []
        for k in range(int(labels.max()) + 1):
            members = np.flatnonzero(labels == k)
            reach.append(
                float(_nearest(points[members], core[members], points[members], core[members], own=True)[1].max())
            )
        return cls(points, labels.astype(np.int32), core, np.array(reach))

    def memberships(self, points: NDArray[np.float64], neighbours: int) -> NDArray[np.int32]:
        """Return each point's cluster (m,): its nearest member's within that cluster's reach, the count otherwise."""
        from sklearn.neighbors import NearestNeighbors

        outside = np.full(len(points), self.count, dtype=np.int32)
        if not self.count or not len(points):
            return outside
        near = min(neighbours, len(self.points))
        core = NearestNeighbors(n_neighbors=near).fit(self.points).kneighbors(points)[0][:, -1]
        place, distance = _nearest(self.points, self.core, points, core, own=False)
        # Whoever was seen is no stranger to the clusters, and stays where it was put.
        same = np.all(self.points[place] == points, axis=1)
        found = self.labels[place]
        inside = (found >= 0) & (same | (distance <= self.reach[found]))
        return np.where(inside, found, outside).astype(np.int32)


def _nearest(
    known: NDArray[np.float64],
    known_core: NDArray[np.float64],
    points: NDArray[np.float64],
    core: NDArray[np.float64],
    *,
    own: bool,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return each point's nearest known one by mutual reachability, max(core, core', distance), and that distance.

    Among equals by mutual reachability the nearest by plain distance counts. `own` says that the points are the known
    ones in the same order, each of which is not its own neighbour.
    """
    place, found = np.empty(len(points), dtype=np.intp), np.empty(len(points))
    block = max(1, 4_000_000 // max(1, len(known)))
    for start in range(0, len(points), block):
        rows = slice(start, start + block)
        squares = ((points[rows] ** 2).sum(axis=1)[:, None] - 2 * points[rows] @ known.T) + (known**2).sum(axis=1)
        plain = np.sqrt(np.maximum(squares, 0.0))
        if own:
            at = np.arange(plain.shape[0])
            plain[at, start + at] = np.inf
        mutual = np.maximum(np.maximum(plain, known_core), core[rows, None])
        ties = mutual == mutual.min(axis=1, keepdims=True)
        place[rows] = np.where(ties, plain, np.inf).argmin(axis=1)
        found[rows] = mutual[np.arange(len(mutual)), place[rows]]
    return place, found


class Hdbscan:
    """scikit-learn's HDBSCAN on standardised features, with a place for users that it did not see.

    Users in no cluster are the segment "no group". One cluster, none, or clusters that halves of the users do not agree
    on are one group, "everyone". Draws only the users looked at and the halves.
    """

    Config = HdbscanConfig

    def __init__(self, config: HdbscanConfig) -> None:
        self.config = config
        check_counts(config, "hdbscan")
        for name, least in (("neighbours", 2), ("merge", 0)):
            if getattr(config, name) < least:
                raise ConfigError(f"model 'hdbscan': {name} is {getattr(config, name)}", allowed=f"{least} or more")
        self.users: GroupedUsers | None = None
        self.regions: DenseRegions | None = None

    def fit(self, data: Dataset, context: Context) -> None:
        """Find the groups among the users of `data`; raises ConfigError for a feature that the log does not give."""
        config = self.config
        users = UserPoints.gather(data, config.features, config.log, buyers_only=config.buyers_only, model="hdbscan")
        rows = some_rows(len(users.points), config.sample, context.rng)
        regions, reason = self._judged(users.points[rows], context.rng)
        self.regions = regions
        if regions is None:
            self.users = GroupedUsers.name(users, np.zeros(len(users.points), dtype=np.int32), 1, [reason])
            return
        labels = regions.memberships(users.points, config.neighbours)
        outside = float((labels == regions.count).mean())
        notes = [reason, f"{outside:.0%} of the users are in no dense region"]
        self.users = GroupedUsers.name(users, labels, regions.count, notes, extra=(NO_GROUP,))

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's cluster, or "no group". Raises PluginError before `fit`."""
        if self.users is None:
            raise unfitted("hdbscan")
        regions = self.regions
        if regions is None:
            return self.users.segmentation(data, lambda points: np.zeros(len(points), dtype=np.int32))
        return self.users.segmentation(data, lambda points: regions.memberships(points, self.config.neighbours))

    def _judged(self, points: NDArray[np.float64], rng: np.random.Generator) -> tuple[DenseRegions | None, str]:
        """Return the clusters and a note, no clusters where there are fewer than two stable ones."""
        config = self.config
        how: dict[str, Any] = {"floor": config.floor, "neighbours": config.neighbours, "merge": config.merge}
        regions = DenseRegions.find(points, **how)
        if regions.count < 2:
            return None, f"one group: no two dense regions of {config.floor} users"
        if not config.stability:
            return regions, f"{regions.count} dense regions; their stability was not looked at"
        agreement = []
        halved = {**how, "floor": max(2, config.floor // 2), "neighbours": max(2, -(-config.neighbours // 2))}
        for _ in range(config.splits):
            order = rng.permutation(len(points))
            halves = order[: len(order) // 2], order[len(order) // 2 :]
            first, second = (
                DenseRegions.find(points[half], **halved).memberships(points, halved["neighbours"]) for half in halves
            )
            agreement.append(adjusted_rand(first, second))
        mean = float(np.mean(agreement))
        if mean < config.stability:
            return None, f"one group: {regions.count} dense regions, but their stability {mean:.2f} is too low"
        return regions, f"{regions.count} dense regions with a stability of {mean:.2f} between halves"

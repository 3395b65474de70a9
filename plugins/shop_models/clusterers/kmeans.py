"""k-means: segments as compact groups in the space of chosen user features.

References: Lloyd, "Least squares quantization in PCM", 1982; Arthur, Vassilvitskii, "k-means++", SODA 2007. How many
groups there are is the question of `group_count`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from framework.records import Context, Segmentation
from shop_models.group_count import choose_count, fit_centers, nearest_center, silhouette
from shop_models.grouped_users import SKEWED, GroupedUsers, UserPoints, check_counts, floor_note, unfitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset


@dataclass(frozen=True)
class KmeansConfig:
    """What the groups are made of, and how many there may be.

    `features` are names or patterns ("category_share_*"); those that match a pattern in `log` are taken as
    sign(x) log(1 + |x|), for they are skewed. `k` fixes the number of groups; null chooses it from 2 to `k_max` by
    stability over `splits` random halves, where every group must have `floor` users. Below `stability` (mean adjusted
    Rand index), or where `reference_draws` Gaussian clouds of the same covariance fall apart as well, there is one
    group; 0 draws leave that second check out. `buyers_only` puts users without purchases into a segment of their own
    and clusters the rest. `sample` caps the users that the choice of k and the `restarts` (seedings per fit) look at.
    """

    features: Sequence[str] = ("recency_days", "frequency", "monetary", "tenure_days")
    log: Sequence[str] = SKEWED
    k: int | None = None
    k_max: int = 8
    floor: int = 50
    stability: float = 0.8
    splits: int = 10
    reference_draws: int = 19
    buyers_only: bool = True
    sample: int = 4000
    restarts: int = 5


class Kmeans:
    """scikit-learn's k-means on standardised features, with the number of groups given or found.

    Features are standardised over the users that `fit` saw; NaN becomes their median. Groups are numbered by mean
    monetary value, highest first, and named after what stands out in them. Same data and `context.rng`, same groups:
    the fit runs on one thread, since sums on several differ in the last digits.
    """

    Config = KmeansConfig

    def __init__(self, config: KmeansConfig) -> None:
        self.config = config
        check_counts(config, "kmeans")
        self.users: GroupedUsers | None = None
        self.centers: NDArray[np.float64] = np.empty((0, 0))

    def fit(self, data: Dataset, context: Context) -> None:
        """Find the groups among the users of `data`.

        Raises DataError for a feature that the log does not give, ConfigError where `k` exceeds the distinct users.
        """
        config = self.config
        users = UserPoints.gather(data, config.features, config.log, buyers_only=config.buyers_only, model="kmeans")
        users.check_count(config.k)
        count, notes = self._count(users, context.rng)
        self.centers = fit_centers(users.points, count, config.restarts, context.rng, sample=config.sample)
        labels = nearest_center(users.points, self.centers)
        if count > 1:
            shown = silhouette(users.points, labels, config.sample, context.rng)
            notes.append(f"silhouette {shown:.2f} (shown, not used)")
        notes += floor_note(config.k, np.bincount(labels, minlength=count), config.floor)
        self.users = GroupedUsers.name(users, labels, count, notes, centers=self.centers)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's nearest group, ties to the lower number. Raises PluginError before `fit`."""
        if self.users is None:
            raise unfitted("kmeans")
        return self.users.segmentation(data, lambda points: nearest_center(points, self.centers))

    def _count(self, users: UserPoints, rng: np.random.Generator) -> tuple[int, list[str]]:
        config = self.config
        if config.k is not None:
            return config.k, [f"k = {config.k}, as given"]
        choice = choose_count(
            users.points,
            candidates=range(2, min(config.k_max, users.distinct) + 1),
            floor=config.floor,
            threshold=config.stability,
            splits=config.splits,
            reference_draws=config.reference_draws,
            sample=config.sample,
            restarts=config.restarts,
            rng=rng,
        )
        return choice.count, list(choice.notes)

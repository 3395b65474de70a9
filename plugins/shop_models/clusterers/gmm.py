"""Mixture of Gaussians: segments as overlapping clouds of any shape, and how surely each user belongs to one.

References: Dempster, Laird, Rubin, "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 1977; Fraley,
Raftery, "Model-based clustering, discriminant analysis, and density estimation", JASA 2002 (how many, by BIC; Schwarz,
Annals of Statistics 1978). BIC alone splits every cloud that is not quite Gaussian, so a number of groups must be
stable as well (`group_count`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import ConfigError
from framework.records import Context, Segmentation
from shop_models.group_count import GroupCount, some_rows, stability
from shop_models.grouped_users import SKEWED, GroupedUsers, UserPoints, check_counts, floor_note, unfitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset
    from shop_models.group_count import Assign

COVARIANCES = ("full", "tied", "diag", "spherical")


@dataclass(frozen=True)
class GmmConfig:
    """What the groups are made of, which shapes they may have, and how many there may be.

    `features`, `log`, `k`, `k_max`, `floor`, `stability`, `splits`, `buyers_only`, `sample` and `restarts` are as
    k-means'; with `k` null the number is that of the lowest BIC among the stable and large enough ones, and one group
    where no BIC is below that of a single Gaussian. `covariance` is full, tied, diag or spherical. `regularization` is
    added to every variance (of z-scores): without it a group of equal users, such as those who bought once, would have
    none, and any likelihood.
    """

    features: Sequence[str] = ("recency_days", "frequency", "monetary", "tenure_days")
    log: Sequence[str] = SKEWED
    covariance: str = "full"
    regularization: float = 0.01
    k: int | None = None
    k_max: int = 8
    floor: int = 50
    stability: float = 0.8
    splits: int = 10
    buyers_only: bool = True
    sample: int = 4000
    restarts: int = 3


class Gmm:
    """scikit-learn's GaussianMixture on standardised features, with the number of groups given or found.

    Each user belongs to the group of the highest posterior probability, ties to the lower number. Same data and
    `context.rng`, same groups, on one thread.
    """

    Config = GmmConfig

    def __init__(self, config: GmmConfig) -> None:
        self.config = config
        check_counts(config, "gmm")
        if config.covariance not in COVARIANCES:
            raise ConfigError(f"model 'gmm': covariance is '{config.covariance}'", allowed=COVARIANCES)
        if not (config.regularization > 0 and np.isfinite(config.regularization)):
            raise ConfigError(f"model 'gmm': regularization is {config.regularization}", allowed="a number above 0")
        self.users: GroupedUsers | None = None
        self.mixture: Any = None

    def fit(self, data: Dataset, context: Context) -> None:
        """Find the groups among the users of `data`.

        Raises ConfigError for a feature that the log does not give, or where `k` exceeds the distinct users.
        """
        config = self.config
        users = UserPoints.gather(data, config.features, config.log, buyers_only=config.buyers_only, model="gmm")
        users.check_count(config.k)
        chosen = self._count(users, context.rng)
        self.mixture = self._mixture(users.points, chosen.count, context.rng) if len(users.points) > 1 else None
        labels = self._assign(users.points)
        notes = list(chosen.notes)
        if chosen.count > 1:
            surely = self.mixture.predict_proba(users.points).max(axis=1)
            notes.append(
                f"{(surely >= 0.9).mean():.0%} of the users belong to their group with a probability of 0.9 or more"
            )
        notes += floor_note(config.k, np.bincount(labels, minlength=chosen.count), config.floor)
        self.users = GroupedUsers.name(users, labels, chosen.count, notes)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's most probable group. Raises PluginError before `fit`."""
        if self.users is None:
            raise unfitted("gmm")
        return self.users.segmentation(data, self._assign)

    def _assign(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        if self.mixture is None or not len(points):
            return np.zeros(len(points), dtype=np.int32)
        return np.asarray(self.mixture.predict(points), dtype=np.int32)

    def _mixture(self, points: NDArray[np.float64], k: int, rng: np.random.Generator) -> Any:
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        config = self.config
        mixture = GaussianMixture(
            k,
            covariance_type=config.covariance,
            reg_covar=config.regularization,
            n_init=config.restarts,
            random_state=int(rng.integers(2**31)),
        )
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # Halves of the users may hold fewer distinct points than k, and need not converge: they are less stable.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(points)

    def _count(self, users: UserPoints, rng: np.random.Generator) -> GroupCount:
        config, points = self.config, users.points
        if config.k is not None:
            return GroupCount(config.k, (f"k = {config.k}, as given",))

        def cluster(some: NDArray[np.float64], k: int, draw: np.random.Generator) -> Assign:
            mixture = self._mixture(some, k, draw)
            return lambda others: np.asarray(mixture.predict(others), dtype=np.int32)

        sampled = points[some_rows(len(points), config.sample, rng)]
        tried = [k for k in range(2, min(config.k_max, users.distinct) + 1) if len(sampled) >= 4 * k]
        if not tried:
            return GroupCount(1, ("one group: too few users",))
        bic = {}
        sizes = {}
        for k in (1, *tried):
            mixture = self._mixture(sampled, k, rng)
            bic[k] = float(mixture.bic(sampled))
            sizes[k] = int(np.bincount(mixture.predict(points), minlength=k).min())
        agreement = {k: stability(sampled, k, config.splits, cluster, rng) for k in tried}
        table = f"BIC of one group: {bic[1]:,.0f}; " + "; ".join(
            f"k = {k}: BIC {bic[k]:,.0f}, stability {agreement[k]:.2f}, smallest group {sizes[k]} users" for k in tried
        )
        large = [k for k in tried if sizes[k] >= config.floor]
        stable = [k for k in large if agreement[k] >= config.stability]
        better = [k for k in stable if bic[k] < bic[1]]
        if better:
            count = min(better, key=lambda k: bic[k])
            why = f"k = {count}, the lowest BIC of those with a stability of {config.stability:g} or more"
            return GroupCount(count, (why, table))
        if not large:
            why = f"one group: no split leaves {config.floor} users in every group"
        elif not stable:
            why = (
                f"one group: the best stability, {max(agreement[k] for k in large):.2f}, is below {config.stability:g}"
            )
        else:
            why = "one group: a single Gaussian has the lowest BIC"
        return GroupCount(1, (why, table))

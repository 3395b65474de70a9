"""k-means: segments as compact groups in the space of chosen user features.

References: Lloyd, "Least squares quantization in PCM", 1982; Arthur, Vassilvitskii, "k-means++", SODA 2007. How many
groups there are is the question of `group_count`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import ConfigError, PluginError, did_you_mean
from framework.records import Context, Segmentation
from shop_models.buyers import NO_PURCHASE, buyers, require
from shop_models.feature_space import FeatureSpace
from shop_models.group_count import choose_count, fit_centers, nearest_center, silhouette
from shop_models.group_names import describe_groups, name_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset, FeatureTable


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
    log: Sequence[str] = ("frequency", "monetary", "interval_*_days", "basket_*", "distinct_items", "sessions")
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
        for name, least in (
            ("k", 1),
            ("k_max", 2),
            ("floor", 1),
            ("splits", 1),
            ("reference_draws", 0),
            ("restarts", 1),
        ):
            value = getattr(config, name)
            if value is not None and value < least:
                raise ConfigError(f"model 'kmeans': {name} is {value}", allowed=f"{least} or more")
        if config.reference_draws != 0 and config.reference_draws < 19:
            raise ConfigError(
                f"model 'kmeans': reference_draws is {config.reference_draws}",
                allowed="0 (no check), or 19 or more",
                hint="Fewer draws cannot tell anything at the 5 % level.",
            )
        if not list(config.features):
            raise ConfigError("model 'kmeans' has no features", hint="Name one at least, such as monetary.")
        self.space: FeatureSpace | None = None
        self.centers: NDArray[np.float64] = np.empty((0, 0))
        self.names: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()

    def fit(self, data: Dataset, context: Context) -> None:
        """Find the groups among the users of `data`.

        Raises DataError for a feature that the log does not give, ConfigError where `k` exceeds the distinct users.
        """
        names = _expand(self.config.features, data.features)
        table, chosen = data.features, self._clustered(data.features)
        values = np.stack([table.column(name)[chosen] for name in names], axis=1)
        skewed = tuple(any(fnmatchcase(name, pattern) for pattern in self.config.log) for name in names)
        self.space = FeatureSpace.learn(names, skewed, values)
        points = self.space.transform(values)
        distinct = len(np.unique(points, axis=0))
        if self.config.k is not None and self.config.k > max(distinct, 1):
            raise ConfigError(
                f"model 'kmeans': k is {self.config.k}, but only {distinct} distinct users can be grouped",
                allowed=f"k from 1 to {max(distinct, 1)}, or null",
            )
        count, notes = self._count(points, distinct, context.rng)
        centers = fit_centers(points, count, self.config.restarts, context.rng, sample=self.config.sample)
        labels = nearest_center(points, centers)
        if count > 1:
            notes.append(
                f"silhouette {silhouette(points, labels, self.config.sample, context.rng):.2f} (shown, not used)"
            )
        worth = table.column("monetary")[chosen] if "monetary" in table else values[:, 0]
        order = _by_worth(labels, np.nan_to_num(worth), centers)
        self.centers = centers[order]
        self.names = name_groups(names, self.centers)
        self.notes = (*notes, *self._floor_note(np.bincount(labels, minlength=count)))

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's nearest group, ties to the lower number. Raises PluginError before `fit`."""
        if self.space is None:
            raise PluginError("model 'kmeans' was asked for segments before it was fitted", hint="Call fit first.")
        require(data.features, self.space.names, "kmeans")
        values = np.stack([data.features.column(name) for name in self.space.names], axis=1)
        labels = nearest_center(self.space.transform(values), self.centers)
        names = self.names
        if self.config.buyers_only:
            labels[~self._clustered(data.features)] = len(names)
            names = (*names, NO_PURCHASE)
        descriptions = describe_groups(names, self.space.names, values, labels, data.currency)
        return Segmentation(labels, names, descriptions, self.notes)

    def _clustered(self, features: FeatureTable) -> NDArray[np.bool_]:
        return buyers(features) if self.config.buyers_only else np.ones(len(features.values), dtype=bool)

    def _count(self, points: NDArray[np.float64], distinct: int, rng: np.random.Generator) -> tuple[int, list[str]]:
        if self.config.k is not None:
            return self.config.k, [f"k = {self.config.k}, as given"]
        config = self.config
        choice = choose_count(
            points,
            candidates=range(2, min(config.k_max, distinct) + 1),
            floor=config.floor,
            threshold=config.stability,
            splits=config.splits,
            reference_draws=config.reference_draws,
            sample=config.sample,
            restarts=config.restarts,
            rng=rng,
        )
        return choice.count, list(choice.notes)

    def _floor_note(self, sizes: NDArray[np.intp]) -> tuple[str, ...]:
        if self.config.k is None or sizes.min() >= self.config.floor:
            return ()
        return (
            (
                f"warning: with k = {self.config.k} the smallest group has {sizes.min()} users, below the floor of "
                f"{self.config.floor}: what is said of it rests on few"
            ),
        )


def _expand(patterns: Sequence[str], features: FeatureTable) -> tuple[str, ...]:
    """Return the features that the patterns name, each once, in the order of the patterns."""
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = [name for name in features.names if fnmatchcase(name, pattern)]
        if not matches:
            raise ConfigError(
                f"model 'kmeans': no feature matches '{pattern}'",
                allowed=features.names,
                hint=did_you_mean(pattern, features.names),
            )
        found.update(dict.fromkeys(matches))
    return tuple(found)


def _by_worth(labels: NDArray[np.int32], worth: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the groups' order: mean worth, highest first; equal means by their centres."""
    sizes = np.bincount(labels, minlength=len(centers))
    means = np.bincount(labels, weights=worth, minlength=len(centers)) / np.maximum(sizes, 1)
    return np.lexsort((*centers.T[::-1], -means))

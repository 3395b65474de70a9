"""k-prototypes: k-means where some of what is known of users is a category, such as the favourite one.

A user's distance from a prototype is the squared distance of the numbers plus `gamma` for every category that differs;
a prototype has the mean of its users' numbers and their most frequent categories, the lower code where two are equally
frequent. References: Huang, "Extensions to the k-means algorithm for clustering large data sets with categorical
values", Data Mining and Knowledge Discovery 1998, eq. 9; seeds as k-means++ (Arthur, Vassilvitskii, SODA 2007) draws
them, by that distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import ConfigError
from framework.records import Context, Segmentation
from shop_models.clusterers.favourites import FAVOURITES, favourites
from shop_models.group_count import GroupCount, choose_count, gaussian_clouds
from shop_models.grouped_users import SKEWED, GroupedUsers, UserPoints, check_counts, floor_note, unfitted, who

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset
    from shop_models.group_count import Assign


@dataclass(frozen=True)
class KPrototypesConfig:
    """What the groups are made of: `features` (numbers, by name or pattern) and `categorical` traits.

    The traits are "category", "weekday" and "daytime" (a quarter of the day, UTC): each user's most frequent one among
    purchases. `gamma` is what a differing trait weighs against a standard deviation squared; Huang advises a third to
    two thirds of the numbers' spread. The rest is as k-means'.
    """

    features: Sequence[str] = ("recency_days", "frequency", "monetary", "tenure_days")
    categorical: Sequence[str] = ("category", "weekday")
    gamma: float = 0.5
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


@dataclass(frozen=True)
class Prototypes:
    """k prototypes: `numbers` (k, F), `codes` (k, C); `cost` is the total distance of the rows they were found on."""

    numbers: NDArray[np.float64]
    codes: NDArray[np.int64]
    gamma: float
    cost: float

    def distances(self, numbers: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the distance (n, k) of rows (n, F) and (n, C) from each prototype."""
        return np.stack(
            [
                ((numbers - at) ** 2).sum(axis=1) + self.gamma * (codes != of).sum(axis=1)
                for at, of in zip(self.numbers, self.codes, strict=True)
            ],
            axis=1,
        )

    def assign(self, numbers: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return each row's nearest prototype, the lower number where two are equally near."""
        return np.asarray(self.distances(numbers, codes).argmin(axis=1), dtype=np.int32)


def k_prototypes(
    numbers: NDArray[np.float64],
    codes: NDArray[np.int64],
    k: int,
    *,
    gamma: float,
    restarts: int,
    rng: np.random.Generator,
    rounds: int = 100,
) -> Prototypes:
    """Return the prototypes of the lowest cost among `restarts` seedings.

    `numbers` (n, F) and `codes` (n, C), from 0, describe n rows, one at least. A prototype that loses its rows takes
    the row that is farthest from its own. Same state of `rng`, same prototypes.
    """
    tries = [_once(numbers, codes, k, gamma, rng, rounds) for _ in range(restarts)]
    return min(tries, key=lambda found: found.cost)


def _once(
    numbers: NDArray[np.float64], codes: NDArray[np.int64], k: int, gamma: float, rng: np.random.Generator, rounds: int
) -> Prototypes:
    found = _seeds(numbers, codes, k, gamma, rng)
    labels = np.full(len(numbers), -1)
    for _ in range(rounds):
        distance = found.distances(numbers, codes)
        nearest = distance.argmin(axis=1)
        least = distance[np.arange(len(nearest)), nearest]
        for empty in np.flatnonzero(np.bincount(nearest, minlength=k) == 0):
            farthest = int(least.argmax())
            nearest[farthest], least[farthest] = empty, 0.0
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        found = Prototypes(
            np.stack([numbers[labels == group].mean(axis=0) for group in range(k)]),
            np.stack([_modes(codes[labels == group]) for group in range(k)]),
            gamma,
            0.0,
        )
    return replace(found, cost=float(found.distances(numbers, codes).min(axis=1).sum()))


def _seeds(
    numbers: NDArray[np.float64], codes: NDArray[np.int64], k: int, gamma: float, rng: np.random.Generator
) -> Prototypes:
    chosen = [int(rng.integers(len(numbers)))]
    while len(chosen) < k:
        so_far = Prototypes(numbers[chosen], codes[chosen], gamma, 0.0)
        distance = so_far.distances(numbers, codes).min(axis=1)
        total = distance.sum()
        chosen.append(int(rng.choice(len(numbers), p=distance / total if total > 0 else None)))
    return Prototypes(numbers[chosen], codes[chosen], gamma, 0.0)


def _modes(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([np.bincount(column).argmax() for column in codes.T], dtype=np.int64)


class KPrototypes:
    """Own k-prototypes on standardised features and users' favourites, with the number of groups given or found.

    The number is found as k-means', where the clouds without groups have the numbers' covariance and the favourites of
    the users drawn anew. Same data and `context.rng`, same groups.
    """

    Config = KPrototypesConfig

    def __init__(self, config: KPrototypesConfig) -> None:
        self.config = config
        check_counts(config, "k_prototypes")
        if not (config.gamma > 0 and np.isfinite(config.gamma)):
            raise ConfigError(f"model 'k_prototypes': gamma is {config.gamma}", allowed="a number above 0")
        traits = list(config.categorical)
        if not traits or set(traits) - set(FAVOURITES) or len(set(traits)) < len(traits):
            raise ConfigError(
                f"model 'k_prototypes': categorical is {traits}",
                allowed=FAVOURITES,
                hint="For numbers alone take kmeans.",
            )
        self.users: GroupedUsers | None = None
        self.prototypes: Prototypes | None = None

    def fit(self, data: Dataset, context: Context) -> None:
        """Find the groups among the users of `data`.

        Raises ConfigError for a feature that the log does not give, or where `k` exceeds the distinct users.
        """
        config = self.config
        users = UserPoints.gather(
            data, config.features, config.log, buyers_only=config.buyers_only, model="k_prototypes"
        )
        codes, _ = favourites(data, config.categorical)
        codes = codes[users.chosen]
        rows = np.concatenate([users.points, codes], axis=1)
        distinct = len(np.unique(rows, axis=0))
        if config.k is not None and config.k > max(distinct, 1):
            raise ConfigError(
                f"model 'k_prototypes': k is {config.k}, but only {distinct} distinct users can be grouped",
                allowed=f"k from 1 to {max(distinct, 1)}, or null",
            )
        chosen = self._count(rows, distinct, context.rng)
        if not len(rows):
            self.prototypes = Prototypes(
                np.zeros((1, users.points.shape[1])), np.zeros((1, codes.shape[1]), dtype=np.int64), config.gamma, 0.0
            )
        else:
            self.prototypes = k_prototypes(
                users.points, codes, chosen.count, gamma=config.gamma, restarts=config.restarts, rng=context.rng
            )
        labels = self.prototypes.assign(users.points, codes)
        notes = [*chosen.notes, *floor_note(config.k, np.bincount(labels, minlength=chosen.count), config.floor)]
        self.users = GroupedUsers.name(users, labels, chosen.count, notes, centers=self.prototypes.numbers)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's nearest prototype. Raises PluginError before `fit`."""
        if self.users is None or self.prototypes is None:
            raise unfitted("k_prototypes")
        codes, words = favourites(data, self.config.categorical)
        prototypes = self.prototypes
        found = self.users.segmentation(data, lambda points: prototypes.assign(points, codes))
        grouped = who(data.features, buyers_only=self.config.buyers_only)
        described = tuple(
            text + self._traits(codes[(found.labels == place) & grouped], words)
            for place, text in enumerate(found.descriptions)
        )
        return replace(found, descriptions=described)

    def _traits(self, codes: NDArray[np.int64], words: Sequence[Sequence[str]]) -> str:
        if not len(codes):
            return ""
        told = []
        for trait, column, names in zip(self.config.categorical, codes.T, words, strict=True):
            counts = np.bincount(column, minlength=len(names))
            told.append(f"{trait} {names[int(counts.argmax())]} ({counts.max() / len(column):.0%})")
        return f" Favourites: {', '.join(told)}."

    def _count(self, rows: NDArray[np.float64], distinct: int, rng: np.random.Generator) -> GroupCount:
        config = self.config
        if config.k is not None:
            return GroupCount(config.k, (f"k = {config.k}, as given",))
        traits = len(list(config.categorical))
        numbers = rows.shape[1] - traits

        def parted(some: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
            return some[:, :numbers], some[:, numbers:].astype(np.int64)

        def cluster(some: NDArray[np.float64], k: int, draw: np.random.Generator) -> Assign:
            found = k_prototypes(*parted(some), k, gamma=config.gamma, restarts=config.restarts, rng=draw)
            return lambda others: found.assign(*parted(others))

        def clouds(some: NDArray[np.float64], draws: int, draw: np.random.Generator) -> list[NDArray[np.float64]]:
            return [
                np.concatenate([cloud, draw.permutation(some[:, numbers:])], axis=1)
                for cloud in gaussian_clouds(some[:, :numbers], draws, draw)
            ]

        return choose_count(
            rows,
            candidates=range(2, min(config.k_max, distinct) + 1),
            floor=config.floor,
            threshold=config.stability,
            splits=config.splits,
            reference_draws=config.reference_draws,
            sample=config.sample,
            restarts=config.restarts,
            rng=rng,
            cluster=cluster,
            clouds=clouds,
        )

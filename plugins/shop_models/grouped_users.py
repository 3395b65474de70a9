"""From users to points and from groups to named segments: what every model that finds groups does alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from framework.errors import ConfigError, PluginError, did_you_mean
from framework.records import Segmentation
from shop_models.buyers import NO_PURCHASE, buyers, require
from shop_models.feature_space import FeatureSpace
from shop_models.group_names import describe_groups, name_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset, FeatureTable

SKEWED = ("frequency", "monetary", "interval_*_days", "basket_*", "distinct_items", "sessions")
"""Features that are taken as sign(x) log(1 + |x|) unless a study says otherwise."""


@dataclass(frozen=True)
class UserPoints:
    """The users that are grouped (n of U), their raw `values` (n, F), z-scored `points` (n, F), and `worth` (n,).

    `chosen` (U,) says which users they are. Groups are ordered by worth: what a user spent, or the first feature.
    """

    model: str
    space: FeatureSpace
    buyers_only: bool
    chosen: NDArray[np.bool_]
    points: NDArray[np.float64]
    worth: NDArray[np.float64]

    @classmethod
    def gather(
        cls, data: Dataset, features: Sequence[str], log: Sequence[str], *, buyers_only: bool, model: str
    ) -> UserPoints:
        """Take the users of `data`, or those of them who bought, by the features that the patterns name.

        Raises ConfigError for a pattern without a feature.
        """
        table = data.features
        names = expand(features, table, model)
        chosen = who(table, buyers_only=buyers_only)
        values = np.stack([table.column(name)[chosen] for name in names], axis=1)
        space = FeatureSpace.learn(names, tuple(any(fnmatchcase(n, p) for p in log) for n in names), values)
        worth = table.column("monetary")[chosen] if "monetary" in table else values[:, 0]
        return cls(model, space, buyers_only, chosen, space.transform(values), np.nan_to_num(worth))

    @property
    def distinct(self) -> int:
        """How many different points there are."""
        return len(np.unique(self.points, axis=0))

    def check_count(self, k: int | None) -> None:
        """Raise ConfigError where `k` is more than the distinct points."""
        most = max(self.distinct, 1)
        if k is not None and k > most:
            raise ConfigError(
                f"model '{self.model}': k is {k}, but only {self.distinct} distinct users can be grouped",
                allowed=f"k from 1 to {most}, or null",
            )


@dataclass(frozen=True)
class GroupedUsers:
    """How users become points and groups become segments: K groups in their order, and their names.

    `place` (K,) is the segment of each group as the algorithm numbered it; `extra` are further segments after the K, as
    an algorithm that leaves users without a group has them.
    """

    model: str
    space: FeatureSpace
    buyers_only: bool
    place: NDArray[np.int64]
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def name(
        cls,
        users: UserPoints,
        labels: NDArray[np.int32],
        count: int,
        notes: Sequence[str],
        *,
        centers: NDArray[np.float64] | None = None,
        extra: Sequence[str] = (),
    ) -> GroupedUsers:
        """Order `count` groups by worth, and name them by what stands out in their centres (the groups' means).

        Labels from `count` on are of the segments `extra`, which keep their place and their names.
        """
        means = group_means(users.points, labels, count) if centers is None else centers
        order = by_worth(labels, users.worth, means)
        place = np.concatenate([np.argsort(order), count + np.arange(len(extra))])
        names = (*name_groups(users.space.names, means[order]), *extra)
        return cls(users.model, users.space, users.buyers_only, place, names, tuple(notes))

    def noted(self, *notes: str) -> GroupedUsers:
        """Return it with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def segmentation(self, data: Dataset, assign: Callable[[NDArray[np.float64]], NDArray[np.int32]]) -> Segmentation:
        """Return every user's segment, where `assign` gives the points (n, F) the algorithm's groups.

        Raises DataError where a feature is missing.
        """
        require(data.features, self.space.names, self.model)
        values = np.stack([data.features.column(name) for name in self.space.names], axis=1)
        labels = self.place[assign(self.space.transform(values))].astype(np.int32)
        names = self.names
        if self.buyers_only:
            labels[~who(data.features, buyers_only=True)] = len(names)
            names = (*names, NO_PURCHASE)
        descriptions = describe_groups(names, self.space.names, values, labels, data.currency)
        return Segmentation(labels, names, descriptions, self.notes)


def who(features: FeatureTable, *, buyers_only: bool) -> NDArray[np.bool_]:
    """Return which users (U,) are grouped: those who bought, or all."""
    return buyers(features) if buyers_only else np.ones(len(features.values), dtype=np.bool_)


def expand(patterns: Sequence[str], features: FeatureTable, model: str) -> tuple[str, ...]:
    """Return the features that the patterns name, each once, in the order of the patterns; ConfigError for none."""
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = [name for name in features.names if fnmatchcase(name, pattern)]
        if not matches:
            raise ConfigError(
                f"model '{model}': no feature matches '{pattern}'",
                allowed=features.names,
                hint=did_you_mean(pattern, features.names),
            )
        found.update(dict.fromkeys(matches))
    return tuple(found)


def group_means(points: NDArray[np.float64], labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Return the mean point (count, F) of each group, 0 for one without users."""
    sizes = np.bincount(labels, minlength=count)[:count]
    sums = np.stack([np.bincount(labels, weights=column, minlength=count)[:count] for column in points.T], axis=1)
    return np.asarray(sums / np.maximum(sizes, 1)[:, None], dtype=np.float64)


def by_worth(labels: NDArray[np.int32], worth: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the groups' order: mean worth, highest first; equal means by their centres."""
    count = len(centers)
    sizes = np.bincount(labels, minlength=count)[:count]
    means = np.bincount(labels, weights=worth, minlength=count)[:count] / np.maximum(sizes, 1)
    return np.lexsort((*centers.T[::-1], -means))


def check_counts(config: object, model: str) -> None:
    """Raise ConfigError where a parameter that all these models share is out of its range."""
    for name, least in (("k", 1), ("k_max", 2), ("floor", 1), ("splits", 1), ("reference_draws", 0), ("restarts", 1)):
        value = getattr(config, name, None)
        if value is not None and value < least:
            raise ConfigError(f"model '{model}': {name} is {value}", allowed=f"{least} or more")
    if 0 < getattr(config, "reference_draws", 0) < 19:
        raise ConfigError(
            f"model '{model}': reference_draws is {config.reference_draws}",  # type: ignore[attr-defined]
            allowed="0 (no check), or 19 or more",
            hint="Fewer draws cannot tell anything at the 5 % level.",
        )
    if not list(getattr(config, "features", ("given",))):
        raise ConfigError(f"model '{model}' has no features", hint="Name one at least, such as monetary.")


def unfitted(model: str) -> PluginError:
    """Return the error of a model that is asked for segments before its fit."""
    return PluginError(f"model '{model}' was asked for segments before it was fitted", hint="Call fit first.")


def floor_note(k: int | None, sizes: NDArray[np.intp], floor: int) -> tuple[str, ...]:
    """Return a warning where a given `k` makes groups below the floor."""
    if k is None or sizes.min() >= floor:
        return ()
    few = f"with k = {k} the smallest group has {sizes.min()} users, below the floor of {floor}"
    return (f"warning: {few}: what is said of it rests on few",)

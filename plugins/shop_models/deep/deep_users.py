"""Users into a deep model and segments out of it: what the three deep models do alike around their networks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.records import Context, Training
from shop_models.group_count import choose_count, silhouette
from shop_models.grouped_users import GroupedUsers, UserPoints, floor_note

if TYPE_CHECKING:
    from framework.data.tables import Dataset
    from framework.records import Segmentation
    from shop_models.deep.latent_groups import Count

FEWEST = 8
"""With fewer distinct users there is nothing to train on: they are one group."""


class Groups(Protocol):
    """Groups of rows, as an algorithm left them."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def assign(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        """Return the group (n,) of each row (n, F)."""
        ...


Phases = Callable[[NDArray[np.floating], "int | Count", np.random.Generator], Generator[Training, None, Groups]]
"""An algorithm: rows, the number of groups, and a generator in; trainings out, and the groups at the end."""


@dataclass(frozen=True)
class DeepUsers:
    """The groups, and how users come into them; no groups: everybody is one."""

    users: GroupedUsers
    groups: Groups | None

    def segmentation(self, data: Dataset) -> Segmentation:
        """Return every user's segment."""
        return self.users.segmentation(data, self._assign)

    def _assign(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.zeros(len(points), dtype=np.int32) if self.groups is None else self.groups.assign(points)


def grouped(
    phases: Phases, config: Any, model: str, data: Dataset, context: Context
) -> Generator[Training, None, DeepUsers]:
    """Give the trainings of an algorithm over the users of `data`, and return how it groups them.

    With `config.k` null the number of groups is that of k-means among the latent rows, found as `kmeans` finds it among
    the features, and the users are one group where those have no structure.
    """
    users = UserPoints.gather(data, config.features, config.log, buyers_only=config.buyers_only, model=model)
    users.check_count(config.k)
    rng, notes = context.rng, [f"k = {config.k}, as given"]
    if users.distinct < FEWEST:
        alone = GroupedUsers.name(users, np.zeros(len(users.points), dtype=np.int32), 1, ["one group: too few users"])
        return DeepUsers(alone, None)

    def count(latent: NDArray[np.float64]) -> int:
        scaled = latent / max(float(latent.std()), 1e-12)
        found = choose_count(
            scaled,
            candidates=range(2, min(config.k_max, users.distinct) + 1),
            floor=config.floor,
            threshold=config.stability,
            splits=config.splits,
            reference_draws=config.reference_draws,
            sample=config.sample,
            restarts=config.restarts,
            rng=rng,
        )
        notes[:] = found.notes
        return found.count

    groups = yield from phases(users.points, count if config.k is None else config.k, rng)
    labels = groups.assign(users.points)
    sizes = np.bincount(labels, minlength=groups.count)
    if (sizes > 0).sum() > 1:
        notes.append(f"silhouette {silhouette(users.points, labels, config.sample, rng):.2f} among the features")
    notes += _empty_note(sizes) + list(floor_note(config.k, sizes, config.floor))
    return DeepUsers(GroupedUsers.name(users, labels, groups.count, notes), groups)


def _empty_note(sizes: Sequence[int] | NDArray[np.intp]) -> list[str]:
    lost = int((np.asarray(sizes) == 0).sum())
    return [f"warning: {lost} of {len(sizes)} groups lost all their users while the network learned"] if lost else []

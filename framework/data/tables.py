"""What components learn from: a slice of the cleaned log as plain arrays, with its users, items and features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MICROSECONDS_PER_DAY = 86_400_000_000
UNKNOWN = -1
"""Index of a user or an item that the training slice has never seen."""


@dataclass(frozen=True)
class Interactions:
    """Events of a slice of the log, one entry an event, in the log's total order (time, then content).

    All arrays have length n. `user` and `item` index the owning table's `users` and `items` (-1: unknown, or no
    item); `kind` indexes `kinds`; `time` is microseconds since 1970 UTC; `amount` is price times quantity in minor
    currency units (cents), net of the cancellations known at the slice's end; `order` numbers the baskets. `rating` is
    what the user gave, NaN where none, and None where the log has no ratings.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    kind: NDArray[np.int8]
    time: NDArray[np.int64]
    quantity: NDArray[np.float64]
    amount: NDArray[np.int64]
    order: NDArray[np.int64]
    kinds: tuple[str, ...]
    rating: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.user)

    def of_kind(self, *names: str) -> Interactions:
        """Return the events of these kinds; a kind that the log lacks selects nothing."""
        wanted = [index for index, name in enumerate(self.kinds) if name in names]
        return self.where(np.isin(self.kind, wanted))

    def where(self, mask: NDArray[np.bool_]) -> Interactions:
        """Return the events at which `mask` (n,) holds, in the same order."""
        return replace(
            self,
            user=self.user[mask],
            item=self.item[mask],
            kind=self.kind[mask],
            time=self.time[mask],
            quantity=self.quantity[mask],
            amount=self.amount[mask],
            order=self.order[mask],
            rating=None if self.rating is None else self.rating[mask],
        )


@dataclass(frozen=True)
class FeatureTable:
    """One row a user (U, F), one column a named feature; NaN where a feature is undefined for a user."""

    names: tuple[str, ...]
    values: NDArray[np.float64]

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one feature (U,); raises KeyError with the known names where there is none."""
        if name not in self.names:
            raise KeyError(f"no feature '{name}'; there are: {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]

    def __contains__(self, name: object) -> bool:
        return name in self.names


@dataclass(frozen=True)
class ItemTable:
    """What is known of the items (I,): category index, typical price in minor units, text; empty where unknown."""

    category: NDArray[np.int32]
    categories: tuple[str, ...]
    price: NDArray[np.int64]
    text: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """Everything a component may learn from: the log up to `as_of`, and nothing after it.

    `users` (U,) and `items` (I,) are sorted ids. `segments` (U,) indexes `segment_names` once a model has run.
    """

    users: NDArray[np.str_]
    items: NDArray[np.str_]
    events: Interactions
    features: FeatureTable
    item_table: ItemTable
    as_of: int
    currency: str = ""
    segments: NDArray[np.int32] | None = None
    segment_names: tuple[str, ...] = ()

    def matrix(self, kinds: Sequence[str] = ("purchase",), *, binary: bool = False) -> csr_matrix:
        """Return counts of events as a float32 CSR matrix (U, I); `binary` makes every count 1."""
        from scipy.sparse import coo_matrix

        events = self.events.of_kind(*kinds)
        known = (events.user >= 0) & (events.item >= 0)
        shape = (len(self.users), len(self.items))
        ones = np.ones(int(known.sum()), dtype=np.float32)
        counts = coo_matrix((ones, (events.user[known], events.item[known])), shape=shape).tocsr()
        if binary:
            counts.data[:] = 1.0
        return counts

    def user_index(self, ids: NDArray[np.str_]) -> NDArray[np.int32]:
        """Return each id's place in `users`, -1 where it is unknown."""
        return _place(self.users, ids)

    def item_index(self, ids: NDArray[np.str_]) -> NDArray[np.int32]:
        """Return each id's place in `items`, -1 where it is unknown."""
        return _place(self.items, ids)


def _place(known: NDArray[np.str_], ids: NDArray[np.str_]) -> NDArray[np.int32]:
    if not len(known):
        return np.full(len(ids), UNKNOWN, dtype=np.int32)
    found = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[found] == ids, found, UNKNOWN).astype(np.int32)


@dataclass(frozen=True)
class Window:
    """What happened in a later stretch of the log, in the index space of an earlier `Dataset`.

    `user_ids` (N,) are the users with at least one event in [start, end); `user_index` (N,) is their place in the
    dataset's `users` (-1: new). `events.user` indexes `user_ids`; `events.item` indexes the dataset's `items` (-1: an
    item unknown before). Times in microseconds.
    """

    start: int
    end: int
    user_ids: NDArray[np.str_]
    user_index: NDArray[np.int32]
    events: Interactions

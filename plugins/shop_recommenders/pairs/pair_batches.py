"""Batches of purchases with sampled items beside them, alike in every process for the same seed and epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch.utils.data import DataLoader

    Batch = tuple[NDArray[Any], ...]


class PairBatches:
    """One epoch's batches: users (B,), items (B,) that they bought, and sampled items.

    Every stored entry of `purchases` (U, I) comes once an epoch, in an order that hangs on (seed, epoch); what batch b
    samples hangs on (seed, epoch, b), so batches can be drawn in any order. Items are sampled uniformly: `negatives`
    for each purchase (B, N), with replacement, among those that the user did not buy where `skip_bought` holds. Where
    they are `shared`, as many different ones for the whole batch (N,), and after them, where `skip_bought` holds, which
    of these each user bought (B, N).
    """

    def __init__(
        self,
        purchases: csr_matrix,
        *,
        batch_size: int,
        negatives: int,
        seed: int,
        skip_bought: bool = True,
        shared: bool = False,
    ) -> None:
        sorted_ = purchases.sorted_indices()
        self.batch_size, self.negatives, self.seed = batch_size, negatives, seed
        self._items = purchases.shape[1]
        self._item = sorted_.indices.astype(np.int64)
        self._user = np.repeat(np.arange(purchases.shape[0]), np.diff(sorted_.indptr))
        self._shared = shared
        self._bought = sorted_ if skip_bought and shared else None
        self._unbought = Unbought(sorted_) if skip_bought and not shared else None
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of the epoch with this number."""
        self._epoch = epoch
        self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self._item))

    def __len__(self) -> int:
        return math.ceil(len(self._item) / self.batch_size)

    def __getitem__(self, batch: int) -> Batch:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        rows = self._order[batch * self.batch_size : (batch + 1) * self.batch_size]
        user, item = self._user[rows], self._item[rows]
        rng = np.random.default_rng([self.seed, self._epoch, batch])
        if self._shared:
            shared = rng.choice(self._items, min(self.negatives, self._items), replace=False)
            barred = () if self._bought is None else (_among(shared, self._bought[user]),)
            return user, item, shared, *barred
        if self._unbought is not None:
            return user, item, self._unbought.draw(user, self.negatives, rng)
        return user, item, rng.integers(self._items, size=(len(rows), self.negatives))

    def loader(self) -> DataLoader[Any]:
        """Return the epoch's batches as tensors, in order."""
        from torch.utils.data import DataLoader

        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]


def _among(items: NDArray[np.int64], bought: csr_matrix) -> NDArray[np.bool_]:
    """Return which of the items (N,), all different, each row of `bought` (B, I) holds: (B, N)."""
    place = np.full(bought.shape[1], -1)
    place[items] = np.arange(len(items))
    column = place[bought.indices]
    row = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
    found = np.zeros((bought.shape[0], len(items)), dtype=bool)
    found[row[column >= 0], column[column >= 0]] = True
    return found


class Unbought:
    """Draws items that a user did not buy, uniformly and without a try too many.

    The r-th item that a user did not buy is r + (how many bought items come before it); the j-th bought item p_j
    (from 0, ascending) comes before it where p_j - j <= r. A user who bought everything is given any item.
    """

    def __init__(self, purchases: csr_matrix) -> None:
        bought = np.diff(purchases.indptr).astype(np.int64)
        self._items = purchases.shape[1]
        self._first = purchases.indptr.astype(np.int64)
        self._free = self._items - bought
        user = np.repeat(np.arange(len(bought)), bought)
        place = np.arange(purchases.nnz) - self._first[user]
        self._keys = user * (self._items + 1) + purchases.indices - place

    def draw(self, user: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return `count` items for each of the users (n,), with replacement: (n, count)."""
        free = self._free[user][:, None]
        room = np.where(free > 0, free, self._items)
        # One product is quicker than integers with a bound for each user.
        rank = (rng.random((len(user), count)) * room).astype(np.int64)
        before = np.searchsorted(self._keys, user[:, None] * (self._items + 1) + rank, side="right")
        found: NDArray[np.int64] = np.where(free > 0, rank + before - self._first[user][:, None], rank)
        return found

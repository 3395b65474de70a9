"""Batches for two towers: what a user took next, and the items before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.sequence_batches import within_vocabulary

if TYPE_CHECKING:
    from torch.utils.data import DataLoader


class NextPurchaseBatches:
    """One epoch's batches: every item that somebody took after another one, once, in an order by (seed, epoch).

    A batch holds the `users` (B,); their last `recent` items before it, `items` (B, L) padded behind, with their
    `lengths` (B,); and `target` (B,), what they took. Items are places in the `vocabulary` (V,) of the batch, which may
    hold the padding, `catalogue`; a target is a place in `goods` (T,), the different targets as places in that.
    """

    def __init__(self, histories: Histories, catalogue: int, *, recent: int, batch_size: int, seed: int) -> None:
        self._histories, self._catalogue = histories, catalogue
        self._recent, self._batch_size, self._seed = recent, batch_size, seed
        lengths = histories.lengths
        self._user = np.repeat(np.arange(len(histories)), lengths)
        self._first = np.repeat(histories.starts[:-1], lengths)
        self._places = np.flatnonzero(np.arange(len(histories.items)) > self._first)
        self.set_epoch(0)

    @property
    def taken(self) -> NDArray[np.int64]:
        """How often each item (I,) is a target."""
        return np.bincount(self._histories.items[self._places], minlength=self._catalogue).astype(np.int64)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of the epoch with this number."""
        self._order = np.random.default_rng([self._seed, epoch]).permutation(self._places)

    def __len__(self) -> int:
        return math.ceil(len(self._places) / self._batch_size)

    def __getitem__(self, batch: int) -> dict[str, NDArray[np.int64]]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        places = self._order[batch * self._batch_size : (batch + 1) * self._batch_size]
        lengths = np.minimum(places - self._first[places], self._recent)
        column = np.arange(int(lengths.max()))
        told = column < lengths[:, None]
        before = np.where(told, self._histories.items[np.where(told, places[:, None] - 1 - column, 0)], self._catalogue)
        target = self._histories.items[places].astype(np.int64)
        found = within_vocabulary({"items": before.astype(np.int64), "target": target})
        goods, found["target"] = np.unique(found["target"], return_inverse=True)
        return {**found, "goods": goods, "lengths": lengths, "users": self._user[places]}

    def loader(self) -> DataLoader[Any]:
        """Return the epoch's batches as tensors, in order."""
        from torch.utils.data import DataLoader

        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]

"""Batches of users with all that they bought, alike in every process for the same seed and epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch.utils.data import DataLoader


class BasketBatches:
    """One epoch's batches: items (n,) of B users end to end, and where each user's begin (B,).

    Users without a purchase are left out. The order of users hangs on (seed, epoch).
    """

    def __init__(self, purchases: csr_matrix, *, batch_size: int, seed: int) -> None:
        self._purchases, self.batch_size, self.seed = purchases.sorted_indices(), batch_size, seed
        self._users = np.flatnonzero(np.diff(purchases.indptr))
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of the epoch with this number."""
        self._order = np.random.default_rng([self.seed, epoch]).permutation(self._users)

    def __len__(self) -> int:
        return math.ceil(len(self._users) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        return items_and_starts(self._purchases[self._order[batch * self.batch_size : (batch + 1) * self.batch_size]])

    def loader(self) -> DataLoader[Any]:
        """Return the epoch's batches as tensors, in order."""
        from torch.utils.data import DataLoader

        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]


def items_and_starts(taken: csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the items of all rows end to end (n,), and where each row's begin (B,)."""
    return taken.indices.astype(np.int64), taken.indptr[:-1].astype(np.int64)

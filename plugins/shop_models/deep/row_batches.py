"""Batches of rows, alike in every process for the same seed and epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch.utils.data import DataLoader


class RowBatches:
    """One epoch's batches: the places of B rows (B,), and the rows (B, F). Their order hangs on (seed, epoch)."""

    def __init__(self, points: NDArray[np.float32], *, batch_size: int, seed: int) -> None:
        self._points, self.batch_size, self.seed = points, batch_size, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of the epoch with this number."""
        self._order = np.random.default_rng([self.seed, epoch]).permutation(len(self._points))

    def __len__(self) -> int:
        return math.ceil(len(self._points) / self.batch_size)

    def __getitem__(self, batch: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        rows = self._order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return rows, self._points[rows]

    def loader(self) -> DataLoader[Any]:
        """Return the epoch's batches as tensors, in order."""
        from torch.utils.data import DataLoader

        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]

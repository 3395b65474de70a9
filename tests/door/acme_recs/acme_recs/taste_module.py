"""The network of Taste and its batches, apart: importing Lightning takes seconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch.utils.data import DataLoader


class Pairs:
    """Purchases (n, 2) in an order of chance, 32 at a time, each with an item by chance: alike for equal epochs."""

    def __init__(self, pairs: np.ndarray, items: int, seed: int) -> None:
        self.pairs, self.items, self.seed = pairs, items, seed
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch with this number."""
        rng = np.random.default_rng([self.seed, epoch])
        chance = rng.integers(self.items, size=(len(self.pairs), 1))
        self._drawn = np.concatenate([self.pairs, chance], axis=1)[rng.permutation(len(self.pairs))]

    def __len__(self) -> int:
        return math.ceil(len(self.pairs) / 32)

    def __getitem__(self, batch: int) -> Any:
        if not 0 <= batch < len(self):
            raise IndexError(batch)
        return torch.from_numpy(self._drawn[32 * batch : 32 * (batch + 1)].astype(np.int64))

    def loader(self) -> DataLoader[Any]:
        """Return the batches in order."""
        return DataLoader(self, batch_size=None)  # type: ignore[arg-type]


class TasteModule(LightningModule):
    """Two tables of vectors and the pairwise loss."""

    def __init__(self, users: int, items: int, config: Any, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.users = torch.nn.Parameter(0.1 * torch.randn(users, config.size, generator=generator))
        self.items = torch.nn.Parameter(0.1 * torch.randn(items, config.size, generator=generator))
        self.learning_rate = config.learning_rate

    def training_step(self, batch: Any, _index: int) -> Any:
        """Return the mean of -log sigmoid of how much more the purchase scores than the item by chance."""
        user, bought, chance = (self.users[batch[:, 0]], self.items[batch[:, 1]], self.items[batch[:, 2]])
        return torch.nn.functional.softplus((user * (chance - bought)).sum(dim=1)).mean()

    def configure_optimizers(self) -> Any:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both tables, copied."""
        users, items = (part.detach().float().cpu().numpy().copy() for part in (self.users, self.items))
        return users, items

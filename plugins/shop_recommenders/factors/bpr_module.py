"""The Lightning module of BPR: its vectors, its loss, its optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding

from shop_recommenders.pairs.candidate_scores import pairwise_loss
from shop_recommenders.pairs.falling_rate import falling


class BprModule(LightningModule):
    """Batches are users (B,), items (B,), and sampled items (B, N), or (N,) and who bought which of them (B, N)."""

    def __init__(
        self,
        users: NDArray[np.float32],
        items: NDArray[np.float32],
        regularization: float,
        learning_rate: float,
        *,
        decay: bool = False,
    ) -> None:
        super().__init__()
        self.users, self.items = nn.Parameter(torch.from_numpy(users)), nn.Parameter(torch.from_numpy(items))
        self.regularization, self.learning_rate, self.decay = regularization, learning_rate, decay

    def training_step(self, batch: tuple[Tensor, ...], _index: int) -> Tensor:
        """Return the mean loss of the batch's purchases."""
        user, item, negatives = batch[:3]
        vectors = embedding(user, self.users), embedding(item, self.items), embedding(negatives, self.items)
        return pairwise_loss(*vectors, batch[3] if len(batch) > 3 else None, vectors, self.regularization)

    def configure_optimizers(self) -> Any:
        """Return Adam, its rate falling to 0 where it is to decay."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)
        return falling(optimizer, self) if self.decay else optimizer

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the users' and the items' vectors as they are, copied."""
        users, items = (part.detach().float().cpu().numpy().copy() for part in (self.users, self.items))
        return users, items

"""The Lightning module of UltraGCN: its vectors, its loss, its optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from shop_recommenders.pairs.candidate_scores import candidate_scores

if TYPE_CHECKING:
    from shop_recommenders.graphs.ultragcn import UltraGcnConfig


class UltraGcnModule(LightningModule):
    """Batches are users (B,), items (B,) and sampled items (B, N); the loss is summed over them, as in the paper."""

    user_weight: Tensor
    item_weight: Tensor
    neighbours: Tensor
    similarity: Tensor

    def __init__(
        self,
        config: UltraGcnConfig,
        users: NDArray[np.float32],
        items: NDArray[np.float32],
        user_weight: NDArray[np.float32],
        item_weight: NDArray[np.float32],
        neighbours: NDArray[np.int64],
        similarity: NDArray[np.float32],
    ) -> None:
        super().__init__()
        self.config = config
        self.users, self.items = nn.Parameter(torch.from_numpy(users)), nn.Parameter(torch.from_numpy(items))
        for name, values in (
            ("user_weight", user_weight),
            ("item_weight", item_weight),
            ("neighbours", neighbours),
            ("similarity", similarity),
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of a batch, but for the penalty, which is the optimiser's."""
        user, item, negatives = batch
        config = self.config
        candidates = torch.cat([item[:, None], negatives, self.neighbours[item]], dim=1)
        scores = candidate_scores(self.users, user, self.items, candidates)
        count = negatives.shape[1]
        # log s(x) = -softplus(-x): what should be large enters with its sign changed.
        sign = torch.ones(scores.shape[1], device=scores.device)
        sign[0], sign[1 + count :] = -1.0, -1.0
        share = self.user_weight[user, None] * self.item_weight[candidates[:, : 1 + count]]
        weights = torch.cat(
            [
                config.w1 + config.w2 * share[:, :1],
                (config.w3 + config.w4 * share[:, 1:]) * (config.negative_weight / count),
                config.item_weight * self.similarity[item],
            ],
            dim=1,
        )
        return (weights * nn.functional.softplus(sign * scores)).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam. Its weight decay is the gradient of regularization / 2 |e|^2 over all vectors, each batch."""
        config = self.config
        return torch.optim.Adam(
            self.parameters(), lr=config.learning_rate, weight_decay=config.regularization, fused=True
        )

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the users' and the items' vectors as they are, copied."""
        users, items = (part.detach().float().cpu().numpy().copy() for part in (self.users, self.items))
        return users, items

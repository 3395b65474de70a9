"""The Lightning module of UltraGCN: its vectors, its loss, its optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding, softplus

from shop_recommenders.pairs.candidate_scores import candidate_scores
from shop_recommenders.pairs.falling_rate import falling

if TYPE_CHECKING:
    from shop_recommenders.graphs.ultragcn import UltraGcnConfig


class UltraGcnModule(LightningModule):
    """The loss is summed over a batch, as in the paper.

    Batches are users (B,), items (B,) and sampled items (B, N), or (N,) and, where `skip_bought`
    holds, who bought which of them (B, N).
    """

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

    def training_step(self, batch: tuple[Tensor, ...], _index: int) -> Tensor:
        """Return the loss of a batch, but for the penalty, which is the optimiser's."""
        user, item, negatives = batch[:3]
        if negatives.ndim == 2:
            candidates = torch.cat([item[:, None], self.neighbours[item], negatives], dim=1)
            scores = candidate_scores(self.users, user, self.items, candidates)
            near = 1 + self.neighbours.shape[1]
            liked, sampled = scores[:, :near], scores[:, near:]
        else:
            candidates = torch.cat([item[:, None], self.neighbours[item]], dim=1)
            liked = candidate_scores(self.users, user, self.items, candidates)
            sampled = embedding(user, self.users) @ embedding(negatives, self.items).T
        return self._liked(user, item, liked) + self._sampled(user, negatives, sampled, *batch[3:])

    def _liked(self, user: Tensor, item: Tensor, scores: Tensor) -> Tensor:
        """Return the losses of the item (scores' first column) and its neighbours (the others)."""
        config = self.config
        share = self.user_weight[user] * self.item_weight[item]
        weights = torch.cat(
            [(config.w1 + config.w2 * share)[:, None], config.item_weight * self.similarity[item]], dim=1
        )
        return (weights * softplus(-scores)).sum()  # log s(x) = -softplus(-x)

    def _sampled(self, user: Tensor, items: Tensor, scores: Tensor, bought: Tensor | None = None) -> Tensor:
        """Return the losses of the sampled items; what a user bought counts for nothing where it is to be skipped."""
        config = self.config
        weights = config.w3 + config.w4 * self.user_weight[user, None] * self.item_weight[items]
        losses = weights * softplus(scores)
        if bought is None or not config.skip_bought:
            return config.negative_weight * losses.mean(dim=1).sum()
        counted = (~bought).sum(dim=1).clamp(min=1)
        return config.negative_weight * (losses.masked_fill(bought, 0.0).sum(dim=1) / counted).sum()

    def configure_optimizers(self) -> Any:
        """Return Adam. Its weight decay is the gradient of regularization / 2 |e|^2 over all vectors, each batch."""
        config = self.config
        optimizer = torch.optim.Adam(
            self.parameters(), lr=config.learning_rate, weight_decay=config.regularization, fused=True
        )
        return falling(optimizer, self) if config.decay else optimizer

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the users' and the items' vectors as they are, copied."""
        users, items = (part.detach().float().cpu().numpy().copy() for part in (self.users, self.items))
        return users, items

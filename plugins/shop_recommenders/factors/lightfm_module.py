"""The Lightning module of LightFM: the vectors of features, their sums, its losses, its optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag, softplus

from shop_recommenders.pairs.candidate_scores import candidate_scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from shop_recommenders.factors.lightfm import LightFmConfig


class LightFmModule(LightningModule):
    """Batches are users (B,), items (B,), and sampled items (N,) with who bought which of them (B, N).

    With the loss "warp" they are users, items, and items sampled for each that the user did not buy (B, N).

    `users` and `items` (F, d + 1) hold a feature's vector and, last, its bias; `user_rows` and `item_rows` say which
    features each has.
    """

    def __init__(
        self,
        users: NDArray[np.float32],
        items: NDArray[np.float32],
        user_rows: csr_matrix,
        item_rows: csr_matrix,
        config: LightFmConfig,
    ) -> None:
        super().__init__()
        self.users, self.items = nn.Parameter(torch.from_numpy(users)), nn.Parameter(torch.from_numpy(items))
        self.config = config
        for name, rows in (("user", user_rows), ("item", item_rows)):
            for part in ("indptr", "indices"):
                array = torch.from_numpy(getattr(rows, part).astype(np.int64))
                self.register_buffer(f"{name}_{part}", array, persistent=False)
        steps = 1.0 / np.arange(1, item_rows.shape[0])
        harmonic = np.concatenate([[0.0], np.cumsum(steps)]).astype(np.float32)
        self.register_buffer("harmonic", torch.from_numpy(harmonic), persistent=False)

    def sums(self) -> tuple[Tensor, Tensor]:
        """Return users' (q, b, 1) and items' (p, 1, b), (U, d + 2) and (I, d + 2): their products are the scores."""
        users, items = self._summed("user", self.users), self._summed("item", self.items)
        one_each = users.new_ones(len(users), 1), items.new_ones(len(items), 1)
        return torch.cat([users, one_each[0]], 1), torch.cat([items[:, :-1], one_each[1], items[:, -1:]], 1)

    def training_step(self, batch: tuple[Tensor, ...], _index: int) -> Tensor:
        """Return the mean loss of the batch's purchases."""
        user, item, sampled = batch[:3]
        users, items = self.sums()
        rows = embedding(user, users)
        bought = (rows * embedding(item, items)).sum(dim=1)
        if self.config.loss == "warp":
            loss = self.warp(bought, candidate_scores(users, user, items, sampled))
        else:
            pairwise = bpr if self.config.loss == "bpr" else logistic
            loss = pairwise(bought, rows @ embedding(sampled, items).T, ~batch[3])
        return loss + 0.5 * self.config.regularization * self._penalty(user, item, sampled)

    def warp(self, bought: Tensor, others: Tensor) -> Tensor:
        """Return the mean of L(rank) times the hinge of the first sampled item that comes too near, 0 where none does.

        `bought` (B,) and `others` (B, N) are scores. The rank is estimated as (items - 1) / tries, rounded down, where
        tries is the place of that item from 1; L(n) = 1 + 1/2 + ... + 1/n.
        """
        hinge = 1.0 - bought[:, None] + others
        violating = hinge > 0.0
        first = violating.to(torch.uint8).argmax(dim=1, keepdim=True)
        harmonic = self.get_buffer("harmonic")
        weight = harmonic[(len(harmonic) - 1) // (first + 1)]
        return (weight * hinge.gather(1, first) * violating.gather(1, first)).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam or Adagrad."""
        if self.config.optimizer == "adagrad":
            return torch.optim.Adagrad(self.parameters(), lr=self.config.learning_rate)
        return torch.optim.Adam(self.parameters(), lr=self.config.learning_rate, fused=True)

    def weights(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the vectors and biases of users' and of items' features as they are, copied."""
        users, items = (part.detach().float().cpu().numpy().copy() for part in (self.users, self.items))
        return users, items

    def _summed(self, side: str, vectors: Tensor) -> Tensor:
        indptr, indices = self.get_buffer(f"{side}_indptr"), self.get_buffer(f"{side}_indices")
        return embedding_bag(indices, vectors, indptr, mode="sum", include_last_offset=True)

    def _penalty(self, user: Tensor, item: Tensor, sampled: Tensor) -> Tensor:
        users, items = (
            self._summed(side, vectors[:, :-1].square().sum(dim=1, keepdim=True))
            for side, vectors in (("user", self.users), ("item", self.items))
        )
        return users[user].mean() + items[item].mean() + items[sampled].mean()


def bpr(bought: Tensor, others: Tensor, free: Tensor) -> Tensor:
    """Return the mean of -log s(bought - other) over what users bought (B,) and the free ones of others (B, N)."""
    return _mean(softplus(others - bought[:, None]), free).mean()


def logistic(bought: Tensor, others: Tensor, free: Tensor) -> Tensor:
    """Return the mean of -log s(bought) and -log s(-other), the free ones of others (B, N) as much as bought (B,)."""
    return (softplus(-bought) + _mean(softplus(others), free)).mean()


def _mean(losses: Tensor, free: Tensor) -> Tensor:
    return losses.masked_fill(~free, 0.0).sum(dim=1) / free.sum(dim=1).clamp(min=1)

"""The Lightning module of LightGCN: its vectors, the way over the graph, its loss, its optimiser."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding

from shop_recommenders.pairs.candidate_scores import pairwise_loss

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from shop_recommenders.graphs.lightgcn import LightGcnConfig


class LightGcnModule(LightningModule):
    """Batches are users (B,), items (B,), and sampled items (B, N), or (N,) and who bought which of them (B, N)."""

    def __init__(
        self, users: NDArray[np.float32], items: NDArray[np.float32], graph: csr_matrix, config: LightGcnConfig
    ) -> None:
        super().__init__()
        self.users, self.items = nn.Parameter(torch.from_numpy(users)), nn.Parameter(torch.from_numpy(items))
        self.config = config
        # Plain tensors are moved and checkpointed by everything that knows modules; sparse ones are not by all.
        for name, matrix in (("forth", graph), ("back", graph.T.tocsr())):
            matrix.sort_indices()
            for part in ("indptr", "indices", "data"):
                self.register_buffer(f"{name}_{part}", torch.from_numpy(getattr(matrix, part).copy()), persistent=False)

    def averaged(self) -> tuple[Tensor, Tensor]:
        """Return the users' (U, d) and the items' (I, d) vectors, the mean over all layers (equations 3 and 4)."""
        shape = len(self.users), len(self.items)
        forth, back = self._graph("forth", shape), self._graph("back", shape[::-1])
        users: list[Tensor] = [self.users]
        items: list[Tensor] = [self.items]
        along = _Along.apply
        for _ in range(self.config.layers):
            further = along(forth, back, items[-1]), along(back, forth, users[-1])  # type: ignore[no-untyped-call]
            users.append(further[0])
            items.append(further[1])
        return torch.stack(users).mean(dim=0), torch.stack(items).mean(dim=0)

    def training_step(self, batch: tuple[Tensor, ...], _index: int) -> Tensor:
        """Return the mean loss of the batch's purchases (equation 15)."""
        user, item, negatives = batch[:3]
        users, items = self.averaged()
        scored = embedding(user, users), embedding(item, items), embedding(negatives, items)
        learned = embedding(user, self.users), embedding(item, self.items), embedding(negatives, self.items)
        return pairwise_loss(*scored, batch[3] if len(batch) > 3 else None, learned, self.config.regularization)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.config.learning_rate, fused=True)

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the users' and the items' averaged vectors as they are, copied."""
        with torch.no_grad():
            users, items = (part.float().cpu().numpy().copy() for part in self.averaged())
        return users, items

    def _graph(self, name: str, shape: tuple[int, int]) -> Tensor:
        indptr, indices, data = (getattr(self, f"{name}_{part}") for part in ("indptr", "indices", "data"))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
            return torch.sparse_csr_tensor(indptr, indices, data, size=shape, check_invariants=False)


class _Along(torch.autograd.Function):
    """Product of a sparse matrix with vectors; its transpose is at hand, and made by nobody on the way back."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, vectors: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ vectors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0]

"""The two tables of item2vec: vectors of items, and vectors of items as the company of others."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from shop_recommenders.sequences.losses import bce
from shop_recommenders.sequences.next_item_module import ItemTable


class Item2VecModule(LightningModule):
    """Skip-gram with negative sampling over pairs of items."""

    def __init__(self, catalogue: int, size: int, learning_rate: float) -> None:
        super().__init__()
        self.items, self.company = ItemTable(catalogue, size), ItemTable(catalogue, size)
        self.learning_rate = learning_rate

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:  # noqa: ARG002 - Lightning's
        """Return the loss of the batch's pairs."""
        own = embedding(batch["items"], self.items(batch["vocabulary"]))
        return bce(own, batch["target"], batch["negatives"], self.company(batch["vocabulary"]))

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Return the mean direction (B, d) of items (B, L), padded behind."""
        total = (normalize(self.items(items), dim=2)).sum(dim=1)
        return total / lengths[:, None]

    def directions(self) -> Tensor:
        """Return the items' vectors (I, d), each of length 1."""
        return normalize(self.items.vectors(), dim=1)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)


def drawn_as_word2vec_does(module: Item2VecModule, seed: int) -> None:
    """Draw items' vectors uniformly within 0.5 / d, and those of company as 0."""
    size = module.items.table.weight.shape[1]
    bound = 0.5 / size
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        nn.init.uniform_(module.items.table.weight, -bound, bound, generator=generator)
        module.items.table.weight[module.items.catalogue] = 0.0
        module.company.table.weight.zero_()

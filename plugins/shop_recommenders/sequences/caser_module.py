"""The network of Caser: the last items of a user as an image, convolved along time and along dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding

from shop_recommenders.sequences.next_item_module import ItemTable

if TYPE_CHECKING:
    from torch.optim import Optimizer


class CaserModule(LightningModule):
    """Windows (B, L) of items and their users (B,), -1 for strangers, to states (B, 2 d + 1) of sequence and user.

    The vectors of the items that states are compared with have a bias behind them, which the state's last value, 1,
    takes in.
    """

    def __init__(
        self,
        users: int,
        catalogue: int,
        loss: Callable[..., Tensor],
        *,
        size: int,
        window: int,
        horizontal: int,
        vertical: int,
        dropout: float,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        super().__init__()
        self.loss, self.learning_rate, self.weight_decay = loss, learning_rate, weight_decay
        self.items = ItemTable(catalogue, size)
        self.users = nn.Embedding(users, size)
        # Convolutions over a whole side of the image, written as products: faster, and alike for every row of a batch.
        self.along_time = nn.ModuleList(nn.Linear(height * size, horizontal) for height in range(1, window + 1))
        self.along_dimensions = nn.Linear(window, vertical) if vertical else None
        self.dropout = nn.Dropout(dropout)
        self.joined = nn.Linear(horizontal * window + vertical * size, size)
        self.next_items = ItemTable(catalogue, 2 * size + 1)

    def forward(self, items: Tensor, users: Tensor) -> Tensor:
        """Return the states; a stranger has the average user's vector."""
        image = self.items(items)
        parts = []
        for height, along in enumerate(self.along_time, 1):
            strips = image.unfold(1, height, 1).transpose(2, 3).flatten(2)
            parts.append(torch.relu(along(strips)).amax(dim=1))
        if self.along_dimensions is not None:
            parts.append(self.along_dimensions(image.transpose(1, 2)).flatten(1))
        state = torch.relu(self.joined(self.dropout(torch.cat(parts, dim=1))))
        own = self.users(users.clamp(min=0))
        own = torch.where((users >= 0)[:, None], own, self.users.weight.mean(dim=0))
        return torch.cat([state, own, state.new_ones((len(state), 1))], dim=1)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:  # noqa: ARG002 - Lightning's
        """Return the loss over the items that followed each window."""
        states = self(batch["items"], batch["users"])[batch["places"]]
        table = self.next_items(batch["vocabulary"])
        return self.loss(states, batch["target"], batch["negatives"], table)

    def item_vectors(self) -> Tensor:
        """Return the vectors (I, 2 d + 1) that states are compared with."""
        return embedding(torch.arange(self.items.catalogue, device=self.device), self.next_items.table.weight)

    def configure_optimizers(self) -> Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay, fused=True)


def drawn_as_the_authors_do(module: CaserModule, seed: int) -> None:
    """Draw vectors normally with deviation 1 / d, those of the next items too, and biases of items as 0."""
    generator = torch.Generator().manual_seed(seed)
    size = module.users.weight.shape[1]
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.ndim > 1 and "table" not in name and not name.startswith("users"):
                nn.init.xavier_uniform_(weight, generator=generator)
            elif weight.ndim > 1:
                weight.normal_(0.0, 1.0 / size, generator=generator)
            else:
                weight.zero_()
        module.items.table.weight[module.items.catalogue] = 0.0
        module.next_items.table.weight[:, -1] = 0.0

"""The Lightning module of every model here that points from a hidden state to the item taken next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding

if TYPE_CHECKING:
    from torch.optim import Optimizer


class ItemTable(nn.Module):
    """Vectors of the items 0 to `catalogue` - 1, and behind them one for padding, which is 0, and `more` others."""

    def __init__(self, catalogue: int, size: int, more: int = 0) -> None:
        super().__init__()
        self.catalogue = catalogue
        self.table = nn.Embedding(catalogue + 1 + more, size, padding_idx=catalogue)

    def forward(self, items: Tensor) -> Tensor:
        """Return the vectors of items of any shape."""
        found: Tensor = self.table(items)
        return found

    def vectors(self) -> Tensor:
        """Return the items' vectors (I, d)."""
        return self.table.weight[: self.catalogue]


class NextItem(LightningModule):
    """Trains vectors of items and an `encoder` of sequences of them by `loss`, with Adam.

    `encoder(vectors, lengths)` takes the items' vectors (B, L, d), padded behind, and how many of each row are real
    (B,), and returns hidden states (B, L, d). `item_dropout` is the share of the items' values that a step leaves out.
    `log_share` (I + 1,), where given, is handed to the loss: the logarithms of the items' probabilities as negatives.
    """

    def __init__(
        self,
        items: ItemTable,
        encoder: nn.Module,
        loss: Callable[..., Tensor],
        *,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        item_dropout: float = 0.0,
        log_share: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.log_share: Tensor | None
        self.items, self.encoder, self.loss = items, encoder, loss
        self.learning_rate, self.betas, self.item_dropout = learning_rate, betas, item_dropout
        self.register_buffer("log_share", log_share, persistent=False)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:  # noqa: ARG002 - Lightning's
        """Return the loss over the batch's places that have a target."""
        vocabulary = batch.get("vocabulary")
        table = self.items.table.weight if vocabulary is None else self.items(vocabulary)
        # The same values of an item are left out wherever it comes up in the batch, going in and compared with.
        table = dropout(table, self.item_dropout)
        hidden = self.encoder(embedding(batch["items"], table), batch["lengths"]).flatten(0, 1)[batch["places"]]
        if vocabulary is None:
            return self.loss(hidden, batch["target"], None, table[: self.items.catalogue])
        if self.log_share is None:
            return self.loss(hidden, batch["target"], batch["negatives"], table)
        return self.loss(hidden, batch["target"], batch["negatives"], table, log_share=self.log_share[vocabulary])

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Return the hidden states (B, L, d) of items (B, L), padded behind."""
        found: Tensor = self.encoder(self.items(items), lengths)
        return found

    def configure_optimizers(self) -> Optimizer:
        """Return Adam, all of whose parameters take one step in one go."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, betas=self.betas, fused=True)


class PlacesFromTheEnd(nn.Module):
    """A learned vector for each place, counted back from a sequence's last item.

    So the newest item has the same place in every sequence, as if all were padded in front to the same length.
    """

    def __init__(self, places: int, size: int) -> None:
        super().__init__()
        self.table = nn.Embedding(places, size)

    def forward(self, width: int, lengths: Tensor) -> Tensor:
        """Return the vectors (B, width, d) of sequences of `lengths` (B,); those of padding mean nothing."""
        back = lengths[:, None] - 1 - torch.arange(width, device=lengths.device)
        found: Tensor = self.table(back.clamp(min=0))
        return found


def drawn_afresh(module: nn.Module, seed: int) -> None:
    """Draw matrices as Glorot and Bengio (AISTATS 2010) do, normally, biases as 0, the padding's vector as 0."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in module.named_parameters():
        if weight.ndim > 1:
            nn.init.xavier_normal_(weight, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(weight)
    for part in module.modules():
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[part.padding_idx] = 0.0

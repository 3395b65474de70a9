"""Networks of tables: a perceptron on all columns, and a Transformer whose words are the columns."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class Perceptron(nn.Module):
    """Columns (n, D) through hidden layers of `width` to a logit (n,)."""

    def __init__(self, columns: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [columns, *[width] * layers]
        hidden = [
            part
            for before, after in pairwise(sizes)
            for part in (nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout))
        ]
        self.whole = nn.Sequential(*hidden, nn.Linear(sizes[-1], 1))

    def forward(self, columns: Tensor) -> Tensor:
        """Return the logits."""
        found: Tensor = self.whole(columns).squeeze(-1)
        return found


class FtTransformer(nn.Module):
    """Numbers (n, F) and codes (n, C) as F + C words of `size` behind a first one, whose last state gives the logit.

    A number's word is its value times a learned direction, plus a learned one; a level's is looked up.
    """

    def __init__(
        self, numbers: int, levels: tuple[int, ...], size: int, layers: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(size) * size**-0.5)
        self.direction = nn.Parameter(torch.randn(numbers, size) * size**-0.5)
        self.start = nn.Parameter(torch.randn(numbers, size) * size**-0.5)
        self.levels = nn.ModuleList(nn.Embedding(known + 1, size) for known in levels)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(size, heads, 2 * size, dropout, "gelu", batch_first=True, norm_first=True)
            for _ in range(layers)
        )
        self.out = nn.Sequential(nn.LayerNorm(size), nn.ReLU(), nn.Linear(size, 1))

    def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
        """Return the logits (n,)."""
        words = [
            self.first.expand(len(numbers), 1, -1),
            numbers.unsqueeze(-1) * self.direction + self.start,
            *(level(codes[:, place, None]) for place, level in enumerate(self.levels)),
        ]
        states = torch.cat(words, dim=1)
        for block in self.blocks:
            states = block(states)
        found: Tensor = self.out(states[:, 0]).squeeze(-1)
        return found

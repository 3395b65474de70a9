"""The network of BERT4Rec: attention to both sides of a hidden item."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from shop_recommenders.sequences.next_item_module import PlacesFromTheEnd
from shop_recommenders.sequences.sasrec_module import Attention


class BertBlock(nn.Module):
    """Attention, then a feed-forward layer four times as wide, each added and then normalised."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(size, heads, dropout)
        self.feed_forward = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))
        self.after_attention, self.after_feed_forward = nn.LayerNorm(size), nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, seen: Tensor) -> Tensor:
        """Return states of the same shape (B, L, d); `seen` (B, 1, 1, L) are the places that hold an item."""
        states = self.after_attention(states + self.dropout(self.attention(states, states, seen)))
        found: Tensor = self.after_feed_forward(states + self.dropout(self.feed_forward(states)))
        return found


class BertEncoder(nn.Module):
    """Vectors of items (B, L, d) and of their places through the blocks, and a last layer before items are compared."""

    def __init__(self, *, size: int, blocks: int, heads: int, dropout: float, max_length: int) -> None:
        super().__init__()
        self.places = PlacesFromTheEnd(max_length, size)
        self.before = nn.Sequential(nn.LayerNorm(size), nn.Dropout(dropout))
        self.blocks = nn.ModuleList(BertBlock(size, heads, dropout) for _ in range(blocks))
        self.out = nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.LayerNorm(size))

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the states (B, L, d) of all places."""
        width = vectors.shape[1]
        states = self.before(vectors + self.places(width, lengths))
        seen = (torch.arange(width, device=lengths.device) < lengths[:, None])[:, None, None, :]
        for block in self.blocks:
            states = block(states, seen)
        found: Tensor = self.out(states)
        return found

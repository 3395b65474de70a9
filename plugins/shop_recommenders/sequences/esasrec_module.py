"""The network of eSASRec: SASRec's, with gated layers in place of its blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from shop_recommenders.sequences.next_item_module import PlacesFromTheEnd
from shop_recommenders.sequences.sasrec_module import Attention


class SwiGlu(nn.Module):
    """W3 (silu(W1 x) * W2 x), with `inner` values in between: Shazeer, "GLU variants improve transformer", 2020."""

    def __init__(self, size: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.gate_and_value = nn.Linear(size, 2 * inner, bias=False)
        self.out = nn.Linear(inner, size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Return values of the same shape (B, L, d)."""
        gate, value = self.gate_and_value(states).chunk(2, dim=-1)
        found: Tensor = self.out(self.dropout(silu(gate) * value))
        return found


class LigrBlock(nn.Module):
    """x + sigmoid(W x) * f(norm(x)), for f attention and then SwiGLU: the gate says how much each layer may change."""

    def __init__(self, size: int, heads: int, dropout: float, widening: int) -> None:
        super().__init__()
        self.before_attention, self.before_feed_forward = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = Attention(size, heads, dropout)
        self.feed_forward = SwiGlu(size, widening * size, dropout)
        self.attention_gate, self.feed_forward_gate = nn.Linear(size, size), nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor) -> Tensor:
        """Return states of the same shape (B, L, d)."""
        asking = self.before_attention(states)
        change = self.dropout(self.attention(asking, asking))
        states = states + torch.sigmoid(self.attention_gate(states)) * change
        change = self.dropout(self.feed_forward(self.before_feed_forward(states)))
        found: Tensor = states + torch.sigmoid(self.feed_forward_gate(states)) * change
        return found


class EsasRecEncoder(nn.Module):
    """Vectors of items (B, L, d) and of their places, through the gated blocks."""

    def __init__(self, *, size: int, blocks: int, heads: int, dropout: float, widening: int, max_length: int) -> None:
        super().__init__()
        self.places = PlacesFromTheEnd(max_length, size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(LigrBlock(size, heads, dropout, widening) for _ in range(blocks)))

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the states (B, L, d) after each item."""
        found: Tensor = self.blocks(self.dropout(vectors + self.places(vectors.shape[1], lengths)))
        return found

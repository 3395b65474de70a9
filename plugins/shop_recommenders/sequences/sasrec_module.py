"""The network of SASRec: self-attention that looks back only."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from shop_recommenders.sequences.next_item_module import PlacesFromTheEnd


class Attention(nn.Module):
    """Multi-head attention; causal, unless `mask` (B, 1, L, L) says which place sees which."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key_value, self.out = nn.Linear(size, size), nn.Linear(size, 2 * size), nn.Linear(size, size)

    def forward(self, queries: Tensor, others: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return what each place of `queries` (B, L, d) gathers from `others` (B, L, d)."""
        query = self._by_head(self.query(queries))
        key, value = (self._by_head(part) for part in self.key_value(others).chunk(2, dim=-1))
        found = scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=mask is None,
        )
        gathered: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return gathered

    def _by_head(self, states: Tensor) -> Tensor:
        rows, width, _ = states.shape
        return states.view(rows, width, self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention, then a feed-forward layer on each place, as in the authors' code.

    The normalised states ask, the states themselves answer, and the residuals start from the normalised states.
    """

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.before_attention, self.before_feed_forward = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = Attention(size, heads, dropout)
        self.feed_forward = nn.Sequential(
            nn.Linear(size, size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(size, size), nn.Dropout(dropout)
        )

    def forward(self, states: Tensor) -> Tensor:
        """Return states of the same shape (B, L, d)."""
        asking = self.before_attention(states)
        states = self.before_feed_forward(asking + self.attention(asking, states))
        found: Tensor = states + self.feed_forward(states)
        return found


class SasRecEncoder(nn.Module):
    """Vectors of items (B, L, d) and of their places, through the blocks and a last normalisation."""

    def __init__(self, *, size: int, blocks: int, heads: int, dropout: float, max_length: int) -> None:
        super().__init__()
        self.places = PlacesFromTheEnd(max_length, size)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(size, heads, dropout) for _ in range(blocks))
        self.last = nn.LayerNorm(size)

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """Return the states (B, L, d) after each item."""
        states = self.dropout(vectors + self.places(vectors.shape[1], lengths))
        for block in self.blocks:
            states = block(states)
        found: Tensor = self.last(states)
        return found

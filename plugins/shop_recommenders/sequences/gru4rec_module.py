"""The network of GRU4Rec: a recurrent one, whose state after each item foretells the next."""

from __future__ import annotations

from torch import Tensor, nn


class GruEncoder(nn.Module):
    """Vectors of items (B, L, d) through gated recurrent layers, and back to vectors as long as the items'.

    Padding lies behind, so no state of a real item has seen it.
    """

    def __init__(self, *, size: int, hidden_size: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.GRU(
            size, hidden_size, num_layers=layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )
        self.out = nn.Linear(hidden_size, size)

    def forward(self, vectors: Tensor, lengths: Tensor) -> Tensor:  # noqa: ARG002 - as other encoders
        """Return the states (B, L, d) after each item."""
        states, _ = self.recurrent(self.dropout(vectors))
        found: Tensor = self.out(self.dropout(states))
        return found

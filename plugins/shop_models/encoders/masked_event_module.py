"""Masked events: some events are hidden, and said from all others: token, kind, price and gap.

Reference: Devlin, Chang, Lee, Toutanova, "BERT: Pre-training of deep bidirectional transformers", NAACL 2019, section
3.1, with events in place of words; a hidden one is always behind the mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from shop_models.encoders.network_module import Batch, EventHeads, Events

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shop_models.encoders.event_sequences import EventSequences
    from shop_models.encoders.network_module import EventNetwork


class MaskedEvent(nn.Module):
    """Each event is hidden with probability `share`, at least one of every sequence."""

    causal = False
    unit = False

    def __init__(self, events: Events, size: int, *, share: float = 0.15) -> None:
        super().__init__()
        self.share = share
        self.mask = nn.Parameter(torch.zeros(1, size))
        self.heads = EventHeads(events, size)

    def draw(self, sequences: EventSequences, rows: NDArray[np.intp], rng: np.random.Generator) -> tuple[Batch, Tensor]:
        """Return the sequences of the users `rows`, and which events (B, L) are hidden."""
        batch = Batch.of(sequences.take(rows))
        draw = torch.from_numpy(rng.random(tuple(batch.real.shape))).masked_fill(~batch.real, 2.0)
        hidden = (draw < self.share) | ((draw == draw.min(dim=1, keepdim=True).values) & batch.real)
        return batch, hidden

    def forward(self, network: EventNetwork, drawn: tuple[Batch, Tensor]) -> Tensor:
        """Return the loss over the hidden events."""
        batch, hidden = drawn
        vectors = torch.where(hidden.unsqueeze(-1), self.mask, network.events(batch))
        states = network.states(vectors, batch)
        numbers = network.events.standard(batch)
        found: Tensor = self.heads(states[hidden], batch.token[hidden], batch.kind[hidden], numbers[hidden])
        return found

"""Next event: the state after each event foretells the one after it: its token, its kind, its price and its gap.

Reference: Radford, Narasimhan, Salimans, Sutskever, "Improving language understanding by generative pre-training",
2018, with events in place of words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from shop_models.encoders.network_module import Batch, EventHeads, Events

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from shop_models.encoders.event_sequences import EventSequences
    from shop_models.encoders.network_module import EventNetwork


class NextEvent(nn.Module):
    """Every event but a sequence's first is a target."""

    causal = True
    unit = False

    def __init__(self, events: Events, size: int) -> None:
        super().__init__()
        self.heads = EventHeads(events, size)

    def draw(
        self,
        sequences: EventSequences,
        rows: NDArray[np.intp],
        rng: np.random.Generator,  # noqa: ARG002 - nothing is drawn
    ) -> tuple[Batch]:
        """Return the sequences of the users `rows`, each of two events or more."""
        return (Batch.of(sequences.take(rows)),)

    def forward(self, network: EventNetwork, drawn: tuple[Batch]) -> Tensor:
        """Return the loss over all events but the first ones."""
        (batch,) = drawn
        states = network.states(network.events(batch), batch)[:, :-1]
        asked = batch.real[:, 1:]
        numbers = network.events.standard(batch)[:, 1:]
        found: Tensor = self.heads(states[asked], batch.token[:, 1:][asked], batch.kind[:, 1:][asked], numbers[asked])
        return found

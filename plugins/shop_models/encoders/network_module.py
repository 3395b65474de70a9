"""Networks that read a user's events: convolutions, a recurrent one, or attention, over the same vectors of events.

Each gives a state after every event; a user's vector is the mean of the states. With `causal` a state has seen no later
event, which foretelling the next one needs; else it has seen both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from shop_recommenders.sequences.bert4rec_module import BertBlock

if TYPE_CHECKING:
    from shop_models.encoders.event_sequences import EventSequences


class Batch(NamedTuple):
    """Sequences padded behind: `token` and `kind` (B, L), `numbers` (B, L, 2), `lengths` (B,), and which are `real`."""

    token: Tensor
    kind: Tensor
    numbers: Tensor
    lengths: Tensor
    real: Tensor

    @staticmethod
    def of(sequences: EventSequences) -> Batch:
        """Return the sequences as a batch."""
        lengths = torch.from_numpy(sequences.lengths)
        width = int(lengths.max()) if len(lengths) else 0
        real = torch.arange(width) < lengths[:, None]
        token = torch.zeros(real.shape, dtype=torch.long)
        kind = torch.zeros(real.shape, dtype=torch.long)
        numbers = torch.zeros((*real.shape, sequences.numbers.shape[1]))
        token[real] = torch.from_numpy(sequences.token)
        kind[real] = torch.from_numpy(sequences.kind)
        numbers[real] = torch.from_numpy(sequences.numbers).float()
        return Batch(token, kind, numbers, lengths, real)


class Events(nn.Module):
    """Vectors (B, L, d) of events: one for the token, one for the kind, and one linear in the standardised numbers."""

    def __init__(self, tokens: int, kinds: int, size: int, center: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.center: Tensor
        self.scale: Tensor
        self.token, self.kind = nn.Embedding(tokens + 1, size), nn.Embedding(kinds + 1, size)
        self.numbers = nn.Linear(len(center), size)
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)

    def forward(self, batch: Batch) -> Tensor:
        """Return the vectors; those of padding mean nothing."""
        found: Tensor = self.token(batch.token) + self.kind(batch.kind) + self.numbers(self.standard(batch))
        return found

    def standard(self, batch: Batch) -> Tensor:
        """Return the events' numbers (B, L, 2) as z-scores."""
        return (batch.numbers - self.center) / self.scale


class EventNetwork(nn.Module):
    """Events to states and to a vector of the user."""

    def __init__(self, events: Events, network: str, *, size: int, layers: int, causal: bool) -> None:
        super().__init__()
        self.events = events
        if network == "gru":
            self.body: nn.Module = Gru(size, layers, causal=causal)
        elif network == "cnn":
            self.body = Cnn(size, layers, causal=causal)
        else:
            self.body = Transformer(size, layers, causal=causal)

    def states(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Return the state (B, L, d) at each event, from the events' vectors."""
        found: Tensor = self.body(vectors, batch)
        return found

    def forward(self, batch: Batch) -> Tensor:
        """Return the users' vectors (B, d), the means of their states."""
        states = self.states(self.events(batch), batch)
        kept = batch.real.unsqueeze(-1).to(states.dtype)
        return (states * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1.0)


class Gru(nn.Module):
    """Gated recurrent layers; two directions of half the width each unless causal."""

    def __init__(self, size: int, layers: int, *, causal: bool) -> None:
        super().__init__()
        width = size if causal else size // 2
        self.recurrent = nn.GRU(size, width, num_layers=layers, batch_first=True, bidirectional=not causal)

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Return states (B, L, d)."""
        packed = pack_padded_sequence(vectors, batch.lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True, total_length=vectors.shape[1])
        return states


class Cnn(nn.Module):
    """Residual convolutions of width 3, each layer twice as far apart as the one before (Bai, Kolter, Koltun 2018)."""

    def __init__(self, size: int, layers: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.layers = nn.ModuleList(nn.Conv1d(size, size, 3, dilation=2**layer) for layer in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(layers))

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Return states (B, L, d)."""
        kept = batch.real.unsqueeze(-1).to(vectors.dtype)
        states = vectors * kept
        for depth, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            reach = 2**depth
            edges = (2 * reach, 0) if self.causal else (reach, reach)
            found = torch.relu(layer(pad(norm(states).mul(kept).transpose(1, 2), edges)))
            states = (states + found.transpose(1, 2)) * kept
        last: Tensor = states
        return last


class Transformer(nn.Module):
    """BERT's blocks with two heads, where a convolution of width 3 says what stands beside what.

    A slice of a sequence may begin anywhere, so a place counted from an end means nothing; relative places by a
    convolution: Baevski, Zhou, Mohamed, Auli, "wav2vec 2.0", NeurIPS 2020, section 2.
    """

    def __init__(self, size: int, layers: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.places = nn.Conv1d(size, size, 3)
        self.before = nn.LayerNorm(size)
        self.blocks = nn.ModuleList(BertBlock(size, 2, 0.0) for _ in range(layers))

    def forward(self, vectors: Tensor, batch: Batch) -> Tensor:
        """Return states (B, L, d)."""
        width = vectors.shape[1]
        near = (vectors * batch.real.unsqueeze(-1)).transpose(1, 2)
        places = self.places(pad(near, (2, 0) if self.causal else (1, 1))).transpose(1, 2)
        seen = batch.real[:, None, None, :]
        if self.causal:
            seen = seen & torch.ones((width, width), dtype=torch.bool, device=seen.device).tril()
        states = self.before(vectors + gelu(places))
        for block in self.blocks:
            states = block(states, seen)
        last: Tensor = states
        return last


class EventHeads(nn.Module):
    """What is said of an event from a state: its token, its kind and its numbers; and how wrong that is."""

    def __init__(self, events: Events, size: int) -> None:
        super().__init__()
        self.token = nn.Linear(size, events.token.num_embeddings)
        self.kind = nn.Linear(size, events.kind.num_embeddings)
        self.numbers = nn.Linear(size, len(events.center))

    def forward(self, states: Tensor, token: Tensor, kind: Tensor, numbers: Tensor) -> Tensor:
        """Return the mean loss over N events: cross-entropies of token and kind, squared errors of z-scores."""
        entropy = nn.functional.cross_entropy
        wrong = (self.numbers(states) - numbers).square().mean()
        found: Tensor = entropy(self.token(states), token) + entropy(self.kind(states), kind) + wrong
        return found

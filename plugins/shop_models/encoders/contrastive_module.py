"""CoLES: slices of one user's events belong together, slices of different users do not.

loss = mean over pairs of one user of d^2 + mean over the hardest pairs of different users of max(0, margin - d)^2, with
d the distance of the slices' unit vectors; slices have uniform random length and place. References: Babaev et al.,
"CoLES: Contrastive learning for event sequences with self-supervision", SIGMOD 2022 (random slices, algorithm 1);
Hadsell, Chopra, LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006 (the loss).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from shop_models.encoders.network_module import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shop_models.encoders.event_sequences import EventSequences
    from shop_models.encoders.network_module import EventNetwork


class Contrastive(nn.Module):
    """Draws slices and compares them. `shortest` is their least length, `share` the most of a user's events in one."""

    causal = True
    unit = True
    """The vectors that are learned have length 1."""

    def __init__(
        self, *, slices: int = 5, shortest: int = 5, share: float = 0.7, margin: float = 0.5, hardest: int = 5
    ) -> None:
        super().__init__()
        self.slices, self.shortest, self.share = slices, shortest, share
        self.margin, self.hardest = margin, hardest

    def draw(self, sequences: EventSequences, rows: NDArray[np.intp], rng: np.random.Generator) -> tuple[Batch, Tensor]:
        """Return slices of the users `rows`, and whose each is."""
        users = np.repeat(rows, self.slices)
        first, lengths = drawn_slices(sequences.lengths[users], self.shortest, self.share, rng)
        return Batch.of(sequences.cut(users, first, lengths)), torch.from_numpy(users)

    def forward(self, network: EventNetwork, drawn: tuple[Batch, Tensor]) -> Tensor:
        """Return the loss of what was drawn."""
        slices, users = drawn
        return contrastive_loss(normalize(network(slices), dim=1), users, self.margin, self.hardest)


def drawn_slices(
    lengths: NDArray[np.int64], shortest: int, share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where a random slice of each sequence begins and how long it is, both (n,).

    Its length is uniform from `shortest` to the `share` of the sequence's own (which it never exceeds), its place is
    uniform among those where it fits.
    """
    least = np.minimum(shortest, lengths)
    most = np.maximum(least, np.floor(share * lengths).astype(np.int64))
    drawn = rng.integers(least, most + 1)
    return rng.integers(0, lengths - drawn + 1), drawn


def contrastive_loss(vectors: Tensor, users: Tensor, margin: float, hardest: int) -> Tensor:
    """Return the loss of N vectors (N, d) of `users` (N,); each has its `hardest` nearest strangers as negatives."""
    # The root has no slope at 0, where a vector meets itself or its equal.
    squared = (2.0 - 2.0 * vectors @ vectors.T).clamp(min=0.0)
    same = users[:, None] == users
    upper = torch.ones_like(same).triu(diagonal=1)
    alike = squared[same & upper].mean() if bool((same & upper).any()) else squared.sum() * 0.0
    near = squared.masked_fill(same, float("inf")).topk(min(hardest, len(users)), dim=1, largest=False).values
    near = near[torch.isfinite(near)]
    if not len(near):
        return alike
    apart = (margin - (near + 1e-12).sqrt()).clamp(min=0.0).square().mean()
    found: Tensor = alike + apart
    return found

"""Negatives: items that a user did not take next, drawn for a loss that cannot look at the whole catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Sampling = Literal["uniform", "popularity", "in_batch"]
"""Every item alike; by the power of how often it was taken; or other targets of the batch."""


@dataclass(frozen=True)
class Negatives:
    """Draws `count` negatives for a whole batch (`shared`) or for each of its targets.

    With replacement, and without a look at the target: a loss masks negatives that are the target. `share` (I,) is the
    probability of each item, which sums to 1. Targets of other rows ("in_batch") come up as often as they are taken.
    """

    sampling: Sampling
    count: int
    shared: bool
    share: NDArray[np.float64]

    @staticmethod
    def by(sampling: Sampling, count: int, taken: NDArray[np.integer], *, power: float, shared: bool) -> Negatives:
        """Return the sampler for items that were taken `taken` (I,) times.

        Probabilities are taken^power / sum(taken^power) under "popularity" and taken / sum(taken) under "in_batch";
        items never taken are drawn under "uniform" alone.
        """
        exponent = {"uniform": 0.0, "popularity": power, "in_batch": 1.0}[sampling]
        weight = np.where((taken > 0) | (sampling == "uniform"), np.maximum(taken, 1).astype(np.float64) ** exponent, 0)
        return Negatives(sampling, count, shared, weight / weight.sum())

    def draw(self, targets: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return negatives (count,) if shared, else (n, count), for targets (n,)."""
        shape = (self.count,) if self.shared else (len(targets), self.count)
        if self.sampling == "uniform":
            return rng.integers(len(self.share), size=shape)
        if self.sampling == "in_batch":
            return targets[rng.integers(len(targets), size=shape)].astype(np.int64)
        bounds = np.cumsum(self.share)
        return np.searchsorted(bounds / bounds[-1], rng.random(shape), side="right").astype(np.int64)

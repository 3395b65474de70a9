"""Greedy: show the recommender's first items.

Reference: Sutton and Barto, "Reinforcement Learning" (2018), section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Actions, Queries, Slates


@dataclass(frozen=True)
class GreedyConfig:
    """Nothing to set."""


class Greedy:
    """The first `queries.positions` candidates in the recommender's order, with propensity 1."""

    Config = GreedyConfig

    def __init__(self, config: GreedyConfig) -> None:
        self.config = config

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:  # noqa: ARG002 - protocol
        """Return the head of each slate; positions beyond the candidates hold -1. `rng` is left alone."""
        items = np.full((len(queries), queries.positions), -1, dtype=np.int32)
        width = min(queries.positions, slates.items.shape[1])
        items[:, :width] = slates.items[:, :width]
        return Actions(items, np.ones(items.shape))

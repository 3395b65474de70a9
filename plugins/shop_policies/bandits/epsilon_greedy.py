"""Epsilon-greedy over the positions of a page, with exact propensities.

Position by position: with probability 1 - epsilon the best candidate not yet shown, with probability epsilon one drawn
uniformly from all candidates not yet shown (the best among them). Reference: Sutton and Barto, "Reinforcement
Learning" (2018), section 2.2.

The propensity of an item at a position is marginal over what the positions before it could have shown. It depends only
on the item's rank r and the number of candidates C. Let g be the best rank not yet shown when position p is filled.
Given g, the other t = p - g shown ranks are a uniform sample of the M = C - 1 - g ranks after g, as nothing but
exploration has chosen them. So a pass over (p, g) gives every marginal exactly: rank g is taken with probability
1 - epsilon + epsilon / (C - p), a rank after it with (1 - t / M) epsilon / (C - p).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Queries, Slates

_BLOCK = 65_536


@dataclass(frozen=True)
class EpsilonGreedyConfig:
    """`epsilon`: probability with which a position explores, from 0 to 1."""

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        if not 0.0 <= self.epsilon <= 1.0:
            raise ConfigError(f"epsilon_greedy's epsilon is {self.epsilon}", allowed="a number from 0 to 1")


class EpsilonGreedy:
    """Explores uniformly among the slate's candidates, so it never shows what the recommender did not rank."""

    Config = EpsilonGreedyConfig

    def __init__(self, config: EpsilonGreedyConfig) -> None:
        self.epsilon = config.epsilon

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates with their marginal propensities.

        Positions beyond a query's candidates hold -1, with propensity 1. Same `rng` state, same actions.
        """
        n, positions = len(queries), queries.positions
        items = np.full((n, positions), -1, dtype=np.int32)
        propensities = np.ones((n, positions))
        for start in range(0, n, _BLOCK):
            rows = slice(start, min(start + _BLOCK, n))
            candidates = slates.items[rows]
            counts = (candidates >= 0).sum(axis=1)
            ranks = self._choose(candidates, counts, positions, rng)
            filled = ranks >= 0
            items[rows][filled] = np.take_along_axis(candidates, ranks.clip(min=0), axis=1)[filled]
            distinct, table = np.unique(counts, return_inverse=True)
            tables = np.stack([position_probabilities(int(c), positions, self.epsilon, ranks.max()) for c in distinct])
            places = np.arange(positions)[None, :]
            propensities[rows][filled] = tables[table[:, None], places, ranks.clip(min=0)][filled]
        return Actions(items, propensities)

    def _choose(
        self, candidates: NDArray[np.int32], counts: NDArray[np.intp], positions: int, rng: np.random.Generator
    ) -> NDArray[np.intp]:
        n = len(candidates)
        ranks = np.full((n, positions), -1, dtype=np.intp)
        left = candidates >= 0
        chance = rng.random((n, positions, 2))
        for position in range(min(positions, candidates.shape[1])):
            open_rows = counts > position
            choice = left.argmax(axis=1)
            explores = np.flatnonzero(open_rows & (chance[:, position, 0] < self.epsilon))
            if len(explores):
                remaining = counts[explores] - position
                nth = np.minimum((chance[explores, position, 1] * remaining).astype(np.intp), remaining - 1)
                choice[explores] = (left[explores].cumsum(axis=1) == nth[:, None] + 1).argmax(axis=1)
            rows = np.flatnonzero(open_rows)
            ranks[rows, position] = choice[rows]
            left[rows, choice[rows]] = False
        return ranks


def position_probabilities(
    candidates: int, positions: int, epsilon: float, last: int | None = None
) -> NDArray[np.float64]:
    """Return the probability (positions, candidates) that the item of each rank is shown at each position.

    Rows of positions that candidates can fill sum to 1, the others are 0. `last`, where given, is the highest rank
    asked for, and the result has max(last + 1, 1) columns.
    """
    table = np.zeros((positions, candidates))
    pointer = np.zeros(candidates + 1)
    pointer[0] = 1.0
    for position in range(min(positions, candidates)):
        explored = epsilon / (candidates - position)
        taken = 1.0 - epsilon + explored
        moved = np.zeros_like(pointer)
        for best in range(position + 1):
            weight, shown, after = pointer[best], position - best, candidates - 1 - best
            table[position, best] += weight * taken
            if after > shown:
                table[position, best + 1 :] += weight * explored * (1.0 - shown / after)
                moved[best] += weight * (1.0 - taken)
            run = weight * taken
            for skipped in range(min(shown, after - 1) + 1):
                is_shown = (shown - skipped) / (after - skipped)
                moved[best + 1 + skipped] += run * (1.0 - is_shown)
                run *= is_shown
        pointer = moved
    if last is None:
        return table
    width = max(int(last) + 1, 1)
    cut = np.zeros((positions, width))
    cut[:, : min(width, candidates)] = table[:, :width]
    return cut

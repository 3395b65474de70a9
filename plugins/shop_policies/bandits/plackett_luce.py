"""Pages drawn by Plackett and Luce: each position one of the items left, with chance proportional to its weight.

The marginal probability of an item at a position averages, over the pages that may stand before it, its share of the
weight left: so it is estimated by averaging that share over pages drawn, which is exact at the first position and has
less variance than counting hits. Reference: Plackett, "The analysis of permutations", Applied Statistics 1975.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.records import Actions, Queries, Slates

_CELLS = 1 << 21


def plackett_luce_pages(
    queries: Queries, slates: Slates, log_weights: NDArray[np.float64], draws: int, rng: np.random.Generator
) -> Actions:
    """Return pages of the candidates whose weights (n, C) are given as logarithms, with their propensities.

    Propensities average over `draws` further pages and the one shown, so none is 0. Positions beyond a query's
    candidates hold -1, with propensity 1.
    """
    n, positions = len(queries), queries.positions
    items = np.full((n, positions), -1, dtype=np.int32)
    propensities = np.ones((n, positions))
    width = min(positions, slates.items.shape[1])
    if n and width:
        weights = np.where(slates.items < 0, -np.inf, log_weights)
        keys = weights + rng.gumbel(size=weights.shape)
        ranks = np.argsort(-keys, axis=1, kind="stable")[:, :width]
        items[:, :width] = np.take_along_axis(slates.items, ranks, axis=1)
        step = max(1, _CELLS // (weights.shape[1] * (draws + 1)))
        for start in range(0, n, step):
            rows = slice(start, start + step)
            share = _marginals(weights[rows], keys[rows], ranks[rows], draws if width > 1 else 0, rng)
            propensities[rows, :width] = np.where(items[rows, :width] >= 0, share, 1.0)
    return Actions(items, propensities)


def _marginals(
    weights: NDArray[np.float64],
    keys: NDArray[np.float64],
    ranks: NDArray[np.intp],
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the estimated probability of each shown rank (n, width)."""
    n, count = weights.shape
    again = weights[:, None] + rng.gumbel(size=(n, draws, count))
    every = np.concatenate([keys[:, None], again], axis=1)
    order = np.argsort(-every, axis=2, kind="stable")
    drawn = np.take_along_axis(np.broadcast_to(weights[:, None], every.shape), order, axis=2)
    # From the last to the first, as a difference from the total would lose a small rest.
    left = np.logaddexp.accumulate(drawn[:, :, ::-1], axis=2)[:, :, ::-1]
    place_of = np.argsort(order, axis=2)
    share = np.zeros(ranks.shape)
    for place in range(ranks.shape[1]):
        own = ranks[:, [place]]
        still = np.take_along_axis(place_of, np.broadcast_to(own[:, None], (n, draws + 1, 1)), axis=2)[:, :, 0] >= place
        weight = np.take_along_axis(weights, own, axis=1)
        known = np.isfinite(weight)
        gap = np.where(known, weight, 0.0) - np.where(known, left[:, :, place], 0.0)
        share[:, place] = np.where(still, np.exp(np.minimum(gap, 0.0)), 0.0).mean(axis=1)
    return share

"""Pages by an index: the highest come first, ties in random order, with exact propensities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.records import Actions, Queries, Slates


def pages_by_index(queries: Queries, slates: Slates, index: NDArray[np.float64], rng: np.random.Generator) -> Actions:
    """Return the candidates with the highest `index` (n, C); it may be infinite, and counts nothing where none is.

    Candidates of equal index are shuffled, all orders alike. So given the index, one of m that tie has probability 1/m
    at every position that they fill, and 1 where it stands alone: no other candidate could have been there.
    """
    n, positions = len(queries), queries.positions
    items = np.full((n, positions), -1, dtype=np.int32)
    propensities = np.ones((n, positions))
    width = min(positions, slates.items.shape[1])
    if n and width:
        empty = slates.items < 0
        chance = rng.random(empty.shape)
        ranks = np.lexsort((chance, np.where(empty, 0.0, -index), empty), axis=-1)[:, :width]
        items[:, :width] = np.take_along_axis(slates.items, ranks, axis=1)
        shown = np.take_along_axis(index, ranks, axis=1)
        for place in range(width):
            ties = ((index == shown[:, [place]]) & ~empty).sum(axis=1)
            propensities[:, place] = np.where(items[:, place] >= 0, 1.0 / np.maximum(ties, 1), 1.0)
    return Actions(items, propensities)

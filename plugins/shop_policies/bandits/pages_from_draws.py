"""Posterior sampling of pages: each shows the best of one draw, and further draws tell how probable that was.

Queries with equal candidates and equal posteriors share the draws behind their propensities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from framework.records import Actions, Queries, Slates

Parameters = tuple[NDArray[np.float64], ...]
"""Of one posterior a candidate, each array (g, C)."""
Posterior = Callable[[NDArray[np.intp], NDArray[np.int32]], Parameters]
"""Posterior of candidates (g, C) for g queries, given by their places."""
Sample = Callable[[np.random.Generator, Parameters, tuple[int, ...] | None], NDArray[np.float64]]
"""Draws from posteriors, of their own shape or of the one given."""

_CELLS = 1 << 21


def pages_from_draws(
    queries: Queries,
    slates: Slates,
    keys: NDArray[np.int32],
    posterior: Posterior,
    sample: Sample,
    draws: int,
    rng: np.random.Generator,
) -> Actions:
    """Return the candidates with the highest draws, best first, ties by the slate's order.

    `keys` (n, m) tell queries with different posteriors apart. Propensities are Monte Carlo estimates of the marginal
    probability, (1 + hits) / (1 + draws): the page shown counts among the draws, so none is 0, and their standard error
    is at most 0.5 / sqrt(draws). Positions beyond a query's candidates hold -1, with propensity 1.
    """
    n, positions = len(queries), queries.positions
    items = np.full((n, positions), -1, dtype=np.int32)
    propensities = np.ones((n, positions))
    width = min(positions, slates.items.shape[1])
    if n and width:
        for rows, group, first in _groups(keys, slates.items):
            candidates = slates.items[first]
            parameters = posterior(first, candidates)
            empty = candidates < 0
            ranks = best(sample(rng, tuple(own[group] for own in parameters), None), empty[group], width)
            share = _agreement(parameters, sample, ranks, group, empty, draws, rng)
            items[rows, :width] = np.take_along_axis(candidates[group], ranks, axis=1)
            propensities[rows, :width] = np.where(items[rows, :width] >= 0, share, 1.0)
    return Actions(items, propensities)


def best(draws: NDArray[np.float64], empty: NDArray[np.bool_], width: int) -> NDArray[np.intp]:
    """Return the places of the highest draws along the last axis, empty candidates last, ties by rank."""
    ranked: NDArray[np.intp] = np.argsort(np.where(empty, np.inf, -draws), axis=-1, kind="stable")[..., :width]
    return ranked


def _agreement(
    parameters: Parameters,
    sample: Sample,
    ranks: NDArray[np.intp],
    group: NDArray[np.intp],
    empty: NDArray[np.bool_],
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return (1 + hits) / (1 + draws) of each shown rank (n, width), from further draws of its group."""
    groups, count = empty.shape
    width = ranks.shape[1]
    hits = np.zeros((groups, width, count), dtype=np.int32)
    per_pass = max(1, _CELLS // empty.size)
    places = np.arange(width)
    for start in range(0, draws, per_pass):
        passes = min(per_pass, draws - start)
        again = best(sample(rng, parameters, (passes, groups, count)), empty, width)
        np.add.at(hits, (np.arange(groups)[None, :, None], places, again), 1)
    agreed = hits[group[:, None], places, ranks].astype(np.float64)
    return (agreed + 1.0) / (draws + 1.0)


def _groups(
    keys: NDArray[np.int32], items: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Yield blocks of (rows, their group in the block, the first row of each group)."""
    table = np.column_stack([keys, items])
    _, first, group = np.unique(table, axis=0, return_index=True, return_inverse=True)
    group = group.reshape(-1)
    by_group = np.argsort(group, kind="stable")
    width = items.shape[1] + 1
    step = max(1, _CELLS // (width * 8))
    for start in range(0, len(first), step):
        low, high = np.searchsorted(group, [start, start + step], sorter=by_group)
        for begin in range(low, high, _CELLS // width):
            rows = by_group[begin : min(begin + _CELLS // width, high)]
            yield rows, group[rows] - start, first[start : start + step]

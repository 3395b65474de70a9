"""Rankings of scored items for users with a history, and the popular items for the others, in blocks of users."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import top_k
from framework.records import Queries, Slates
from shop_recommenders.blocks_in_threads import each
from shop_recommenders.popularity.fixed_ranking import FixedRanking

_CELLS = 1 << 22
_THREADS = 8


def rank_personally(
    queries: Queries,
    k: int,
    score: Callable[[NDArray[np.int32]], NDArray[np.float32]],
    fallback: NDArray[np.bool_],
    popular: FixedRanking,
    threads: int = 1,
) -> Slates:
    """Return the best min(k, I) items of each query by `score`, and by `popular` where `fallback` (n,) holds.

    `score` takes user indices (m,) and returns scores (m, I), an array made for this call, which is written to; it is
    called with so few users that no more than about four million scores exist at once, in each of the `threads`, of
    which at most eight are used.
    """
    items = len(popular.order)
    found = np.empty((len(queries), min(k, items)), dtype=np.int32)
    scores = np.empty(found.shape, dtype=np.float32)
    rows = np.flatnonzero(fallback)
    if len(rows):
        part = queries.take(rows)
        found[rows], scores[rows] = popular.top_k(len(rows), k, part.exclude)
    personal = np.flatnonzero(~fallback)
    step = max(1, _CELLS // items)

    def rank(start: int) -> None:
        rows = personal[start : start + step]
        part = queries.take(rows)
        found[rows], scores[rows] = top_k(score(part.user), k, part.exclude, overwrite=True)

    each(rank, range(0, len(personal), step), min(threads, _THREADS))
    return Slates(found, scores, fallback)

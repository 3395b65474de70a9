"""Rankings of the few items that a user's own point to, filled up by popularity, without a score for every item."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import Ranking
from framework.records import Queries, Slates
from shop_recommenders.neighbours.similarity import among_the_best
from shop_recommenders.popularity.fixed_ranking import FixedRanking

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_USERS = 1024


class RelatedRanking:
    """Items that nothing points to follow by `buyers` (I,), the numbers of their buyers, with scores below 0.

    A query whose slate holds nothing but such items is marked as fallback, like one without history.
    """

    def __init__(self, buyers: NDArray[np.integer]) -> None:
        self._popular = FixedRanking.by(buyers)
        self._rest = FixedRanking.by(buyers / (buyers.max(initial=0) + 1.0) - 1.0)

    def rank(
        self,
        queries: Queries,
        k: int,
        baskets: csr_matrix,
        related: Callable[[csr_matrix, NDArray[np.intp]], csr_matrix],
    ) -> Slates:
        """Return the best min(k, I) items of each query, whose own items are a row of `baskets` (n, I).

        `related` takes some rows of `baskets` and their places, and returns the scores (m, I) of the items that they
        point to, all above 0 where stored.
        """
        lacking = np.diff(baskets.indptr) == 0
        shape = (len(queries), min(k, len(self._popular.order)))
        items, scores = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
        rows = np.flatnonzero(lacking)
        if len(rows):
            strangers = queries.take(rows)
            items[rows], scores[rows] = self._popular.top_k(len(rows), k, strangers.exclude)
        personal = np.flatnonzero(~lacking)
        for start in range(0, len(personal), _USERS):
            rows = personal[start : start + _USERS]
            found = related(baskets[rows], rows)
            items[rows], scores[rows] = self._rank(queries.take(rows), shape[1], found)
        return Slates(items, scores, lacking | (scores[:, :1] < 0.0).any(axis=1))

    def _rank(self, queries: Queries, k: int, related: csr_matrix) -> Ranking:
        """Rank what the users' items point to, and fill up with the rest; only the former is ever scored."""
        row = np.repeat(np.arange(len(queries)), np.diff(related.indptr))
        column, value = related.indices, related.data
        barred = related if queries.exclude is None else related + abs(queries.exclude)
        if queries.exclude is not None:
            excluded = queries.exclude.tocoo()
            marked = excluded.data != 0
            count = related.shape[1]
            pairs = excluded.row[marked].astype(np.int64) * count + excluded.col[marked]
            free = ~np.isin(row.astype(np.int64) * count + column, pairs)
            row, column, value = row[free], column[free], value[free]
        near = among_the_best(value, np.searchsorted(row, np.arange(len(queries) + 1)), k)
        row, column, value = row[near], column[near], value[near]
        order = np.lexsort((column, -value, row))
        row, column, value = row[order], column[order], value[order]
        place = np.arange(len(row)) - np.searchsorted(row, row, side="left")
        filled = np.minimum(np.bincount(row, minlength=len(queries)), k)
        found = Ranking(np.empty((len(queries), k), dtype=np.int32), np.empty((len(queries), k), dtype=np.float32))
        short = np.flatnonzero(filled < k)
        rest = self._rest.top_k(len(short), k, barred[short])
        shift = np.maximum(np.arange(k) - filled[short, None], 0)
        found.items[short] = np.take_along_axis(rest.items, shift, axis=1)
        found.scores[short] = np.take_along_axis(rest.scores, shift, axis=1)
        kept = place < k
        found.items[row[kept], place[kept]] = column[kept]
        found.scores[row[kept], place[kept]] = value[kept]
        return found

"""Rankings of the few items that a user's own point to, filled up by popularity, without a score for every item."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import Ranking
from framework.records import Queries, Slates
from shop_recommenders.neighbours.similarity import nearest
from shop_recommenders.popularity.fixed_ranking import FixedRanking

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_CELLS = 1 << 22
"""Pairs of user and item that one block marks as excluded or not."""


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
        step = max(1, _CELLS // baskets.shape[1])
        for start in range(0, len(personal), step):
            rows = personal[start : start + step]
            found = related(baskets[rows], rows)
            items[rows], scores[rows] = self._rank(queries.take(rows), shape[1], found)
        return Slates(items, scores, lacking | (scores[:, :1] < 0.0).any(axis=1))

    def _rank(self, queries: Queries, k: int, related: csr_matrix) -> Ranking:
        """Rank what the users' items point to, and fill up with the rest; only the former is ever scored."""
        exclude = queries.exclude
        scored = related if exclude is None else _without(related, exclude)
        best = nearest(scored, k)
        row = np.repeat(np.arange(len(queries)), np.diff(best.indptr))
        place = np.arange(len(row)) - best.indptr[row]
        items, scores = np.zeros((len(queries), k), np.int32), np.full((len(queries), k), -np.inf, np.float32)
        items[row, place], scores[row, place] = best.indices, best.data
        order = np.argsort(-scores, axis=1, kind="stable")
        found = Ranking(np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1))
        filled = (found.scores > -np.inf).sum(axis=1)
        short = np.flatnonzero(filled < k)
        barred = related[short] if exclude is None else related[short] + abs(exclude[short])
        rest = self._rest.top_k(len(short), k, barred)
        shift = np.maximum(np.arange(k) - filled[short, None], 0)
        own = np.arange(k) < filled[short, None]
        found.items[short] = np.where(own, found.items[short], np.take_along_axis(rest.items, shift, axis=1))
        found.scores[short] = np.where(own, found.scores[short], np.take_along_axis(rest.scores, shift, axis=1))
        return found


def _without(related: csr_matrix, exclude: csr_matrix) -> csr_matrix:
    """Return the scores (m, I) with -inf where `exclude` is not zero."""
    from scipy.sparse import csr_matrix

    marks = exclude.tocoo()
    marked = marks.data != 0
    barred = np.zeros(related.shape, dtype=bool)
    barred[marks.row[marked], marks.col[marked]] = True
    row = np.repeat(np.arange(related.shape[0]), np.diff(related.indptr))
    value = np.where(barred[row, related.indices], np.float32(-np.inf), related.data)
    return csr_matrix((value, related.indices, related.indptr), shape=related.shape)

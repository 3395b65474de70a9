"""One ranking of the catalogue for many queries, without a score for every pair of query and item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import Ranking
from framework.data.tables import UNKNOWN

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ROWS = 256


@dataclass(frozen=True)
class FixedRanking:
    """The catalogue in order, best first: `order` (I,) are item indices, `scores` (I,) fall along it."""

    order: NDArray[np.int32]
    scores: NDArray[np.float32]

    @staticmethod
    def by(scores: NDArray[np.number]) -> FixedRanking:
        """Return the ranking by finite scores (I,), as float32, ties by item index."""
        single = np.asarray(scores, dtype=np.float32)
        order = np.argsort(-single, kind="stable").astype(np.int32)
        return FixedRanking(order, single[order])

    def state(self) -> dict[str, NDArray[Any]]:
        """Return both arrays by name."""
        return {"order": self.order, "scores": self.scores}

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]]) -> FixedRanking:
        """Return the ranking whose `state` this is; other names in it are of no account."""
        return FixedRanking(np.asarray(state["order"]), np.asarray(state["scores"]))

    def top_k(self, n: int, k: int, exclude: csr_matrix | None = None) -> Ranking:
        """Return the best min(k, I) items for n queries, but those that `exclude` (n, I) marks.

        As `framework.data.ranking.top_k` would on n equal rows of scores, in time and memory that grow with the
        number of excluded items rather than with n times I.
        """
        k = min(k, len(self.order))
        if exclude is None:
            shape = (n, k)
            return Ranking(
                np.broadcast_to(self.order[:k], shape).copy(), np.broadcast_to(self.scores[:k], shape).copy()
            )
        found = Ranking(np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32))
        place = np.empty(len(self.order), dtype=np.intp)
        place[self.order] = np.arange(len(self.order))
        excluded = np.diff(exclude.indptr)
        # Rows with as many exclusions go together: the longest list of a block says how far down it must look.
        by_length = np.argsort(excluded, kind="stable")
        for start in range(0, n, _ROWS):
            rows = by_length[start : start + _ROWS]
            width = min(len(self.order), k + int(excluded[rows[-1]]))
            marks = exclude[rows].tocoo()
            places = place[marks.col]
            near = (places < width) & (marks.data != 0)
            taken = np.zeros((len(rows), width), dtype=bool)
            taken[marks.row[near], places[near]] = True
            columns = np.argsort(taken, axis=1, kind="stable")[:, :k]
            gone = np.take_along_axis(taken, columns, axis=1)
            found.items[rows] = np.where(gone, UNKNOWN, self.order[columns])
            found.scores[rows] = np.where(gone, -np.inf, self.scores[columns])
        return found

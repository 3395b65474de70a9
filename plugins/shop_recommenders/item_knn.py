"""Item-based nearest neighbours: items bought by the users who bought what this user bought.

sim(i, j) = x_i . x_j / (|x_i| |x_j| + shrinkage), where x_i (U,) holds the users' purchases of item i; each item keeps
its most similar items, and a user's score of item i is the sum of sim(j, i) times purchases of j over the items j that
the user bought. References: Deshpande and Karypis, "Item-based top-N recommendation algorithms", TOIS 2004; shrinkage
after Bell and Koren, "Scalable collaborative filtering with jointly derived neighborhood interpolation weights", ICDM
2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import Ranking
from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import Weights, checked_kinds, demand, lacks_history
from shop_recommenders.fixed_ranking import FixedRanking

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ITEMS = 256
_USERS = 1024


@dataclass(frozen=True)
class ItemKnnConfig:
    """How similar items are, how many of them count, and what a purchase weighs.

    `neighbours`: similar items kept for each item. `shrinkage`: added below the fraction, so that items with few buyers
    are less similar to others. `own_items`: an item is a neighbour of its own, beside the kept ones, so what users buy
    again ranks high; false recommends by the other items alone. `weights`: "binary", or "counts", where repeated
    purchases weigh more. `kinds`: kinds of event to learn from; null takes purchases, or the next sign of interest.
    """

    neighbours: int = 50
    shrinkage: float = 10.0
    own_items: bool = True
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ConfigError(f"item_knn's neighbours is {self.neighbours}", allowed="an integer from 1")
        if not (self.shrinkage >= 0.0 and np.isfinite(self.shrinkage)):
            raise ConfigError(f"item_knn's shrinkage is {self.shrinkage}", allowed="a number from 0")


class ItemKnn:
    """Scores by summed similarity; items that nothing points to follow by popularity, with scores below 0.

    A query whose slate holds nothing but such items is marked as fallback, like one without history.
    """

    Config = ItemKnnConfig

    def __init__(self, config: ItemKnnConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Find each item's neighbours. Raises ConfigError where the log has none of the configured kinds."""
        kinds = checked_kinds(data, self.config.kinds)
        self._purchases = data.matrix(kinds, binary=self.config.weights == "binary")
        self._history = np.diff(self._purchases.indptr) > 0
        self.similarity = similar_items(
            self._purchases, self.config.neighbours, self.config.shrinkage, own_items=self.config.own_items
        )
        buyers = demand(data, kinds, "binary")
        self._popular = FixedRanking.by(buyers)
        self._rest = FixedRanking.by(buyers / (buyers.max(initial=0) + 1.0) - 1.0)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query."""
        lacking = lacks_history(self._history, queries.user)
        shape = (len(queries), min(k, len(self._popular.order)))
        items, scores = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
        rows = np.flatnonzero(lacking)
        if len(rows):
            strangers = queries.take(rows)
            items[rows], scores[rows] = self._popular.top_k(len(rows), k, strangers.exclude)
        personal = np.flatnonzero(~lacking)
        for start in range(0, len(personal), _USERS):
            rows = personal[start : start + _USERS]
            items[rows], scores[rows] = self._rank(queries.take(rows), shape[1])
        return Slates(items, scores, lacking | (scores[:, :1] < 0.0).any(axis=1))

    def _rank(self, queries: Queries, k: int) -> Ranking:
        """Rank what the users' purchases point to, and fill up with the rest; only the former is ever scored."""
        related = self._purchases[queries.user] @ self.similarity
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


def similar_items(purchases: csr_matrix, neighbours: int, shrinkage: float, *, own_items: bool) -> csr_matrix:
    """Return the similarities (I, I) of each item (row) to the `neighbours` items most similar to it, ties by index.

    `purchases` (U, I) are non-negative. Products are summed in double precision, a block of items at a time, so the
    result does not depend on the order of users as long as counts are whole numbers.
    """
    from scipy.sparse import csr_matrix, vstack

    by_user = purchases.astype(np.float64)
    by_item = by_user.T.tocsr()
    norms = np.sqrt(np.asarray(by_item.multiply(by_item).sum(axis=1)).reshape(-1))
    count = by_item.shape[0]
    blocks = []
    for start in range(0, count, _ITEMS):
        block = by_item[start : start + _ITEMS] @ by_user
        row = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
        column = block.indices
        value = (block.data / (norms[row] * norms[column] + shrinkage)).astype(np.float32)
        near = _near(value, block.indptr, neighbours)
        row, column, value = row[near], column[near], value[near]
        own = row == column
        order = np.lexsort((column, -value, own, row))
        # `own` sorts an item behind its neighbours, so that it takes none of their places.
        row, column, value, own = row[order], column[order], value[order], own[order]
        first = np.searchsorted(row, row, side="left")
        kept = np.where(own, own_items, np.arange(len(row)) - first < neighbours)
        shape = (min(_ITEMS, count - start), count)
        blocks.append(csr_matrix((value[kept], (row[kept] - start, column[kept])), shape=shape))
    similarity = vstack(blocks).tocsr()
    similarity.sort_indices()
    return similarity


def _near(value: NDArray[np.float32], indptr: NDArray[np.integer], neighbours: int) -> NDArray[np.bool_]:
    """Return which values of a CSR block can be among their row's best: all above the next best, and its equals.

    One place more than `neighbours`, as the item itself may take one. It spares sorting all that every item met.
    """
    near = np.ones(len(value), dtype=bool)
    for low, high in pairwise(indptr.tolist()):
        if high - low > neighbours + 1:
            place = high - low - neighbours - 1
            near[low:high] = value[low:high] >= np.partition(value[low:high], place)[place]
    return near

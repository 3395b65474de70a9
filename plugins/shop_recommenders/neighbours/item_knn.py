"""Item-based nearest neighbours: items bought by the users who bought what this user bought.

sim(i, j) = x_i . x_j / (|x_i| |x_j| + shrinkage), where x_i (U,) holds the users' purchases of item i, weighted or not
(or x_i . x_j / (|x_i|^2 + |x_j|^2 - x_i . x_j + shrinkage)); each item keeps its most similar items, and a user's score
of item i is the sum of sim(j, i) times purchases of j over the items j that the user bought. References: Deshpande and
Karypis, "Item-based top-N recommendation algorithms", TOIS 2004; shrinkage after Bell and Koren, "Scalable
collaborative filtering with jointly derived neighborhood interpolation weights", ICDM 2007.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import Weights, checked_kinds
from shop_recommenders.neighbours.related_ranking import RelatedRanking
from shop_recommenders.neighbours.similarity import Similarity, alike, lengths, nearest
from shop_recommenders.neighbours.weighting import TermWeights, Weighting
from shop_recommenders.purchases import baskets
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ITEMS = 256


@dataclass(frozen=True)
class ItemKnnConfig:
    """How similar items are, how many of them count, and what a purchase weighs.

    `neighbours`: similar items kept for each item. `shrinkage`: added below the fraction, so that items with few buyers
    are less similar to others. `own_items`: an item is a neighbour of its own, beside the kept ones, so what users buy
    again ranks high; false recommends by the other items alone. `similarity`: "cosine", or "jaccard", the buyers that
    two items share over those of either. `weighting`: "none", or "tfidf" or "bm25", where users of many items say less.
    `weights`: "binary", or "counts", where repeated purchases weigh more. `kinds`: kinds of event to learn from; null
    takes purchases, or the next sign of interest.
    """

    neighbours: int = 50
    shrinkage: float = 10.0
    own_items: bool = True
    similarity: Similarity = "cosine"
    weighting: Weighting = "none"
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ConfigError(f"item_knn's neighbours is {self.neighbours}", allowed="an integer from 1")
        if not (self.shrinkage >= 0.0 and np.isfinite(self.shrinkage)):
            raise ConfigError(f"item_knn's shrinkage is {self.shrinkage}", allowed="a number from 0")


class ItemKnn:
    """Scores by summed similarity; items that nothing points to follow by popularity, with scores below 0.

    A query whose slate holds nothing but such items is marked as fallback, like one without history. A history at call
    time is scored like a learned one.
    """

    Config = ItemKnnConfig
    SEARCH: ClassVar[dict[str, Any]] = {
        "neighbours": {"low": 5, "high": 500, "log": True},
        "shrinkage": {"low": 0.0, "high": 100.0},
        "similarity": {"choices": ["cosine", "jaccard"]},
        "weighting": {"choices": ["none", "tfidf", "bm25"]},
    }

    def __init__(self, config: ItemKnnConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Find each item's neighbours. Raises ConfigError where the log has none of the configured kinds."""
        kinds = checked_kinds(data, self.config.kinds)
        taken = data.matrix(kinds, binary=self.config.weights == "binary")
        similarity = similar_items(
            taken,
            self.config.neighbours,
            self.config.shrinkage,
            own_items=self.config.own_items,
            similarity=self.config.similarity,
            weighting=self.config.weighting,
        )
        self._take(taken, similarity)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query."""
        taken = baskets(queries, self._purchases, binary=self.config.weights == "binary")
        return self._ranking.rank(queries, k, taken, lambda own, _: own @ self.similarity)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the neighbours and the users' purchases."""
        return {**packed("purchases", self._purchases), **packed("similarity", self.similarity)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._take(unpacked("purchases", state), unpacked("similarity", state))

    def _take(self, known: csr_matrix, similarity: csr_matrix) -> None:
        self._purchases, self.similarity = known, similarity
        self._ranking = RelatedRanking(known.getnnz(axis=0))


def similar_items(
    purchases: csr_matrix,
    neighbours: int,
    shrinkage: float,
    *,
    own_items: bool,
    similarity: Similarity = "cosine",
    weighting: Weighting = "none",
) -> csr_matrix:
    """Return the similarities (I, I) of each item (row) to the `neighbours` items most similar to it, ties by index.

    `purchases` (U, I) are non-negative. Products are summed in double precision, a block of items at a time, so the
    result does not depend on the order of users as long as counts are whole numbers and not weighted.
    """
    from scipy.sparse import csr_matrix, vstack

    by_item = purchases.T.tocsr()
    by_item = TermWeights.of(by_item, weighting).apply(by_item)
    by_user = by_item.T.tocsr()
    norms = lengths(by_item)
    count = by_item.shape[0]
    blocks = []
    for start in range(0, count, _ITEMS):
        block = by_item[start : start + _ITEMS] @ by_user
        items = np.arange(start, start + block.shape[0], dtype=block.indices.dtype)
        shared = np.diff(block.indptr)
        block.data = alike(
            similarity, block.data, np.repeat(norms[items], shared), norms.take(block.indices), shrinkage
        )
        # An item takes none of its neighbours' places.
        own = np.flatnonzero(block.indices == np.repeat(items, shared))
        itself = block.data[own], block.indices[own]
        block.data[own] = -np.inf
        found = nearest(block, neighbours)
        found.data[found.data == -np.inf] = 0.0
        found.eliminate_zeros()
        if own_items:
            found = found + csr_matrix((itself[0], (itself[1] - start, itself[1])), shape=found.shape)
        blocks.append(found)
    return vstack(blocks).tocsr()

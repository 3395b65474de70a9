"""User-based nearest neighbours: what the users bought whose purchases are most like this user's.

sim(u, v) = x_u . x_v / (|x_u| |x_v| + shrinkage), where x_u (I,) holds the purchases of user u, weighted or not (or
x_u . x_v / (|x_u|^2 + |x_v|^2 - x_u . x_v + shrinkage)); a user's score of item i is the sum of sim(u, v) times
purchases of i by v over the most similar other users v. References: Resnick et al., "GroupLens: an open architecture
for collaborative filtering of netnews", CSCW 1994; for purchases Sarwar et al., "Analysis of recommendation algorithms
for e-commerce", EC 2000.
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
from shop_recommenders.demand import Weights
from shop_recommenders.neighbours.related_ranking import RelatedRanking
from shop_recommenders.neighbours.similarity import Similarity, alike, lengths, nearest
from shop_recommenders.neighbours.weighting import TermWeights, Weighting
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_USERS = 64


@dataclass(frozen=True)
class UserKnnConfig:
    """How similar users are, how many of them count, and what a purchase weighs.

    `neighbours`: similar users that a user's scores come from. `shrinkage`: added below the fraction, so that users
    with few purchases are less similar to others. `similarity`: "cosine", or "jaccard", the items that two users share
    over those of either. `weighting`: "none", or "tfidf" or "bm25", where items of many users say less. `weights`:
    "binary", or "counts", where repeated purchases weigh more. `kinds`: kinds of event to learn from; null takes
    purchases, or the next sign of interest.
    """

    neighbours: int = 100
    shrinkage: float = 0.0
    similarity: Similarity = "cosine"
    weighting: Weighting = "none"
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise ConfigError(f"user_knn's neighbours is {self.neighbours}", allowed="an integer from 1")
        if not (self.shrinkage >= 0.0 and np.isfinite(self.shrinkage)):
            raise ConfigError(f"user_knn's shrinkage is {self.shrinkage}", allowed="a number from 0")


class UserKnn:
    """Scores by summed similarity; items that no neighbour bought follow by popularity, with scores below 0.

    Nothing is learned but the purchases: neighbours are found when a query comes, by its history where it has one. A
    query whose slate holds nothing but popular items is marked as fallback, like one without history.
    """

    Config = UserKnnConfig
    SEARCH: ClassVar[dict[str, Any]] = {
        "neighbours": {"low": 10, "high": 1000, "log": True},
        "shrinkage": {"low": 0.0, "high": 100.0},
        "similarity": {"choices": ["cosine", "jaccard"]},
        "weighting": {"choices": ["none", "tfidf", "bm25"]},
    }

    def __init__(self, config: UserKnnConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Keep the purchases. Raises DataError where the log has none of a known item."""
        self._take(purchases(data, self.config.kinds, "user_knn", binary=self.config.weights == "binary"))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        taken = baskets(queries, self._purchases, binary=self.config.weights == "binary")
        return self._ranking.rank(queries, k, taken, lambda own, rows: self._related(own, queries.user[rows]))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the users' purchases."""
        return packed("purchases", self._purchases)

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._take(unpacked("purchases", state))

    def neighbours(self, own: csr_matrix, users: NDArray[np.int32]) -> csr_matrix:
        """Return the similarities (m, U) of baskets (m, I) to their nearest users; none to the owner of each (m,)."""
        weighted = self._terms.apply(own)
        product = (weighted @ self._by_item).tocsr()
        row = np.repeat(np.arange(len(users)), np.diff(product.indptr))
        column = product.indices
        value = alike(
            self.config.similarity, product.data, lengths(weighted)[row], self._lengths[column], self.config.shrinkage
        )
        value[column == users[row]] = 0.0
        product.data = value
        product.eliminate_zeros()
        return nearest(product, self.config.neighbours)

    def _related(self, own: csr_matrix, users: NDArray[np.int32]) -> csr_matrix:
        from scipy.sparse import vstack

        blocks = [slice(start, start + _USERS) for start in range(0, len(users), _USERS)]
        return vstack([self.neighbours(own[rows], users[rows]) @ self._purchases for rows in blocks]).tocsr()

    def _take(self, known: csr_matrix) -> None:
        self._purchases = known
        self._terms = TermWeights.of(known, self.config.weighting)
        weighted = self._terms.apply(known)
        self._lengths = lengths(weighted)
        self._by_item = weighted.T.tocsr()
        self._ranking = RelatedRanking(known.getnnz(axis=0))

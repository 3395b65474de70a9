"""PureSVD: users' purchases seen through the strongest directions in which items go together.

X ~ U S Q' is the closest matrix of rank `factors` to the users' purchases X, in least squares over all pairs, bought or
not; a user's scores are x Q Q'. Reference: Cremonesi, Koren, Turrin, "Performance of recommender algorithms on top-N
recommendation tasks", RecSys 2010; computed by Lanczos steps (ARPACK).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import Weights
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_USERS = 64
_RANK = 1e-6
"""Directions this much weaker than the strongest are rounding errors."""


@dataclass(frozen=True)
class PureSvdConfig:
    """How many directions are kept, and what a purchase weighs.

    `factors`: directions; few see broad tastes, many see single items. `weights`: "binary", or "counts", where repeated
    purchases weigh more. `kinds`: kinds of event to learn from; null takes purchases, or the next sign of interest.
    """

    factors: int = 50
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise ConfigError(f"pure_svd's factors is {self.factors}", allowed="an integer from 1")


class PureSvd:
    """Scores are x Q Q'; items that nobody bought come last, by item index.

    After fitting: `item_factors` Q (I, d) float32, the strongest direction first, d = `factors` or the rank of the
    purchases if that is less; each direction's largest entry is above 0. A history at call time is scored like a
    learned one.
    """

    Config = PureSvdConfig
    SEARCH: ClassVar[dict[str, Any]] = {"factors": {"low": 10, "high": 500, "log": True}}

    def __init__(self, config: PureSvdConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Find the directions. Raises DataError where the log has no purchase of a known item."""
        taken = purchases(data, self.config.kinds, "pure_svd", binary=self.config.weights == "binary")
        self._take(taken, directions(taken, self.config.factors))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        from threadpoolctl import threadpool_limits

        taken = baskets(queries, self._purchases, binary=self.config.weights == "binary")
        lacking = np.diff(taken[:, self._bought].indptr) == 0
        places = replace(queries, user=np.arange(len(queries), dtype=np.int32))
        with threadpool_limits(1, "blas"):
            return rank_personally(places, k, lambda rows: self._score(taken[rows]), lacking, self._popular)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the directions and the users' purchases."""
        return {**packed("purchases", self._purchases), "item_factors": self.item_factors}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._take(unpacked("purchases", state), state["item_factors"])

    def _take(self, known: csr_matrix, item_factors: NDArray[np.float32]) -> None:
        buyers = known.getnnz(axis=0)
        self._purchases, self.item_factors = known, item_factors
        self._popular, self._bought = FixedRanking.by(buyers), buyers > 0

    def _score(self, taken: csr_matrix) -> NDArray[np.float32]:
        """Score baskets, always so many in one product: BLAS may sum smaller ones in another order."""
        users = taken @ self.item_factors
        scores = np.empty((len(users), len(self.item_factors)), dtype=np.float32)
        block = np.zeros((_USERS, users.shape[1]), dtype=np.float32)
        for start in range(0, len(users), _USERS):
            part = users[start : start + _USERS]
            block[: len(part)] = part
            scores[start : start + _USERS] = (block @ self.item_factors.T)[: len(part)]
        scores[:, ~self._bought] = scores.min(axis=1, keepdims=True) - 1.0
        return scores


def directions(taken: csr_matrix, factors: int) -> NDArray[np.float32]:
    """Return the right singular vectors (I, d) of purchases (U, I) with the largest singular values."""
    from scipy.sparse.linalg import svds
    from threadpoolctl import threadpool_limits

    smaller = min(taken.shape)
    with threadpool_limits(1, "blas"):
        if 2 * factors >= smaller:  # Lanczos steps are for few directions out of many
            _, strength, vectors = np.linalg.svd(taken.toarray().astype(np.float64), full_matrices=False)
        else:
            start = np.random.default_rng(0).random(smaller)
            _, strength, vectors = svds(taken.astype(np.float64), k=factors, v0=start, return_singular_vectors="vh")
    order = np.argsort(-strength, kind="stable")[:factors]
    order = order[strength[order] > _RANK * strength[order[0]]]
    found = vectors[order].T
    largest = found[np.argmax(np.abs(found), axis=0), np.arange(found.shape[1])]
    return np.ascontiguousarray(found * np.sign(largest), dtype=np.float32)

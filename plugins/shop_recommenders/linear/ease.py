"""EASE: a linear item-to-item model with a closed form, the shallowest autoencoder.

Minimises |X - X B|^2 + regularization |B|^2 with diag(B) = 0, where X (U, I) holds the users' purchases: with
P = (X'X + regularization E)^-1, B_ij = -P_ij / P_jj off the diagonal. A user's scores are x B. Reference: Steck,
"Embarrassingly shallow autoencoders for sparse data", WWW 2019, equations 2 to 8.
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
from shop_recommenders.linear.symmetric_inverse import invert_in_place
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    import logging

    from scipy.sparse import csr_matrix

_DOUBLE = 10_000
"""Items up to which the inverse is computed in double precision: it takes 8 x items^2 bytes."""
_ITEMS = 512


@dataclass(frozen=True)
class EaseConfig:
    """How hard the weights are held down, how many are kept, and what a purchase weighs.

    `regularization`: penalty on the squared weights, in purchases: an item with far fewer buyers says little. `keep`:
    weights kept for each item that is scored, the largest by size; 0 keeps all, which takes 4 x items^2 bytes.
    `weights`: "binary", or "counts", where repeated purchases weigh more. `kinds`: kinds of event to learn from; null
    takes purchases, or the next sign of interest. `num_threads`: threads to fit with, 0 for all cores; it does not
    change the result.
    """

    regularization: float = 100.0
    keep: int = 0
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None
    num_threads: int = 0

    def __post_init__(self) -> None:
        if not (self.regularization > 0.0 and np.isfinite(self.regularization)):
            raise ConfigError(f"ease's regularization is {self.regularization}", allowed="a number above 0")
        for name, count in (("keep", self.keep), ("num_threads", self.num_threads)):
            if count < 0:
                raise ConfigError(f"ease's {name} is {count}", allowed="an integer from 0")


class Ease:
    """Scores are weighted sums of what a user took; items that nobody bought come last, by item index.

    After fitting: `item_weights` (J, J) float32, from the item taken (row) to the item scored (column), over the J
    items of `bought`; sparse if `keep` is set. Fitting takes J^3 operations and 4 x J^2 bytes (12 x J^2 up to 10,000
    items). A history at call time is scored like a learned one.
    """

    Config = EaseConfig
    SEARCH: ClassVar[dict[str, Any]] = {"regularization": {"low": 10.0, "high": 5000.0, "log": True}}

    def __init__(self, config: EaseConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Solve for the weights. Raises DataError where the log has no purchase of a known item."""
        taken = purchases(data, self.config.kinds, "ease", binary=self.config.weights == "binary")
        self._take(taken)
        weights = item_weights(taken[:, self.bought], self.config.regularization, self.config.num_threads, context.log)
        self.item_weights = _largest(weights, self.config.keep) if self.config.keep else weights

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        taken = baskets(queries, self._purchases, binary=self.config.weights == "binary")[:, self.bought]
        places = replace(queries, user=np.arange(len(queries), dtype=np.int32))
        lacking = np.diff(taken.indptr) == 0
        slates = rank_personally(places, k, lambda rows: self._score(taken[rows]), lacking, self._popular)
        return Slates(slates.items, slates.scores, lacking)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the weights and the users' purchases."""
        dense = isinstance(self.item_weights, np.ndarray)
        weights = {"item_weights": self.item_weights} if dense else packed("item_weights", self.item_weights)
        return {**packed("purchases", self._purchases), **weights}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._take(unpacked("purchases", state))
        dense = "item_weights" in state
        self.item_weights = state["item_weights"] if dense else unpacked("item_weights", state)

    def _take(self, known: csr_matrix) -> None:
        buyers = known.getnnz(axis=0)
        self._purchases, self._popular, self.bought = known, FixedRanking.by(buyers), np.flatnonzero(buyers)

    def _score(self, taken: csr_matrix) -> NDArray[np.float32]:
        scores = taken @ self.item_weights
        scores = scores if isinstance(scores, np.ndarray) else scores.toarray()
        items = self._purchases.shape[1]
        if len(self.bought) == items:
            return scores
        every = np.repeat(scores.min(axis=1, keepdims=True) - 1.0, items, axis=1)
        every[:, self.bought] = scores
        return every


def item_weights(
    taken: csr_matrix, regularization: float, num_threads: int, log: logging.Logger
) -> NDArray[np.float32]:
    """Return B (I, I) for purchases (U, I), in place of the matrix that is inverted for it."""
    items = taken.shape[1]
    by_item = taken.T.tocsr()
    matrix = np.empty((items, items), dtype=np.float64 if items <= _DOUBLE else np.float32)
    blocks = [slice(start, start + _ITEMS) for start in range(0, items, _ITEMS)]
    for rows in blocks:
        matrix[rows] = (by_item[rows] @ taken).toarray()
    np.fill_diagonal(matrix, matrix.diagonal() + regularization)

    def progress(done: int, total: int) -> None:
        log.info("ease: %d of %d items eliminated", done, total)

    invert_in_place(matrix, num_threads=num_threads, progress=progress if items > _DOUBLE else None)
    diagonal = matrix.diagonal().copy()
    for rows in blocks:
        matrix[rows] /= -diagonal
    np.fill_diagonal(matrix, 0.0)
    return matrix.astype(np.float32, copy=False)


def _largest(weights: NDArray[np.float32], keep: int) -> csr_matrix:
    """Return the weights (I, I) of which each column keeps its `keep` largest by size, and those equal to the last."""
    from scipy.sparse import csc_matrix, hstack

    items = len(weights)
    blocks = []
    for start in range(0, items, _ITEMS):
        block = weights[:, start : start + _ITEMS]
        size = np.abs(block)
        least = np.partition(size, max(items - keep, 0), axis=0)[max(items - keep, 0)]
        blocks.append(csc_matrix(np.where(size >= least, block, np.float32(0.0))))
    return hstack(blocks).tocsr()

"""SLIM: items explained by few others, with sparse weights that are not negative.

For each item j minimises |x_j - X w|^2 / 2 + l2 |w|^2 / 2 + l1 sum(w) with w >= 0 and w_j = 0, where X (U, I) holds the
users' purchases. A user's score of item j is x w. Reference: Ning and Karypis, "SLIM: sparse linear methods for top-N
recommender systems", ICDM 2011, equations 3 and 4.
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
from shop_recommenders.linear.nonnegative_elastic_net import nonnegative_elastic_nets
from shop_recommenders.neighbours.related_ranking import RelatedRanking
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_PARTS = 40
_LARGE = 10_000
"""Items from which on it takes so long that the log tells how far it is."""


@dataclass(frozen=True)
class SlimConfig:
    """How few and how small the weights are, and what a purchase weighs.

    `l1`: penalty on the weights' sum, in purchases: an item says nothing of another with which it shares no more users
    than this. `l2`: penalty on the squared weights. `tolerance`: no weight is further than one step of this size from
    its solution. `weights`: "binary", or "counts", where repeated purchases weigh more. `kinds`: kinds of event to
    learn from; null takes purchases, or the next sign of interest. `processes`: how many fit at the same time, -1 for
    one a core; it does not change the result.
    """

    l1: float = 1.0
    l2: float = 25.0
    tolerance: float = 1e-4
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None
    processes: int = 1

    def __post_init__(self) -> None:
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if not (value >= 0.0 and np.isfinite(value)):
                raise ConfigError(f"slim's {name} is {value}", allowed="a number from 0")
        if not 0.0 < self.tolerance < 1.0:
            raise ConfigError(f"slim's tolerance is {self.tolerance}", allowed="a number between 0 and 1")
        if self.processes < 1 and self.processes != -1:
            raise ConfigError(f"slim's processes is {self.processes}", allowed="an integer from 1, or -1")


class Slim:
    """Scores by summed weights; items that nothing points to follow by popularity, with scores below 0.

    After fitting: `item_weights` (I, I), sparse, from the item taken (row) to the item scored (column). A history at
    call time is scored like a learned one. A query whose slate holds nothing but popular items is marked as fallback.
    """

    Config = SlimConfig
    SEARCH: ClassVar[dict[str, Any]] = {
        "l1": {"low": 0.1, "high": 10.0, "log": True},
        "l2": {"low": 0.1, "high": 300.0, "log": True},
    }

    def __init__(self, config: SlimConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Solve for each item's weights. Raises DataError where the log has no purchase of a known item."""
        from joblib import Parallel, delayed
        from scipy.sparse import vstack

        taken = purchases(data, self.config.kinds, "slim", binary=self.config.weights == "binary")
        gram = (taken.T @ taken).tocsr()
        gram.sort_indices()
        parts = [part for part in np.array_split(np.arange(gram.shape[0]), _PARTS) if len(part)]
        pool = Parallel(n_jobs=self.config.processes, return_as="generator", temp_folder=str(context.folder))
        config = self.config
        found = pool(
            delayed(nonnegative_elastic_nets)(gram, part, config.l1, config.l2, config.tolerance) for part in parts
        )
        solved = []
        for part, weights in zip(parts, found, strict=True):
            solved.append(weights)
            if gram.shape[0] > _LARGE:
                context.log.info("slim: %d of %d items solved", part[-1] + 1, gram.shape[0])
        self._take(taken, vstack(solved).T.tocsr())

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        taken = baskets(queries, self._purchases, binary=self.config.weights == "binary")
        return self._ranking.rank(queries, k, taken, lambda own, _: own @ self.item_weights)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the weights and the users' purchases."""
        return {**packed("purchases", self._purchases), **packed("item_weights", self.item_weights)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._take(unpacked("purchases", state), unpacked("item_weights", state))

    def _take(self, known: csr_matrix, item_weights: csr_matrix) -> None:
        self._purchases, self.item_weights = known, item_weights
        self._ranking = RelatedRanking(known.getnnz(axis=0))

"""RP3beta: three random steps from a user over the graph of purchases, popular ends made less likely.

With steps p(i | u) = r_ui / sum_j r_uj and p(u | i) = r_ui / sum_v r_vi, each raised to `alpha`, a user's score of item
j is the sum over items i and users v of p(i | u) p(v | i) p(j | v), divided by (buyers of j)^`beta`. Each item keeps
its strongest ways to others. Reference: Paudel, Christoffel, Newell, Bernstein, "Updatable, accurate, diverse, and
scalable recommendations for interactive applications", ACM TiiS 2017 (beta 0: P3alpha, Cooper et al., WWW 2014).
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
from shop_recommenders.neighbours.similarity import nearest
from shop_recommenders.purchases import baskets, purchases
from shop_recommenders.stored_sparse import packed, unpacked

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ITEMS = 256


@dataclass(frozen=True)
class Rp3BetaConfig:
    """How steps are drawn, how hard popular items are held back, and how many ways are kept.

    `alpha`: power of the probability of a step; below 1, rare and frequent steps come closer. `beta`: power of an
    item's buyers that its score is divided by; 0 is P3alpha. `neighbours`: items that each item leads to. `weights`:
    "binary", or "counts", where repeated purchases make a step likelier. `kinds`: kinds of event to learn from; null
    takes purchases, or the next sign of interest.
    """

    alpha: float = 0.8
    beta: float = 0.5
    neighbours: int = 100
    weights: Weights = "binary"
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not (self.alpha > 0.0 and np.isfinite(self.alpha)):
            raise ConfigError(f"rp3beta's alpha is {self.alpha}", allowed="a number above 0")
        if not (self.beta >= 0.0 and np.isfinite(self.beta)):
            raise ConfigError(f"rp3beta's beta is {self.beta}", allowed="a number from 0")
        if self.neighbours < 1:
            raise ConfigError(f"rp3beta's neighbours is {self.neighbours}", allowed="an integer from 1")


class Rp3Beta:
    """Scores are weights of walks; items that none reaches follow by popularity, with scores below 0.

    After fitting: `walks` (I, I), from the item taken (row) over its users to the item scored (column), none back to
    the same item. A history at call time is scored like a learned one. A query whose slate holds nothing but popular
    items is marked as fallback, like one without history.
    """

    Config = Rp3BetaConfig
    SEARCH: ClassVar[dict[str, Any]] = {
        "alpha": {"low": 0.1, "high": 2.0},
        "beta": {"low": 0.0, "high": 1.5},
        "neighbours": {"low": 10, "high": 1000, "log": True},
    }

    def __init__(self, config: Rp3BetaConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Walk from every item. Raises DataError where the log has no purchase of a known item."""
        taken = purchases(data, self.config.kinds, "rp3beta", binary=self.config.weights == "binary")
        self._take(taken, walks(taken, self.config.alpha, self.config.beta, self.config.neighbours))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        taken = baskets(queries, self._purchases, binary=self.config.weights == "binary")
        first = _steps(taken, self.config.alpha).astype(np.float32)
        return self._ranking.rank(queries, k, first, lambda own, _: own @ self.walks)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the walks and the users' purchases."""
        return {**packed("purchases", self._purchases), **packed("walks", self.walks)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._take(unpacked("purchases", state), unpacked("walks", state))

    def _take(self, known: csr_matrix, walks: csr_matrix) -> None:
        self._purchases, self.walks = known, walks
        self._ranking = RelatedRanking(known.getnnz(axis=0))


def walks(taken: csr_matrix, alpha: float, beta: float, neighbours: int) -> csr_matrix:
    """Return the weights (I, I) of walks from item to user to another item, the `neighbours` strongest of each row."""
    from scipy.sparse import vstack

    to_user, to_item = _steps(taken.T.tocsr(), alpha), _steps(taken, alpha)
    held_back = np.maximum(taken.getnnz(axis=0), 1).astype(np.float64) ** -beta
    blocks = []
    for start in range(0, taken.shape[1], _ITEMS):
        block = (to_user[start : start + _ITEMS] @ to_item).tocsr()
        row = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
        block.data *= held_back[block.indices]
        block.data[block.indices == row] = 0.0
        block.eliminate_zeros()
        blocks.append(nearest(block.astype(np.float32), neighbours))
    return vstack(blocks).tocsr()


def _steps(counts: csr_matrix, alpha: float) -> csr_matrix:
    """Return the probability of each step out of a row, to the power of `alpha`, in double precision."""
    steps: csr_matrix = counts.astype(np.float64)
    total = np.asarray(steps.sum(axis=1)).reshape(-1)
    steps.data = (steps.data / np.repeat(total, np.diff(steps.indptr))) ** alpha
    return steps

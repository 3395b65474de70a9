"""ALS: users and items as vectors whose products foretell purchases, by alternating least squares.

Minimises sum over all pairs of c_ui (p_ui - x_u . y_i)^2 + regularization (sum |x_u|^2 + sum |y_i|^2), with p_ui = 1
where user u bought item i and 0 elsewhere, and confidence c_ui = 1 + alpha r_ui. Reference: Hu, Koren, Volinsky,
"Collaborative filtering for implicit feedback datasets", ICDM 2008, equations 3 to 6; solved by conjugate gradients as
in Takács, Pilászy, Tikk, RecSys 2011, in the library `implicit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError, DataError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import checked_kinds, demand, lacks_history
from shop_recommenders.fixed_ranking import FixedRanking
from shop_recommenders.personal_ranking import rank_personally

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class AlsConfig:
    """How large the vectors are, how hard they are held to the data, and what a purchase weighs.

    `factors`: length of the vectors. `regularization`: penalty on their squared length. `alpha`: how much surer a
    purchase makes. `iterations`: rounds over users and items. `weights`: r of n purchases of an item, "binary" (1),
    "counts" (n) or "log" (log2(1 + n)). `kinds`: kinds of event to learn from; null takes purchases, or the next sign
    of interest that the log has. `num_threads`: threads to fit with, 0 for all cores; it does not change the result.
    """

    factors: int = 64
    regularization: float = 0.1
    alpha: float = 2.0
    iterations: int = 15
    weights: Literal["binary", "counts", "log"] = "log"
    kinds: Sequence[str] | None = None
    num_threads: int = 0

    def __post_init__(self) -> None:
        for name, count, least in (
            ("factors", self.factors, 1),
            ("iterations", self.iterations, 1),
            ("num_threads", self.num_threads, 0),
        ):
            if count < least:
                raise ConfigError(f"als's {name} is {count}", allowed=f"an integer from {least}")
        for name, value in (("regularization", self.regularization), ("alpha", self.alpha)):
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"als's {name} is {value}", allowed="a number above 0")


class Als:
    """Scores are products of user and item vectors; items that nobody bought come last, by item index.

    After fitting: `user_factors` (U, factors) and `item_factors` (I, factors), float32. The users' vectors are the
    exact solution given the items', so they do not depend on how far the last round had come. Same data and same state
    of `context.rng`, same bytes on one machine, whatever the number of threads: rows are solved independently of each
    other, and the BLAS below is held to one thread.
    """

    Config = AlsConfig

    def __init__(self, config: AlsConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Factorise the purchases. Raises DataError where the log has none of a known item."""
        kinds = checked_kinds(data, self.config.kinds)
        confidence = self._confidence(data.matrix(kinds))
        if not confidence.nnz:
            raise DataError(
                f"als learns from events of the kind {', '.join(kinds)} with an item, and the log has none",
                hint="Set its kinds, or use another recommender.",
            )
        buyers = demand(data, kinds, "binary")
        self._popular = FixedRanking.by(buyers)
        self._unbought = np.flatnonzero(buyers == 0)
        self._history = np.diff(confidence.indptr) > 0
        seed = int(context.rng.integers(2**31))
        self.user_factors, self.item_factors = _factorise(confidence, self.config, seed)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            lacking = lacks_history(self._history, queries.user)
            return rank_personally(queries, k, self._score, lacking, self._popular)

    def _score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        # A product with one row takes another way through BLAS, and its last bit may differ: always two or more.
        rows = users if len(users) > 1 else np.repeat(users, 2)
        scores = (self.user_factors[rows] @ self.item_factors.T)[: len(users)]
        scores[:, self._unbought] = scores.min(axis=1, keepdims=True) - 1.0
        return scores

    def _confidence(self, purchases: csr_matrix) -> csr_matrix:
        counts = purchases.data
        strength = {"binary": np.sign(counts), "counts": counts, "log": np.log2(1.0 + counts)}[self.config.weights]
        purchases.data = (1.0 + self.config.alpha * strength).astype(np.float32)
        return purchases


def _factorise(confidence: csr_matrix, config: AlsConfig, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the factors of users and items for confidences c_ui (U, I), stored where an item was bought."""
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    # BLAS threads below the solver's own slow it down, and may sum in another order. implicit warns of them.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            alpha=1.0,  # the library's confidence is alpha r, without the paper's 1: it is in `confidence`
            iterations=config.iterations,
            num_threads=config.num_threads,
            random_state=seed,
        )
        model.fit(confidence, show_progress=False)
        users = model.recalculate_user(np.arange(confidence.shape[0]), confidence)
    return users, model.item_factors

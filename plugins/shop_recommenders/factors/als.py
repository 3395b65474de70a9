"""ALS: users and items as vectors whose products foretell purchases, by alternating least squares.

Minimises sum over all pairs of c_ui (p_ui - x_u . y_i)^2 + regularization (sum |x_u|^2 + sum |y_i|^2), with p_ui = 1
where user u bought item i and 0 elsewhere, and confidence c_ui = 1 + alpha r_ui. Reference: Hu, Koren, Volinsky,
"Collaborative filtering for implicit feedback datasets", ICDM 2008, equations 3 to 6; solved by conjugate gradients as
in Takács, Pilászy, Tikk, RecSys 2011, in the library `implicit`. With `scaling: frequency` the penalty on a vector is
multiplied by the sum of its row's (column's) confidences, so that users and items with many purchases are held as hard
as others: Rendle, Krichene, Zhang, Koren, "Revisiting the performance of iALS on item recommendation benchmarks",
RecSys 2022, with nu = 1; their alpha_0 is 1 / alpha, their lambda regularization / (1 + 1 / alpha).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError, DataError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import checked_kinds, demand, lacks_history
from shop_recommenders.factors.least_squares_rows import exact_rows, improved_rows
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.purchases import baskets

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_STEPS = 3
"""Steps of conjugate gradients a round, as in `implicit`."""


@dataclass(frozen=True)
class AlsConfig:
    """How large the vectors are, how hard they are held to the data, and what a purchase weighs.

    `factors`: length of the vectors. `regularization`: penalty on their squared length. `scaling`: "plain", or
    "frequency", where the penalty grows with the confidences of a vector's row (Rendle et al.); `regularization` then
    is some 0.001 to 0.05, and large `factors` pay. `alpha`: how much surer a purchase makes. `iterations`: rounds over
    users and items. `weights`: r of n purchases of an item, "binary" (1), "counts" (n) or "log" (log2(1 + n)).
    `kinds`: kinds of event to learn from; null takes purchases, or the next sign of interest that the log has.
    `num_threads`: threads to fit and to rank with, 0 for all cores; it does not change the result.
    """

    factors: int = 64
    regularization: float = 0.1
    scaling: Literal["plain", "frequency"] = "plain"
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
    exact solution given the items', so they do not depend on how far the last round had come; users with a history at
    call time get the exact solution for that. Same data and same state of `context.rng`, same bytes on one machine,
    whatever the number of threads: rows are solved independently of each other, and the BLAS below is held to one
    thread.
    """

    Config = AlsConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {
        "factors": {"choices": [32, 64, 128, 256]},
        "regularization": {"low": 1e-3, "high": 300.0, "log": True},
        "alpha": {"low": 0.5, "high": 100.0, "log": True},
    }

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
        self._take(demand(data, kinds, "binary"), np.diff(confidence.indptr) > 0)
        seed = int(context.rng.integers(2**31))
        factorise = _factorise if self.config.scaling == "plain" else _factorise_by_frequency
        self.user_factors, self.item_factors = factorise(confidence, self.config, seed)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            told: NDArray[np.bool_] = np.zeros(len(queries), dtype=bool)
            lacking = lacks_history(self._history, queries.user)
            if queries.history is not None:
                told = np.any(queries.history >= 0, axis=1)
                bought = np.append(self._buyers > 0, False)  # the last for -1
                lacking = np.where(told, ~bought[queries.history].any(axis=1), lacking)
            places = replace(queries, user=np.arange(len(queries), dtype=np.int32))

            def score(rows: NDArray[np.int32]) -> NDArray[np.float32]:
                return self._score(queries.take(rows.astype(np.intp)), told[rows])

            return rank_personally(places, k, score, lacking, self._popular, _threads(self.config))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the vectors and who bought."""
        return {
            "users": self.user_factors,
            "items": self.item_factors,
            "buyers": self._buyers,
            "history": self._history,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self.user_factors, self.item_factors = state["users"], state["items"]
        self._take(state["buyers"], state["history"])

    def _take(self, buyers: NDArray[np.integer], history: NDArray[np.bool_]) -> None:
        self._buyers, self._history = buyers, history
        self._popular, self._unbought = FixedRanking.by(buyers), np.flatnonzero(buyers == 0)

    def _score(self, queries: Queries, told: NDArray[np.bool_]) -> NDArray[np.float32]:
        # A product with one row takes another way through BLAS, and its last bit may differ: always two or more.
        vectors = self.user_factors[queries.user]
        if told.any():
            vectors[told] = self._folded_in(queries.take(np.flatnonzero(told)))
        rows = vectors if len(vectors) > 1 else np.repeat(vectors, 2, axis=0)
        scores: NDArray[np.float32] = (rows @ self.item_factors.T)[: len(vectors)]
        if len(self._unbought):
            scores[:, self._unbought] = scores.min(axis=1, keepdims=True) - 1.0
        return scores

    def _folded_in(self, queries: Queries) -> NDArray[np.float32]:
        """Return the vectors (n, factors) that the users' histories would have given them."""
        from scipy.sparse import csr_matrix

        everything = csr_matrix((self._buyers > 0).astype(np.float32)[None])
        confidence = self._confidence(baskets(queries, everything, binary=False))
        return exact_rows(confidence, self.item_factors, _penalty(confidence, self.config))

    def _confidence(self, purchases: csr_matrix) -> csr_matrix:
        counts = purchases.data
        strength = {"binary": np.sign(counts), "counts": counts, "log": np.log2(1.0 + counts)}[self.config.weights]
        purchases.data = (1.0 + self.config.alpha * strength).astype(np.float32)
        return purchases


def _threads(config: AlsConfig) -> int:
    return config.num_threads or os.cpu_count() or 1


def _penalty(confidence: csr_matrix, config: AlsConfig) -> NDArray[np.float64]:
    """Return what the squared length of each row's vector costs (n,)."""
    rows, columns = confidence.shape
    if config.scaling == "plain":
        return np.full(rows, config.regularization)
    # Pairs that are not stored have confidence 1.
    stored = np.asarray(confidence.sum(axis=1, dtype=np.float64)).reshape(-1)
    penalty: NDArray[np.float64] = config.regularization * (columns - np.diff(confidence.indptr) + stored)
    return penalty


def _factorise_by_frequency(
    confidence: csr_matrix, config: AlsConfig, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the factors of users and items under `scaling: frequency`, started as Rendle et al. do."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(seed)
    by_item = confidence.T.tocsr()
    threads = _threads(config)
    spread = 0.1 / np.sqrt(config.factors)
    users, items = (
        (spread * rng.standard_normal((count, config.factors))).astype(np.float32) for count in confidence.shape
    )
    user_penalty, item_penalty = _penalty(confidence, config), _penalty(by_item, config)
    with threadpool_limits(1, "blas"):
        for _ in range(config.iterations):
            users = improved_rows(confidence, items, user_penalty, users, _STEPS, threads)
            items = improved_rows(by_item, users, item_penalty, items, _STEPS, threads)
        return exact_rows(confidence, items, user_penalty, threads), items


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

"""Rankings by the products of users' and items' vectors, whatever learned them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.records import Queries, Slates
from shop_recommenders.demand import lacks_history
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking


@dataclass(frozen=True)
class VectorRanking:
    """What such a recommender answers by.

    `users` (U, d) and `items` (I, d) are float32 vectors, `buyers` (I,) counts each item's buyers and `history` (U,)
    says who bought anything. Scores are computed on the CPU: a restored ranking answers alike to the last bit, on
    whichever device the vectors were learned.
    """

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    buyers: NDArray[np.int64]
    history: NDArray[np.bool_]

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, items that nobody bought last, popular ones for strangers."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1, "blas"):
            lacking = lacks_history(self.history, queries.user)
            return rank_personally(queries, k, self._score, lacking, self._popular)

    @cached_property
    def _popular(self) -> FixedRanking:
        return FixedRanking.by(self.buyers)

    def _score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        # A product with one row takes another way through BLAS, and its last bit may differ: always two or more.
        rows = users if len(users) > 1 else np.repeat(users, 2)
        scores: NDArray[np.float32] = (self.users[rows] @ self.items.T)[: len(users)]
        scores[:, self.buyers == 0] = scores.min(axis=1, keepdims=True) - 1.0
        return scores

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the four arrays by name."""
        return {"users": self.users, "items": self.items, "buyers": self.buyers, "history": self.history}

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]]) -> VectorRanking:
        """Return the ranking whose `state` this is."""
        return VectorRanking(*(np.asarray(state[name]) for name in ("users", "items", "buyers", "history")))


class Vectors(Protocol):
    """A module that learns vectors."""

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the users' and the items' vectors as they are, copied."""
        ...


class AnswersByVectors:
    """What recommenders that learn vectors have alike once they are trained: they rank by products of them.

    `training` sets the module, how many users bought each item, and who bought anything.
    """

    _module: Vectors
    _buyers: NDArray[np.int64]
    _history: NDArray[np.bool_]

    def learned(self) -> None:
        """Answer by the vectors as they are now."""
        users, items = self._module.vectors()
        self._ranking = VectorRanking(users, items, self._buyers, self._history)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) best items of each query, the popular ones for users without history."""
        return self._ranking.recommend(queries, k)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the vectors and who bought."""
        return self._ranking.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._ranking = VectorRanking.of_state(state)

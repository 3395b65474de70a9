"""Random order: every user gets an order of the catalogue by chance, the floor below all floors.

Each user's scores are drawn from a generator seeded by the user's id and the study's seed, so a user sees the same
order in every batch and at every call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import DataError
from framework.records import Context, Queries, Slates
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking


@dataclass(frozen=True)
class RandomOrderConfig:
    """Nothing to choose: no purchase counts, and the study's seed says which orders are drawn."""


class RandomOrder:
    """Scores are uniform on [0, 1) and say nothing of user or item; a history at call time changes nothing.

    Strangers have one random order in common, and are marked as fallback.
    """

    Config = RandomOrderConfig

    def __init__(self, config: RandomOrderConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Take the users' ids, the number of items and a seed. Raises DataError where the log has no items."""
        if not len(data.items):
            raise DataError(
                "a recommender was asked for, and the log has no items",
                hint="Name the column of items (source.params.columns.item), or study segments only.",
            )
        self._seed = int(context.rng.integers(2**63))
        self._users = np.array([_number(str(user)) for user in data.users], dtype=np.uint64)
        self._items = len(data.items)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return min(k, I) items of each query by chance."""
        shared = FixedRanking.by(self._draw(_number("")))
        return rank_personally(queries, k, self._score, queries.user < 0, shared)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the seed, the number of items, and a number for each user's id."""
        return {
            "seed": np.array(self._seed, dtype=np.int64),
            "items": np.array(self._items, dtype=np.int64),
            "users": self._users,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._seed, self._items, self._users = int(state["seed"]), int(state["items"]), state["users"]

    def _score(self, users: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.stack([self._draw(int(number)) for number in self._users[users]])

    def _draw(self, number: int) -> NDArray[np.float32]:
        return np.random.default_rng([self._seed, number]).random(self._items, dtype=np.float32)


def _number(user: str) -> int:
    """Return 64 bits that hang on the id alone; Python's own hash changes from run to run."""
    return int.from_bytes(hashlib.blake2b(user.encode(), digest_size=8).digest(), "little")

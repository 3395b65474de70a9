"""Who a trial is held on: users known before the split, their segments, and what they must not be shown again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import popularity
from framework.data.tables import Dataset
from framework.data.user_context import comparable
from framework.records import NEW_USERS, Queries

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Population:
    """The training data with its segments, and what every trial on it has in common.

    `features` (U, F) are the users' features as policies read them (`framework.data.user_context`).
    """

    data: Dataset
    positions: int
    repeats: bool
    popularity: NDArray[np.int64]
    features: NDArray[np.float64]

    @staticmethod
    def of(data: Dataset, *, positions: int, repeats: bool) -> Population:
        """Return the population of `data`; `repeats` false keeps what a user bought before out of the slates."""
        return Population(data, positions, repeats, popularity(data), comparable(data.features))

    @property
    def segment_names(self) -> tuple[str, ...]:
        """The model's segments, and the one of users it could not see."""
        return (*self.data.segment_names, NEW_USERS)

    def queries(self, user: NDArray[np.int32], user_ids: NDArray[np.str_]) -> Queries:
        """Return one query for each user (n,), given as indices into the training users (-1: new) with their ids."""
        segment = np.full(len(user), len(self.data.segment_names), dtype=np.int32)
        known = user >= 0
        if self.data.segments is not None:
            segment[known] = self.data.segments[user[known]]
        features = np.zeros((len(user), self.features.shape[1]))
        features[known] = self.features[user[known]]
        exclude = self._exclude(user)
        return Queries(user, user_ids, segment, self.segment_names, self.positions, exclude, features=features)

    def known_queries(self, limit: int | None) -> Queries:
        """Return one query for each training user, or for every m-th of them where `limit` caps their number."""
        users = np.arange(len(self.data.users), dtype=np.int32)
        if limit is not None and limit < len(users):
            users = users[np.linspace(0, len(users) - 1, limit).astype(np.intp)]
        return self.queries(users, self.data.users[users])

    def _exclude(self, user: NDArray[np.int32]) -> csr_matrix | None:
        if self.repeats:
            return None
        from scipy.sparse import csr_matrix, vstack

        bought = self.data.matrix(("purchase",), binary=True)
        empty = csr_matrix((1, bought.shape[1]), dtype=bought.dtype)
        return vstack([bought, empty]).tocsr()[np.where(user >= 0, user, bought.shape[0])]

"""A decision from both sides: who is asked about, what is ranked, what is shown, what comes back."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Context:
    """What a component may use besides its data: a generator, a device name, a folder of its own, a log."""

    rng: np.random.Generator
    device: str
    folder: Path
    log: logging.Logger


@dataclass(frozen=True)
class Queries:
    """n moments at which a strategy must decide what to show.

    `user` (n,) indexes the training `Dataset.users` (-1: new user); `user_ids` (n,) are the ids; `segment` (n,)
    indexes `segment_names` (-1: none); `positions` is how many items a page shows; `exclude` (n, I), where given,
    marks the items that must not be recommended to each. `history` (n, L), where given, holds the items that a user
    took so far, oldest first, -1 in front of short ones: recommenders answer by it instead of by what they learned of
    that user; a row of -1 alone leaves it at that. `features` (n, F), where given, is what is known of the users, made
    comparable (`framework.data.user_context`): z-scores, 0 where unknown and for new users.
    """

    user: NDArray[np.int32]
    user_ids: NDArray[np.str_]
    segment: NDArray[np.int32]
    segment_names: tuple[str, ...]
    positions: int
    exclude: csr_matrix | None = None
    history: NDArray[np.int32] | None = None
    features: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: NDArray[np.intp]) -> Queries:
        """Return the queries at `rows`, in that order."""
        return Queries(
            self.user[rows],
            self.user_ids[rows],
            self.segment[rows],
            self.segment_names,
            self.positions,
            exclude=None if self.exclude is None else self.exclude[rows],
            history=None if self.history is None else self.history[rows],
            features=None if self.features is None else self.features[rows],
        )


@dataclass(frozen=True)
class Slates:
    """A ranking for each query, best first.

    `items` (n, k) index `Dataset.items` (-1 only where the catalogue is exhausted), `scores` (n, k) fall from left to
    right, `fallback` (n,) marks queries that the recommender could not personalise (a new user, no history).
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    fallback: NDArray[np.bool_]


@dataclass(frozen=True)
class Actions:
    """What is shown.

    `items` (n, positions), and `propensities` (n, positions), the probability with which the policy puts this item at
    this position for this query.
    """

    items: NDArray[np.int32]
    propensities: NDArray[np.float64]


@dataclass(frozen=True)
class Responses:
    """What users did with what they were shown.

    `clicked`, `bought` and `amount` (money in minor units) are (n, positions). `visits` (n,) counts the visits in which
    the page was seen (0: never came), `orders` (n,) those in which a shown item was bought.
    """

    clicked: NDArray[np.bool_]
    bought: NDArray[np.bool_]
    amount: NDArray[np.int64]
    visits: NDArray[np.int32]
    orders: NDArray[np.int32]


@dataclass(frozen=True)
class Feedback:
    """One batch of decisions with their responses, for a policy that learns online."""

    queries: Queries
    actions: Actions
    responses: Responses

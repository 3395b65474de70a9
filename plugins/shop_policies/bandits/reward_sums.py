"""What items brought where visitors saw them: counts and sums in whole numbers, so no order of batches matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.records import Feedback, Queries, Responses

Reward = Literal["bought", "clicked", "amount"]
"""What a policy may learn: whether a shown item was bought or clicked, or its money in minor units."""


class RewardSums:
    """How often each item was seen, and the sum and the sum of squares of its rewards; by segment where asked.

    Queries without a segment (-1) have a row of sums of their own; without `by_segment` everybody shares one.
    """

    def __init__(self, *, by_segment: bool = False) -> None:
        self.by_segment = by_segment
        self._sums = np.zeros((3, 0, 0), dtype=np.int64)

    def add(self, feedback: Feedback, reward: Reward) -> None:
        """Count every item that a visitor saw; pages that nobody visited teach nothing.

        Raises TrialError where money is so much that its squares add up to 2^63 minor units or more.
        """
        seen = seen_places(feedback)
        if not seen.any():
            return
        items = feedback.actions.items
        rows = np.broadcast_to(self.rows(feedback.queries)[:, None], items.shape)[seen]
        shown, gained = items[seen], reward_of(feedback.responses, reward)[seen]
        self._grow(int(rows.max()) + 1, int(shown.max()) + 1)
        for place, value in enumerate((np.ones_like(gained), gained, gained * gained)):
            np.add.at(self._sums[place], (rows, shown), value)
        if (self._sums[2] < 0).any():
            raise TrialError("Squares of the rewards add up to more than a whole number of 64 bits holds")

    def read(
        self, items: NDArray[np.int32], rows: NDArray[np.intp] | int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return count, sum and sum of squares of items in their `rows`, broadcast; 0 for what was never seen."""
        where, items = np.broadcast_arrays(np.asarray(rows), items)
        _, height, width = self._sums.shape
        met = (where < height) & (items < width) & (items >= 0)
        found = np.zeros((3, *items.shape))
        found[:, met] = self._sums[:, where[met], items[met]]
        return found[0], found[1], found[2]

    def shown(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how many items were seen so far in these rows (n,), whichever they were."""
        totals = self._sums[0].sum(axis=1)
        found = np.zeros(len(rows))
        met = rows < len(totals)
        found[met] = totals[rows[met]]
        return found

    def rows(self, queries: Queries) -> NDArray[np.intp]:
        """Return the row of sums that each query reads and feeds (n,): 0 for all, or for users without a segment."""
        return self.row(queries.segment)

    def row(self, segment: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the row of each segment, -1 for none."""
        if not self.by_segment:
            return np.zeros(segment.shape, dtype=np.intp)
        return np.maximum(segment, -1).astype(np.intp) + 1

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the sums by name."""
        return {"sums": self._sums.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take sums that another one had."""
        self._sums = np.array(state["sums"], dtype=np.int64)

    def _grow(self, height: int, width: int) -> None:
        _, old_height, old_width = self._sums.shape
        if height > old_height or width > old_width:
            missing = ((0, 0), (0, max(height - old_height, 0)), (0, max(width - old_width, 0)))
            self._sums = np.pad(self._sums, missing)


def reward_of(responses: Responses, reward: Reward) -> NDArray[np.int64]:
    """Return the reward of every place (n, positions): 0 or 1, or money in minor units."""
    return np.asarray(getattr(responses, reward), dtype=np.int64)


def seen_places(feedback: Feedback) -> NDArray[np.bool_]:
    """Return which places (n, positions) held an item before a visitor's eyes."""
    return np.asarray((feedback.actions.items >= 0) & (feedback.responses.visits > 0)[:, None])


def check_numbers(policy: str, *, positive: Mapping[str, float], others: Mapping[str, float] | None = None) -> None:
    """Raise ConfigError for a parameter of `policy` that is not finite, or of `positive` that is not above 0."""
    for name, value in {**positive, **(others or {})}.items():
        if not np.isfinite(value) or (name in positive and value <= 0.0):
            raise ConfigError(
                f"{policy}'s {name} is {value}", allowed="a number above 0" if name in positive else "a finite number"
            )


def check_draws(policy: str, draws: int) -> None:
    """Raise ConfigError where no draw would stand behind the propensities of `policy`."""
    if draws < 1:
        raise ConfigError(f"{policy}'s propensity_draws is {draws}", allowed="an integer from 1")

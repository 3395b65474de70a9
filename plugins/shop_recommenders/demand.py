"""How often each item was bought, and by whom, as every recommender here counts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.ranking import interaction_kinds, popularity
from framework.data.tables import Dataset
from framework.errors import ConfigError, DataError

Weights = Literal["binary", "counts"]
"""What a repeated purchase weighs: nothing more than the first, or as much."""


def checked_kinds(data: Dataset, kinds: Sequence[str] | None) -> tuple[str, ...]:
    """Return the kinds of event to learn from: those asked for, or the log's strongest sign of interest.

    Raises:
        ConfigError: the log knows none of the kinds asked for.
        DataError: the log has no items.
    """
    if not len(data.items):
        raise DataError(
            "a recommender was asked for, and the log has no items",
            hint="Name the column of items (source.params.columns.item), or study segments only.",
        )
    if kinds is None:
        return interaction_kinds(data)
    if not set(kinds) & set(data.events.kinds):
        raise ConfigError(
            f"a recommender is to learn from the kinds of event {', '.join(kinds) or 'none'}, which the log lacks",
            allowed=data.events.kinds,
        )
    return tuple(kinds)


def demand(data: Dataset, kinds: Sequence[str], weights: Weights, since: int | None = None) -> NDArray[np.int64]:
    """Return how many different users ("binary") or events ("counts") each item drew (I,), at or after `since`."""
    if weights == "binary":
        return popularity(data, kinds, since)
    events = data.events.of_kind(*kinds)
    counted = (events.user >= 0) & (events.item >= 0)
    if since is not None:
        counted &= events.time >= since
    return np.bincount(events.item[counted], minlength=len(data.items)).astype(np.int64)


def with_history(data: Dataset, kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Return which users (U,) have at least one event of these kinds with a known item."""
    events = data.events.of_kind(*kinds)
    users = events.user[(events.user >= 0) & (events.item >= 0)]
    history = np.zeros(len(data.users), dtype=bool)
    history[users] = True
    return history


def lacks_history(history: NDArray[np.bool_], user: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which of the queries' users (n,) are unknown (-1) or without history."""
    lacking = np.ones(len(user), dtype=bool)
    known = user >= 0
    lacking[known] = ~history[user[known]]
    return lacking

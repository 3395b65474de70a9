"""Recent popular: what most users bought in the last days, the same for everybody.

Reference: Ji, Sun, Zhang, Li, "A re-visit of the popularity baseline in recommender systems", SIGIR 2020 (RecentPop).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import MICROSECONDS_PER_DAY, Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import Weights, checked_kinds, demand, lacks_history, with_history
from shop_recommenders.popularity.fixed_ranking import FixedRanking


@dataclass(frozen=True)
class RecentPopularConfig:
    """`days`: how far back before the end of the log purchases count.

    `kinds`: kinds of event that count; null takes purchases, or the next sign of interest that the log has.
    `weights`: "binary" counts users, "counts" counts events.
    """

    days: float = 28.0
    kinds: Sequence[str] | None = None
    weights: Weights = "binary"

    def __post_init__(self) -> None:
        if not (self.days > 0.0 and np.isfinite(self.days)):
            raise ConfigError(f"recent_popular's days is {self.days}", allowed="a number of days above 0")


class RecentPopular:
    """Ranks items by what they drew lately, and items that drew equally much by what they drew ever.

    So items without recent purchases follow in their all-time order. Scores are levels of that order, from 0 for the
    least; items with equal numbers, recent and ever, share one.
    """

    Config = RecentPopularConfig

    def __init__(self, config: RecentPopularConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Count. Raises ConfigError where the log has none of the configured kinds, DataError without items."""
        kinds, weights = checked_kinds(data, self.config.kinds), self.config.weights
        since = data.as_of - round(self.config.days * MICROSECONDS_PER_DAY)
        numbers = np.column_stack([demand(data, kinds, weights, since), demand(data, kinds, weights)])
        _, level = np.unique(numbers, axis=0, return_inverse=True)
        self._history = with_history(data, kinds)
        self._ranking = FixedRanking.by(level.reshape(-1))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) items most popular of late; items that nobody ever bought come last."""
        items, scores = self._ranking.top_k(len(queries), k, queries.exclude)
        return Slates(items, scores, lacks_history(self._history, queries.user))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the ranking and who has a history."""
        return {**self._ranking.state(), "history": self._history}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._ranking, self._history = FixedRanking.of_state(state), np.asarray(state["history"])

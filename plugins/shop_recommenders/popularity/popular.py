"""Popular: what most users bought since the log began, the same for everybody.

Reference: Cremonesi, Koren, Turrin, "Performance of recommender algorithms on top-N recommendation tasks", RecSys 2010
(TopPop).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.records import Context, Queries, Slates
from shop_recommenders.demand import Weights, checked_kinds, demand, lacks_history, with_history
from shop_recommenders.popularity.fixed_ranking import FixedRanking


@dataclass(frozen=True)
class PopularConfig:
    """`kinds`: kinds of event that count; null takes purchases, or the next sign of interest that the log has.

    `weights`: "binary" counts users, "counts" counts events.
    """

    kinds: Sequence[str] | None = None
    weights: Weights = "binary"


class Popular:
    """Ranks items by the number of different users (or of events) that they drew; scores are those numbers."""

    Config = PopularConfig

    def __init__(self, config: PopularConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Count. Raises ConfigError where the log has none of the configured kinds, DataError without items."""
        kinds = checked_kinds(data, self.config.kinds)
        self._history = with_history(data, kinds)
        self._ranking = FixedRanking.by(demand(data, kinds, self.config.weights))

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the min(k, I) most popular items; items that nobody bought come last."""
        items, scores = self._ranking.top_k(len(queries), k, queries.exclude)
        return Slates(items, scores, lacks_history(self._history, queries.user))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return the ranking and who has a history."""
        return {**self._ranking.state(), "history": self._history}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of a fitted recommender."""
        self._ranking, self._history = FixedRanking.of_state(state), np.asarray(state["history"])

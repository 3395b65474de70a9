"""Maximal marginal relevance: relevant items that are not alike.

Items are chosen one after the other, each time the candidate i with the largest
trade_off * relevance(i) - (1 - trade_off) * max over the chosen j of sim(i, j).
Reference: Carbonell, Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
summaries", SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_rerankers.item_similarity import ItemSimilarity, Similarity
from shop_rerankers.relevance import Relevance, relevance, reordered

_CELLS = 1 << 22


@dataclass(frozen=True)
class MmrConfig:
    """What relevance weighs against variety, and when two items are alike.

    `trade_off`: the paper's lambda; 1 leaves the recommender's order, 0 asks only for items unlike each other.
    `similarity`: "category" (1 for items of one category, else 0), "text" (cosine of the TF-IDF weights of the items'
    words) or "co_purchase" (cosine of their buyers). `relevance`: "score" scales the recommender's scores between a
    query's worst and best candidate; "rank" goes by the order alone.
    """

    trade_off: float = 0.7
    similarity: Similarity = "category"
    relevance: Relevance = "score"

    def __post_init__(self) -> None:
        if not 0.0 <= self.trade_off <= 1.0:
            raise ConfigError(f"mmr's trade_off is {self.trade_off}", allowed="a number from 0 to 1")


class Mmr:
    """Greedy by marginal relevance, ties in the recommender's order; the first item is always the recommender's.

    Scores are the marginal relevances, which never rise from one choice to the next.
    """

    Config = MmrConfig

    def __init__(self, config: MmrConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Take what items are compared by. Raises DataError where the log does not say it."""
        self._similarity = ItemSimilarity.of(data, self.config.similarity, "mmr")

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        """Return the min(k, candidates) first choices of each query."""
        n, width = slates.items.shape
        taken = min(k, width)
        places, values = np.zeros((n, taken), dtype=np.intp), np.full((n, taken), -np.inf)
        worth = self.config.trade_off * relevance(slates, self.config.relevance) if self.config.trade_off else None
        step = max(1, _CELLS // max(width * width, 1))
        for start in range(0, len(queries), step):
            rows = slice(start, start + step)
            own = np.where(slates.items[rows] >= 0, 0.0, -np.inf) if worth is None else worth[rows]
            alike = self._similarity.among(slates.items[rows])
            places[rows], values[rows] = _choose(own, (1.0 - self.config.trade_off) * alike, taken)
        return reordered(slates, places, values)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what items are compared by."""
        return self._similarity.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._similarity = ItemSimilarity.of_state(state)


def _choose(
    worth: NDArray[np.float64], alike: NDArray[np.float64], k: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the places of the first k choices (n, k) and their values, -inf where no candidate is left.

    `worth` (n, C) is -inf where there is no candidate, `alike` (n, C, C) what a choice costs each other candidate.
    """
    n = len(worth)
    rows = np.arange(n)
    open_worth, cost = worth.copy(), np.zeros_like(worth)
    places, values = np.zeros((n, k), dtype=np.intp), np.full((n, k), -np.inf)
    for choice in range(k):
        value = open_worth - cost
        best = value.argmax(axis=1)
        places[:, choice], values[:, choice] = best, value[rows, best]
        open_worth[rows, best] = -np.inf
        np.maximum(cost, alike[rows, best], out=cost)
    return places, values

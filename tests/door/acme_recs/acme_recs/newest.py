"""Newest: the items that were first sold most recently, the same for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Context, Queries, Slates
from framework.data.tables import MICROSECONDS_PER_DAY, Dataset

LAST = np.finfo(np.float32).min


@dataclass(frozen=True)
class NewestConfig:
    """`kinds`: kinds of event that count as a sale. `trust`: days that a sale of an item makes it younger."""

    kinds: Sequence[str] = ("purchase",)
    trust: float = 0.0


class Newest:
    """Ranks items by the age of their first sale, in days; scores are minus that age, and `trust` for each sale."""

    Config = NewestConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {"trust": {"low": 0.0, "high": 5.0}}

    def __init__(self, config: NewestConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Find every item's first sale; an item that was never sold comes last."""
        sales = data.events.of_kind(*self.config.kinds)
        known = sales.item >= 0
        first = np.full(len(data.items), np.iinfo(np.int64).max)
        np.minimum.at(first, sales.item[known], sales.time[known])
        age = (data.as_of - first) / MICROSECONDS_PER_DAY
        sold = np.bincount(sales.item[known], minlength=len(data.items))
        score = self.config.trust * sold - age
        self._score = np.where(first < np.iinfo(np.int64).max, score, LAST / 2).astype(np.float32)

    def state(self) -> Mapping[str, np.ndarray]:
        """Return what it answers by."""
        return {"score": self._score}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Answer by such a state."""
        self._score = state["score"]

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the newest items; nobody's list is personal, and strangers are marked."""
        scores = np.tile(self._score, (len(queries), 1))
        if queries.exclude is not None:
            scores[queries.exclude.toarray() != 0] = LAST
        items = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)
        best = np.take_along_axis(scores, items, axis=1)
        items[best == LAST] = -1
        return Slates(items, best, queries.user < 0)

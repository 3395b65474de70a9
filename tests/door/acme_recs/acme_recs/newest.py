"""Newest: the items that were first sold most recently, the same for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework import Context, Queries, Slates
from framework.data.tables import MICROSECONDS_PER_DAY, Dataset

LAST = np.finfo(np.float32).min


@dataclass(frozen=True)
class NewestConfig:
    """`kinds`: kinds of event that count as a sale."""

    kinds: Sequence[str] = ("purchase",)


class Newest:
    """Ranks items by the age of their first sale, in days; scores are minus that age."""

    Config = NewestConfig

    def __init__(self, config: NewestConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:
        """Find every item's first sale; an item that was never sold comes last."""
        sales = data.events.of_kind(*self.config.kinds)
        known = sales.item >= 0
        first = np.full(len(data.items), np.iinfo(np.int64).max)
        np.minimum.at(first, sales.item[known], sales.time[known])
        age = (data.as_of - first) / MICROSECONDS_PER_DAY
        self._score = np.where(first < np.iinfo(np.int64).max, -age, LAST / 2).astype(np.float32)

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the newest items; nobody's list is personal, and strangers are marked."""
        scores = np.tile(self._score, (len(queries), 1))
        if queries.exclude is not None:
            scores[queries.exclude.toarray() != 0] = LAST
        items = np.argsort(-scores, axis=1, kind="stable")[:, :k].astype(np.int32)
        best = np.take_along_axis(scores, items, axis=1)
        items[best == LAST] = -1
        return Slates(items, best, queries.user < 0)

"""Taste: vectors of users and items whose products are higher for what was bought than for an item by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framework import Context, Queries, Slates
from framework.data.ranking import top_k
from framework.data.tables import Dataset
from framework.records import Training


@dataclass(frozen=True)
class TasteConfig:
    """`size`: length of the vectors. `learning_rate`: Adam's. `epochs`: passes over the purchases."""

    size: int = 4
    learning_rate: float = 0.05
    epochs: int = 6


class Taste:
    """Known users get the items of highest products, strangers and users without purchases what sold most."""

    Config = TasteConfig
    SEARCH: ClassVar[dict[str, dict[str, Any]]] = {"learning_rate": {"low": 0.001, "high": 0.1, "log": True}}

    def __init__(self, config: TasteConfig) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        """Return vectors made afresh, and the purchases with an item by chance each."""
        from acme_recs.taste_module import Pairs, TasteModule

        bought = data.matrix(binary=True).tocoo()
        self._sold = np.bincount(bought.col, minlength=len(data.items)).astype(np.float32)
        self._known = np.bincount(bought.row, minlength=len(data.users)) > 0
        seed = int(context.rng.integers(2**31))
        self._module = TasteModule(len(data.users), len(data.items), self.config, seed)
        pairs = Pairs(np.stack([bought.row, bought.col], axis=1), len(data.items), seed)
        return Training(self._module, pairs.loader(), self.config.epochs, pairs.set_epoch)

    def learned(self) -> None:
        """Answer by the vectors as they are now."""
        self._users, self._items = self._module.vectors()

    def recommend(self, queries: Queries, k: int) -> Slates:
        """Return the best items of each query."""
        known = queries.user >= 0
        known[known] = self._known[queries.user[known]]
        # A product for each pair by itself: a row's last bit must not depend on the rows beside it.
        scores = np.tile(self._sold, (len(queries), 1))
        products = self._users[queries.user[known]][:, None, :] * self._items[None]
        scores[known] = products.sum(axis=2, dtype=np.float32)
        exclude = None if queries.exclude is None else queries.exclude.tocsr()
        best = top_k(scores, min(k, len(self._items)), exclude)
        return Slates(best.items, best.scores, ~known)

    def state(self) -> Mapping[str, np.ndarray]:
        """Return what it answers by."""
        return {"users": self._users, "items": self._items, "sold": self._sold, "known": self._known}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Answer by such a state."""
        self._users, self._items, self._sold, self._known = (state[k] for k in ("users", "items", "sold", "known"))

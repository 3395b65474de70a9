"""Novelty at k: how little known the shown items are.

Reference: Vargas, Castells, "Rank and relevance in novelty and diversity metrics for recommender systems", RecSys
2011, mean self-information, without rank discount.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, shown


@dataclass(frozen=True)
class NoveltyConfig:
    """`k`: positions that count."""

    k: int = 10


class Novelty:
    """Mean of -log2 of an item's share of all buyers before the trial, over the first k items shown, in bits.

    Items that nobody bought count as bought once, so that the value stays finite. Positions that stayed empty are
    left out; a unit that was shown nothing scores 0. Higher is more novel, which need not be better for the shop.
    """

    Config = NoveltyConfig
    unit: str = "score"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: NoveltyConfig) -> None:
        self.k = checked_k(config.k, "novelty")
        self.label = f"novelty@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return every unit's mean self-information in bits. Raises TrialError where k positions were not shown."""
        items = shown(outcomes, self.k, self.label)
        buyers = np.maximum(outcomes.popularity, 1).astype(np.float64)
        information = -np.log2(buyers / buyers.sum())
        there = items >= 0
        # An empty catalogue has no item to look up, and then every position is empty.
        looked_up = information[np.where(there, items, 0)] if len(information) else np.zeros(items.shape)
        total = np.where(there, looked_up, 0.0).sum(axis=1)
        return UnitValues("mean", total / np.maximum(there.sum(axis=1), 1))

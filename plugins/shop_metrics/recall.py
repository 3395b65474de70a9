"""Recall at k: which share of what a user went on to buy was shown.

Reference: Herlocker, Konstan, Terveen, Riedl, "Evaluating collaborative filtering recommender systems", TOIS 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, hits, relevant


@dataclass(frozen=True)
class RecallConfig:
    """`k`: positions that count."""

    k: int = 10


class Recall:
    """Distinct items bought among the first k shown, over all distinct items bought; 0 for a unit that bought none.

    The denominator is not capped at k, so a user who bought more than k items cannot reach 1.
    """

    Config = RecallConfig
    unit: str = "share"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout",)

    def __init__(self, config: RecallConfig) -> None:
        self.k = checked_k(config.k, "recall")
        self.label = f"recall@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return the recall of every unit, between 0 and 1. Raises TrialError where k positions were not shown."""
        wanted = relevant(outcomes, self.label)
        found = hits(outcomes, self.k, self.label).sum(axis=1)
        return UnitValues("mean", np.where(wanted > 0, found / np.maximum(wanted, 1), 0.0))

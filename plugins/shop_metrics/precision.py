"""Precision at k: which share of what was shown a user went on to buy.

Reference: Herlocker, Konstan, Terveen, Riedl, "Evaluating collaborative filtering recommender systems", TOIS 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, hits, relevant


@dataclass(frozen=True)
class PrecisionConfig:
    """`k`: positions that count."""

    k: int = 10


class Precision:
    """Items bought among the first k shown, over k; a position that stayed empty counts as a miss."""

    Config = PrecisionConfig
    unit: str = "share"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout",)

    def __init__(self, config: PrecisionConfig) -> None:
        self.k = checked_k(config.k, "precision")
        self.label = f"precision@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return the precision of every unit, between 0 and 1. Raises TrialError where k positions were not shown."""
        relevant(outcomes, self.label)
        return UnitValues("mean", hits(outcomes, self.k, self.label).sum(axis=1) / self.k)

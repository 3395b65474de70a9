"""Hit rate at k: the share of users for whom the list held anything they went on to buy.

Reference: Deshpande, Karypis, "Item-based top-N recommendation algorithms", TOIS 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, hits, relevant


@dataclass(frozen=True)
class HitRateConfig:
    """`k`: positions that count."""

    k: int = 10


class HitRate:
    """1 for a unit that bought one of the first k items shown, else 0: a proportion."""

    Config = HitRateConfig
    unit: str = "share"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout",)

    def __init__(self, config: HitRateConfig) -> None:
        self.k = checked_k(config.k, "hit_rate")
        self.label = f"hit_rate@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return 0 or 1 for every unit. Raises TrialError where k positions were not shown."""
        relevant(outcomes, self.label)
        found = hits(outcomes, self.k, self.label).max(axis=1)
        return UnitValues("proportion", found.astype(np.float64))

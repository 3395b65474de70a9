"""Mean reciprocal rank at k: how far down the first purchase stands.

Reference: Voorhees, "The TREC-8 question answering track report", TREC 1999.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, hits, relevant


@dataclass(frozen=True)
class MrrConfig:
    """`k`: positions that count."""

    k: int = 10


class Mrr:
    """One over the position of the first shown item that was bought; 0 where none of the first k was."""

    Config = MrrConfig
    unit: str = "score"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout",)

    def __init__(self, config: MrrConfig) -> None:
        self.k = checked_k(config.k, "mrr")
        self.label = f"mrr@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return the reciprocal rank of every unit, between 0 and 1. Raises TrialError where k were not shown."""
        relevant(outcomes, self.label)
        found = hits(outcomes, self.k, self.label)
        return UnitValues("mean", np.where(found.max(axis=1), 1.0 / (1.0 + found.argmax(axis=1)), 0.0))

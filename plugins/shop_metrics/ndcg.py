"""Normalised discounted cumulative gain at k, with binary gain.

Reference: Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002;
discount 1 / log2(1 + rank).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, hits, relevant


@dataclass(frozen=True)
class NdcgConfig:
    """`k`: positions that count."""

    k: int = 10


class Ndcg:
    """Discounted gain of the first k positions, over the best that the unit's purchases allow.

    The ideal list holds min(k, distinct items bought) purchases at its top, so a perfect list scores 1 for every
    unit; a unit that bought nothing scores 0.
    """

    Config = NdcgConfig
    unit: str = "score"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout",)

    def __init__(self, config: NdcgConfig) -> None:
        self.k = checked_k(config.k, "ndcg")
        self.label = f"ndcg@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return the nDCG of every unit, between 0 and 1. Raises TrialError where k positions were not shown."""
        wanted = np.minimum(relevant(outcomes, self.label), self.k)
        discount = 1.0 / np.log2(np.arange(2, self.k + 2))
        gain = hits(outcomes, self.k, self.label) @ discount
        ideal = np.concatenate([[0.0], np.cumsum(discount)])[wanted]
        return UnitValues("mean", np.where(wanted > 0, gain / np.where(wanted > 0, ideal, 1.0), 0.0))

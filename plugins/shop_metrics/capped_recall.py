"""Capped recall at k: which share of what k positions could hold of a user's later purchases was shown.

Reference: the denominator min(k, |relevant|) as in Liang, Krishnan, Hoffman, Jebara, "Variational autoencoders for
collaborative filtering", WWW 2018, section 4.2, who call it recall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues
from shop_metrics.topk import checked_k, hits, relevant


@dataclass(frozen=True)
class CappedRecallConfig:
    """`k`: positions that count."""

    k: int = 10


class CappedRecall:
    """Distinct items bought among the first k shown, over min(k, all distinct items bought); 0 for who bought none.

    A perfect list scores 1 for every unit; papers that mean this by "recall" are not comparable with `recall`.
    """

    Config = CappedRecallConfig
    unit: str = "share"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout",)

    def __init__(self, config: CappedRecallConfig) -> None:
        self.k = checked_k(config.k, "capped_recall")
        self.label = f"capped_recall@{self.k}"

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return the capped recall of every unit (0 to 1). Raises TrialError where k positions were not shown."""
        wanted = np.minimum(relevant(outcomes, self.label), self.k)
        found = hits(outcomes, self.k, self.label).sum(axis=1)
        return UnitValues("mean", np.where(wanted > 0, found / np.maximum(wanted, 1), 0.0))

"""Catalogue coverage at k: which share of the catalogue anybody is shown.

Reference: Ge, Delgado-Battenfeld, Jannach, "Beyond accuracy: evaluating recommender systems by coverage and
serendipity", RecSys 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes
from shop_metrics.topk import checked_k, shown


@dataclass(frozen=True)
class CatalogueCoverageConfig:
    """`k`: positions that count."""

    k: int = 10


class CatalogueCoverage:
    """Distinct items among the first k positions of all units, over the catalogue.

    It grows with the number of units, so only arms with equally many can be set side by side.
    """

    Config = CatalogueCoverageConfig
    unit: str = "share"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: CatalogueCoverageConfig) -> None:
        self.k = checked_k(config.k, "catalogue_coverage")
        self.label = f"catalogue_coverage@{self.k}"

    def summarise(self, outcomes: Outcomes) -> float:
        """Return the arm's coverage, between 0 and 1 (0 for an empty catalogue). Raises TrialError as `shown` does."""
        items = shown(outcomes, self.k, self.label)
        return len(np.unique(items[items >= 0])) / max(outcomes.catalogue_size, 1)

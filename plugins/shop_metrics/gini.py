"""Gini coefficient of exposure at k: how unequally the shown positions fall on the catalogue.

Reference: Fleder, Hosanagar, "Blockbuster culture's next rise or fall", Management Science 2009; computed from the
sorted exposures, G = sum((2 i - n - 1) x_i) / (n sum(x)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes
from shop_metrics.topk import checked_k, shown


@dataclass(frozen=True)
class GiniConfig:
    """`k`: positions that count."""

    k: int = 10


class Gini:
    """0 where every item of the catalogue is shown equally often, near 1 where one item takes every position.

    Items never shown count with exposure 0.
    """

    Config = GiniConfig
    unit: str = "score"
    higher_is_better: bool = False
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: GiniConfig) -> None:
        self.k = checked_k(config.k, "gini")
        self.label = f"gini@{self.k}"

    def summarise(self, outcomes: Outcomes) -> float:
        """Return the arm's Gini coefficient (0 where nothing was shown). Raises TrialError as `shown` does."""
        items = shown(outcomes, self.k, self.label)
        exposure = np.sort(np.bincount(items[items >= 0], minlength=outcomes.catalogue_size))
        n, total = len(exposure), int(exposure.sum())
        if total == 0:
            return 0.0
        rank = np.arange(1, n + 1)
        return float(((2 * rank - n - 1) * exposure).sum() / (n * total))

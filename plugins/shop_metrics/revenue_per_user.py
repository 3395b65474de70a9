"""Revenue per user: money that shown items brought in, averaged over all users.

Reference: Kohavi, Tang, Xu, "Trustworthy Online Controlled Experiments", Cambridge 2020, chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues


@dataclass(frozen=True)
class RevenuePerUserConfig:
    """No parameters: all shown positions count."""


class RevenuePerUser:
    """What a unit paid for shown items, in minor currency units, 0 for those who bought none."""

    Config = RevenuePerUserConfig
    label: str = "revenue_per_user"
    unit: str = "money"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: RevenuePerUserConfig) -> None:
        self.config = config

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return every unit's revenue in minor units."""
        paid = np.where(outcomes.items >= 0, outcomes.amount, 0)
        return UnitValues("mean", paid.sum(axis=1).astype(np.float64))

"""Orders per user: baskets that hold a shown item, averaged over all users.

Reference: Kohavi, Tang, Xu, "Trustworthy Online Controlled Experiments", Cambridge 2020, chapter 6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues


@dataclass(frozen=True)
class OrdersPerUserConfig:
    """No parameters: all shown positions count."""


class OrdersPerUser:
    """The number of a unit's baskets with at least one shown item, 0 for those who ordered none."""

    Config = OrdersPerUserConfig
    label: str = "orders_per_user"
    unit: str = "count"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: OrdersPerUserConfig) -> None:
        self.config = config

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return every unit's number of orders."""
        return UnitValues("mean", outcomes.orders.astype(np.float64))

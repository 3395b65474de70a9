"""Average order value: revenue over orders, a ratio of two sums.

Reference: Deng, Knoblich, Lu, "Applying the delta method in metric analytics", KDD 2018: the unit of assignment is the
user, the unit of the average is the order, so an interval needs both sums of every user.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import Outcomes, UnitValues


@dataclass(frozen=True)
class AverageOrderValueConfig:
    """No parameters: all shown positions count."""


class AverageOrderValue:
    """Money paid for shown items per basket that holds one, in minor currency units.

    It moves when the mix of buyers moves: more small orders lower it while revenue grows. Read it beside
    revenue_per_user.
    """

    Config = AverageOrderValueConfig
    label: str = "average_order_value"
    unit: str = "money"
    higher_is_better: bool = True
    evidence: tuple[str, ...] = ("holdout", "simulated")

    def __init__(self, config: AverageOrderValueConfig) -> None:
        self.config = config

    def measure(self, outcomes: Outcomes) -> UnitValues:
        """Return every unit's revenue (numerator, minor units) and orders (denominator)."""
        paid = np.where(outcomes.items >= 0, outcomes.amount, 0).sum(axis=1)
        return UnitValues("ratio", paid.astype(np.float64), outcomes.orders.astype(np.float64))

"""Doubly robust with optimistic shrinkage: mean(expected + ws (r - fitted)), ws = constant w / (w^2 + constant).

Reference: Su, Dimakopoulou, Krishnamurthy, Dudik, "Doubly robust off-policy evaluation with shrinkage", ICML 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import with_model
from shop_estimators.shrinking import Shrinking, optimistic, shrunk_value


@dataclass(frozen=True)
class DrOsConfig(Shrinking):
    """`constant`: from 0 (dm) to infinite (dr), or "slope" or "mse": chosen among `candidates` at level `delta`."""

    def __post_init__(self) -> None:
        self.check("dr_os")


class DrOs:
    """DR whose weights grow up to the root of the constant and fall beyond, so that none exceeds half that root."""

    Config = DrOsConfig
    takes: str = "rows"
    needs_reward_model: bool = True
    uses_weights: bool = True

    def __init__(self, config: DrOsConfig) -> None:
        self.config = config
        self.label = config.label("dr_os")

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the model's mean answer plus the mean of shrunk corrections; `details` names a chosen constant."""
        rows, fitted, expected = with_model(logged, self.label)
        return shrunk_value(self.config, optimistic, rows.weight, rows.reward, fitted, expected)

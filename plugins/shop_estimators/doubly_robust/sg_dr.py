"""Doubly robust with sub-Gaussian weights: mean(expected + wt (r - fitted)), wt = w / (1 - constant + constant w).

Reference: Metelli, Russo, Restelli, "Subgaussian and differentiable importance sampling for off-policy evaluation and
learning", NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import with_model
from shop_estimators.shrinking import SHARES, Shrinking, shrunk_value, sub_gaussian


@dataclass(frozen=True)
class SgDrConfig(Shrinking):
    """`constant`: from 0 (dr) to 1 (weights of 1), or "slope" or "mse": chosen among `candidates` at level `delta`."""

    candidates: Sequence[float] = SHARES

    def __post_init__(self) -> None:
        self.check("sg_dr", 1.0)


class SgDr:
    """DR with weights pulled towards 1, none above 1 / constant."""

    Config = SgDrConfig
    takes: str = "rows"
    needs_reward_model: bool = True
    uses_weights: bool = True

    def __init__(self, config: SgDrConfig) -> None:
        self.config = config
        self.label = config.label("sg_dr")

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the model's mean answer plus the mean of shrunk corrections; `details` names a chosen constant."""
        rows, fitted, expected = with_model(logged, self.label)
        return shrunk_value(self.config, sub_gaussian, rows.weight, rows.reward, fitted, expected)

"""Inverse propensity scoring with sub-Gaussian weights: mean(wt r), wt = w / (1 - constant + constant w).

Reference: Metelli, Russo, Restelli, "Subgaussian and differentiable importance sampling for off-policy evaluation and
learning", NeurIPS 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import checked_rows
from shop_estimators.shrinking import SHARES, Shrinking, shrunk_value, sub_gaussian


@dataclass(frozen=True)
class SgIpsConfig(Shrinking):
    """`constant`: from 0 (ips) to 1 (weights of 1), or "slope" or "mse": chosen among `candidates` at level `delta`."""

    candidates: Sequence[float] = SHARES

    def __post_init__(self) -> None:
        self.check("sg_ips", 1.0)


class SgIps:
    """Weights pulled towards 1 by a harmonic mean with it, none above 1 / constant: smooth where clipping is not."""

    Config = SgIpsConfig
    takes: str = "rows"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: SgIpsConfig) -> None:
        self.config = config
        self.label = config.label("sg_ips")

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the mean of rewards under such weights; `details` names a constant that was chosen."""
        rows = checked_rows(logged, self.label)
        return shrunk_value(self.config, sub_gaussian, rows.weight, rows.reward)

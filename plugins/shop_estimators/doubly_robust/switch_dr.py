"""Switching between model and correction: mean(expected + w 1[w <= constant] (r - fitted)).

Reference: Wang, Agarwal, Dudik, "Optimal and adaptive off-policy evaluation in contextual bandits", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import with_model
from shop_estimators.shrinking import Shrinking, shrunk_value, switch


@dataclass(frozen=True)
class SwitchDrConfig(Shrinking):
    """`constant`: the largest weight that corrects, or "slope" or "mse": chosen among `candidates` at level `delta`."""

    def __post_init__(self) -> None:
        self.check("switch_dr")


class SwitchDr:
    """DR where weights are small; the reward model alone where they are larger than the constant."""

    Config = SwitchDrConfig
    takes: str = "rows"
    needs_reward_model: bool = True
    uses_weights: bool = True

    def __init__(self, config: SwitchDrConfig) -> None:
        self.config = config
        self.label = config.label("switch_dr")

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the model's mean answer plus the mean of shrunk corrections; `details` names a chosen constant."""
        rows, fitted, expected = with_model(logged, self.label)
        return shrunk_value(self.config, switch, rows.weight, rows.reward, fitted, expected)

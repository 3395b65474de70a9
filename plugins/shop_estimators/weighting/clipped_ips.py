"""Inverse propensity scoring with weights cut off: mean(min(w, constant) r).

Reference: Ionides, "Truncated importance sampling", JCGS 2008; Bottou et al., JMLR 2013.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import checked_rows
from shop_estimators.shrinking import Shrinking, clip, shrunk_value


@dataclass(frozen=True)
class ClippedIpsConfig(Shrinking):
    """`constant`: the largest weight, or "slope" or "mse": chosen among `candidates` at level `delta`."""

    def __post_init__(self) -> None:
        self.check("clipped_ips")


class ClippedIps:
    """Less spread than IPS, and too low where rewards are not negative: it never says more than the log shows."""

    Config = ClippedIpsConfig
    takes: str = "rows"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: ClippedIpsConfig) -> None:
        self.config = config
        self.label = config.label("clipped_ips")

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the mean of rewards under clipped weights; `details` names a constant that was chosen."""
        rows = checked_rows(logged, self.label)
        return shrunk_value(self.config, clip, rows.weight, rows.reward)

"""Self-normalised doubly robust: mean(expected) + sum(w (r - fitted)) / sum(w).

Reference: Thomas and Brunskill, "Data-efficient off-policy policy evaluation for reinforcement learning", ICML 2016
(their weighted doubly robust estimator, for one decision); Kallus and Uehara, NeurIPS 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import with_model
from shop_estimators.weighting.snips import weighted_mean


@dataclass(frozen=True)
class SndrConfig:
    """Nothing to set."""


class Sndr:
    """DR whose correction is a weighted mean: calmer where few large weights carry it."""

    Config = SndrConfig
    label: str = "sndr"
    takes: str = "rows"
    needs_reward_model: bool = True
    uses_weights: bool = True

    def __init__(self, config: SndrConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the model's mean answer plus the weighted mean of residuals. Raises TrialError: all weights are 0."""
        rows, fitted, expected = with_model(logged, self.label)
        correction = weighted_mean(rows.weight, rows.reward - fitted, self.label)
        return PolicyValue(float(expected.mean()) + correction.value, expected + correction.terms)

"""Per-decision importance sampling: mean(sum_t discount^t w_0..t r_t), w the product of ratios up to each decision.

Reference: Precup, Sutton, Singh, "Eligibility traces for off-policy policy evaluation", ICML 2000; self-normalised at
each step: Thomas, "Safe reinforcement learning", 2015 (consistent weighted per-decision importance sampling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.errors import ConfigError
from framework.records import PolicyValue, WeightedTrajectories
from shop_estimators.given import checked_trajectories
from shop_estimators.slates.places import summed_places


@dataclass(frozen=True)
class PerDecisionConfig:
    """`discount`: what a reward loses with each step. `self_normalised`: each step's weights over their mean."""

    discount: float = 1.0
    self_normalised: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.discount <= 1.0:
            raise ConfigError(f"per_decision's discount is {self.discount:g}", allowed="above 0, at most 1")


class PerDecision:
    """Value of a trajectory from its start; a reward is weighted by the decisions that came before it, not after.

    A trajectory that has ended keeps its weight and earns nothing. One that was cut off is taken to earn nothing more.
    Spread grows with the number of decisions, exponentially: good for a handful.
    """

    Config = PerDecisionConfig
    takes: str = "trajectories"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: PerDecisionConfig) -> None:
        self.config = config
        self.label = "snper_decision" if config.self_normalised else "per_decision"

    def estimate(self, logged: WeightedTrajectories) -> PolicyValue:
        """Return the policy's value of a whole trajectory."""
        found = checked_trajectories(logged, self.label)
        weight = np.asarray(np.cumprod(np.where(found.there, found.weight, 1.0), axis=1), dtype=np.float64)
        worth = self.config.discount ** np.arange(found.reward.shape[1])
        reward = np.where(found.there, found.reward, 0.0) * worth
        return summed_places(weight, reward, self.label, self_normalised=self.config.self_normalised)

"""Self-normalised inverse propensity scoring: sum(w r) / sum(w).

Reference: Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning", NeurIPS 2015. Its
error is the delta method's: a row's influence is w (r - value) / mean(w).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import checked_rows, total_weight


@dataclass(frozen=True)
class SnipsConfig:
    """Nothing to set."""


class Snips:
    """A weighted mean: never outside the rewards seen, shifted with them, of less spread; a bias of order 1 / n."""

    Config = SnipsConfig
    label: str = "snips"
    takes: str = "rows"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: SnipsConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the weighted mean of rewards. Raises TrialError where every weight is 0."""
        rows = checked_rows(logged, self.label)
        return weighted_mean(rows.weight, rows.reward, self.label)


def weighted_mean(weight: NDArray[np.float64], reward: NDArray[np.float64], label: str) -> PolicyValue:
    """Return sum(w r) / sum(w), with terms value + w (r - value) / mean(w)."""
    total = total_weight(weight, label)
    value = float((weight * reward).sum()) / total
    return PolicyValue(value, value + weight * (reward - value) * (weight.size / total))

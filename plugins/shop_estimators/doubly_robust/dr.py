"""Doubly robust: mean(expected + w (r - fitted)), a reward model corrected by what it missed.

Reference: Dudik, Langford, Li, "Doubly robust policy evaluation and learning", ICML 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import with_model


@dataclass(frozen=True)
class DrConfig:
    """Nothing to set."""


class Dr:
    """Unbiased where either the propensities or the model are right; less spread than IPS as far as the model is good.

    The model must not have seen the row that it is corrected by: fit it on other folds.
    """

    Config = DrConfig
    label: str = "dr"
    takes: str = "rows"
    needs_reward_model: bool = True
    uses_weights: bool = True

    def __init__(self, config: DrConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the model's mean answer plus the mean of weighted residuals."""
        rows, fitted, expected = with_model(logged, self.label)
        terms = expected + rows.weight * (rows.reward - fitted)
        return PolicyValue(float(terms.mean()), terms)

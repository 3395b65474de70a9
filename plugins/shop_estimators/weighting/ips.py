"""Inverse propensity scoring: mean(w r), with w the policy's probability of the logged action over the logger's.

Reference: Horvitz and Thompson, "A generalization of sampling without replacement from a finite universe", JASA 1952;
for policies Precup, Sutton, Singh, ICML 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import checked_rows


@dataclass(frozen=True)
class IpsConfig:
    """Nothing to set."""


class Ips:
    """Unbiased where the propensities are right and the logger shows all that the policy does; its spread is large."""

    Config = IpsConfig
    label: str = "ips"
    takes: str = "rows"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: IpsConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the mean of weighted rewards."""
        rows = checked_rows(logged, self.label)
        terms = rows.weight * rows.reward
        return PolicyValue(float(terms.mean()), terms)

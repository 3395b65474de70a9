"""Cascade doubly robust: mean(sum_k w_1..k (r_k - fitted_k) + w_1..k-1 expected_k), with w_1..0 = 1.

fitted_k is what a reward model foretells of the item at place k given those above it, expected_k its mean over the
policy's choice at that place, given the logged items above. Reference: Kiyohara, Saito, Matsuhiro, Narita, Shimizu,
Yamamoto, "Doubly robust off-policy evaluation for ranking policies under the cascade behavior model", WSDM 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.records import PolicyValue, WeightedSlates
from shop_estimators.given import with_model


@dataclass(frozen=True)
class CascadeDrConfig:
    """Nothing to set."""


class CascadeDr:
    """RIPS corrected by a reward model: as unbiased under the cascade, with less spread where the model is good."""

    Config = CascadeDrConfig
    label: str = "cascade_dr"
    takes: str = "slates"
    needs_reward_model: bool = True
    uses_weights: bool = True

    def __init__(self, config: CascadeDrConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedSlates) -> PolicyValue:
        """Return what a slate earns, summed over places."""
        slates, fitted, expected = with_model(logged, self.label)
        above = np.ones_like(slates.cascade)
        above[:, 1:] = slates.cascade[:, :-1]
        terms = (slates.cascade * (slates.reward - fitted) + above * expected).sum(axis=1)
        return PolicyValue(float(terms.mean()), terms)

"""Reward interaction inverse propensity scoring of slates: mean(sum_k w_1..k r_k), w of the items down to place k.

Reference: McInerney, Brost, Chandar, Mehrotra, Carterette, "Counterfactual evaluation of slate recommendations with
sequential reward interactions", KDD 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedSlates
from shop_estimators.given import checked_slates
from shop_estimators.slates.places import summed_places


@dataclass(frozen=True)
class RipsConfig:
    """`self_normalised`: divide each place's weights by their mean over slates; the estimator is then "snrips"."""

    self_normalised: bool = False


class Rips:
    """Right where users read from the top: what a place earns hangs on the items above it, not below."""

    Config = RipsConfig
    takes: str = "slates"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: RipsConfig) -> None:
        self.config = config
        self.label = "snrips" if config.self_normalised else "rips"

    def estimate(self, logged: WeightedSlates) -> PolicyValue:
        """Return what a slate earns, summed over places."""
        slates = checked_slates(logged, self.label)
        return summed_places(slates.cascade, slates.reward, self.label, self_normalised=self.config.self_normalised)

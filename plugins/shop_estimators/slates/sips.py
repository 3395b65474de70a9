"""Standard inverse propensity scoring of slates: mean(w sum_k r_k), w = pi_e(slate) / pi_b(slate).

Reference: Precup, Sutton, Singh, "Eligibility traces for off-policy policy evaluation", ICML 2000; named so by
McInerney et al., KDD 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedSlates
from shop_estimators.given import checked_slates
from shop_estimators.slates.places import summed_places


@dataclass(frozen=True)
class SipsConfig:
    """`self_normalised`: divide each place's weights by their mean over slates; the estimator is then "snsips"."""

    self_normalised: bool = False


class Sips:
    """Assumes nothing of how users read a slate, and pays for it: weights are of whole slates."""

    Config = SipsConfig
    takes: str = "slates"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: SipsConfig) -> None:
        self.config = config
        self.label = "snsips" if config.self_normalised else "sips"

    def estimate(self, logged: WeightedSlates) -> PolicyValue:
        """Return what a slate earns, summed over places."""
        slates = checked_slates(logged, self.label)
        return summed_places(slates.slate, slates.reward, self.label, self_normalised=self.config.self_normalised)

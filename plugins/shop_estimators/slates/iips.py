"""Independent inverse propensity scoring of slates: mean(sum_k w_k r_k), w_k of the item at place k alone.

Reference: Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay, Wen, "Offline evaluation of ranking policies with click
models", KDD 2018 (item-position model).
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedSlates
from shop_estimators.given import checked_slates
from shop_estimators.slates.places import summed_places


@dataclass(frozen=True)
class IipsConfig:
    """`self_normalised`: divide each place's weights by their mean over slates; the estimator is then "sniips"."""

    self_normalised: bool = False


class Iips:
    """Right where a place earns by its own item, whatever is shown beside it; of the least spread."""

    Config = IipsConfig
    takes: str = "slates"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: IipsConfig) -> None:
        self.config = config
        self.label = "sniips" if config.self_normalised else "iips"

    def estimate(self, logged: WeightedSlates) -> PolicyValue:
        """Return what a slate earns, summed over places."""
        slates = checked_slates(logged, self.label)
        return summed_places(slates.place, slates.reward, self.label, self_normalised=self.config.self_normalised)

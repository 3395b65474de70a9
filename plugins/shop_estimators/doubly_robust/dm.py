"""The direct method: mean(sum_a pi_e(a | x) q(x, a)), what a reward model foretells of the policy.

Reference: Beygelzimer and Langford, "The offset tree for learning with partial labels", KDD 2009; Dudik, Langford, Li,
ICML 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import with_model


@dataclass(frozen=True)
class DmConfig:
    """Nothing to set."""


class Dm:
    """Of little spread, and as wrong as the model is.

    The terms are the model's answers, so their spread leaves out the model's own error: an interval needs the model
    fitted anew in every resample (`framework.stats.off_policy.refitted`), and even that shows no bias.
    """

    Config = DmConfig
    label: str = "dm"
    takes: str = "rows"
    needs_reward_model: bool = True
    uses_weights: bool = False

    def __init__(self, config: DmConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the model's mean answer under the policy."""
        terms = with_model(logged, self.label)[2].copy()
        return PolicyValue(float(terms.mean()), terms)

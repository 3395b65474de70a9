"""Marginalised inverse propensity scoring: mean(w(x, e) r), e being what the logged action is like.

w(x, e) = sum_a pi_e(a | x) p(e | a) / sum_a pi_b(a | x) p(e | a). Reference: Saito and Joachims, "Off-policy evaluation
for large action spaces via embeddings", ICML 2022.
"""

from __future__ import annotations

from dataclasses import dataclass

from framework.errors import TrialError
from framework.records import PolicyValue, WeightedRows
from shop_estimators.given import checked_rows
from shop_estimators.weighting.snips import weighted_mean


@dataclass(frozen=True)
class MipsConfig:
    """`self_normalised`: divide by the mean weight, as `snips` does."""

    self_normalised: bool = False


class Mips:
    """IPS over weights of features, for catalogues in which single items were hardly shown.

    Unbiased where an item earns by its features alone; weights vary less than those of items. They are
    `WeightedRows.marginal` (`framework.stats.off_policy.marginal_weights`).
    """

    Config = MipsConfig
    takes: str = "rows"
    needs_reward_model: bool = False
    uses_weights: bool = True

    def __init__(self, config: MipsConfig) -> None:
        self.config = config
        self.label = "snmips" if config.self_normalised else "mips"

    def estimate(self, logged: WeightedRows) -> PolicyValue:
        """Return the mean of rewards under marginal weights. Raises TrialError where the rows have none."""
        if logged.marginal is None:
            raise TrialError(
                f"{self.label} weighs by what actions are like, and the rows have no marginal weights",
                hint="Give the log features of its actions, or use ips.",
            )
        rows = checked_rows(WeightedRows(logged.reward, logged.marginal), self.label)
        if self.config.self_normalised:
            return weighted_mean(rows.weight, rows.reward, self.label)
        terms = rows.weight * rows.reward
        return PolicyValue(float(terms.mean()), terms)

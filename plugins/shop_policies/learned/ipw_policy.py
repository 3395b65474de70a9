"""A policy learned from a log by inverse propensity weighting, with a penalty on what the log does not settle.

References: Swaminathan and Joachims, JMLR 2015 (POEM) and NIPS 2015 (Norm-POEM); see `counterfactual_risk`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import LoggedDecisions
from shop_policies.bandits.reward_sums import check_draws, check_numbers
from shop_policies.learned.counterfactual_risk import Objective, maximised
from shop_policies.learned.log_rows import LogRows
from shop_policies.learned.softmax_linear import SoftmaxLinear


@dataclass(frozen=True)
class IpwPolicyConfig:
    """How it is learned.

    `variance` times the estimate's standard error is taken off the value: 0 trusts every estimate, 1 to 4 stay near the
    logger where the log is small. `self_normalised` divides by the mean weight; `clip` is the highest weight that
    counts. `regularization` is the ridge on the weights, `steps` those of L-BFGS at most. `file`: a learned policy that
    `save` wrote; null: none, and before `fit` all candidates are as likely. `propensity_draws`: pages drawn for the
    propensities of the second position and those after it.
    """

    variance: float = 1.0
    self_normalised: bool = False
    clip: float = 100.0
    regularization: float = 1e-4
    steps: int = 200
    file: str | None = None
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        check_learning("ipw_policy", self.variance, self.clip, self.regularization, self.steps)
        check_draws("ipw_policy", self.propensity_draws)


class IpwPolicy(SoftmaxLinear):
    """Draws pages by exp(x' w), with the weights of highest estimated value on a log, less its uncertainty."""

    Config = IpwPolicyConfig

    def __init__(self, config: IpwPolicyConfig) -> None:
        self.config = config
        super().__init__(config.propensity_draws, config.file)

    def fit(self, decisions: LoggedDecisions, items: NDArray[np.int32] | None = None) -> None:
        """Learn from a log; `items` (A,) are its actions' indexes in the catalogue (None: their own order).

        Same log, same weights. Raises DataError for a log without propensities.
        """
        config = self.config
        objective = Objective(
            LogRows.of(decisions), config.clip, config.variance, config.regularization, config.self_normalised
        )
        self.take(maximised(objective, config.steps), items)


def check_learning(policy: str, variance: float, clip: float, regularization: float, steps: int) -> None:
    """Raise ConfigError for a setting of learning that cannot be."""
    check_numbers(policy, positive={"clip": clip})
    for name, value in (("variance", variance), ("regularization", regularization), ("steps", float(steps))):
        if not (value >= 0.0 and np.isfinite(value)):
            raise ConfigError(f"{policy}'s {name} is {value}", allowed="a number from 0")

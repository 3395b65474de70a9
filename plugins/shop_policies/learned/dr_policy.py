"""A policy learned from a log by doubly robust values, with a penalty on what the log does not settle.

A regression of the reward foretells every action in every context, and weighted rows correct it where it errs.
References: Dudik, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011, for the value;
Swaminathan and Joachims, JMLR 2015, for the penalty; Athey and Wager, Econometrica 2021, for cross-fitting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import LoggedDecisions
from shop_policies.bandits.reward_sums import check_draws, check_numbers
from shop_policies.learned.counterfactual_risk import Objective, maximised
from shop_policies.learned.ipw_policy import check_learning
from shop_policies.learned.log_rows import LogRows
from shop_policies.learned.softmax_linear import SoftmaxLinear


@dataclass(frozen=True)
class DrPolicyConfig:
    """How it is learned.

    `variance`, `clip`, `regularization`, `steps`, `file` and `propensity_draws` as `ipw_policy`'s. Rewards are foretold
    by a ridge regression on the context for each action (`ridge`), fitted on the other of `folds` parts of the units.
    """

    variance: float = 1.0
    clip: float = 100.0
    regularization: float = 1e-4
    ridge: float = 1.0
    folds: int = 3
    steps: int = 200
    file: str | None = None
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        check_learning("dr_policy", self.variance, self.clip, self.regularization, self.steps)
        check_numbers("dr_policy", positive={"ridge": self.ridge})
        check_draws("dr_policy", self.propensity_draws)
        if self.folds < 2:
            raise ConfigError(f"dr_policy's folds is {self.folds}", allowed="2 or more")


class DrPolicy(SoftmaxLinear):
    """Draws pages by exp(x' w), with the weights of highest doubly robust value on a log, less its uncertainty."""

    Config = DrPolicyConfig

    def __init__(self, config: DrPolicyConfig) -> None:
        self.config = config
        super().__init__(config.propensity_draws, config.file)

    def fit(self, decisions: LoggedDecisions, items: NDArray[np.int32] | None = None) -> None:
        """Learn from a log; `items` (A,) are its actions' indexes in the catalogue (None: their own order).

        Same log, same weights. Raises DataError for a log without propensities.
        """
        config, rows = self.config, LogRows.of(decisions)
        predicted = foretold(rows, config.ridge, config.folds)
        objective = Objective(rows, config.clip, config.variance, config.regularization, predicted=predicted)
        self.take(maximised(objective, config.steps), items)


def foretold(rows: LogRows, ridge: float, folds: int) -> NDArray[np.float64]:
    """Return the reward (n, A) foretold of every action, each row by regressions that its unit's fold did not enter.

    Units belong to folds in turn, by their number. What an action's context says is penalised, and so is its constant,
    towards the mean reward of the fold's others.
    """
    found = np.zeros((len(rows.reward), rows.actions))
    width = rows.contexts.shape[1]
    fold = rows.unit % folds
    for own in range(folds):
        learn, tell = fold != own, fold == own
        mean = rows.reward[learn].mean() if learn.any() else 0.0
        for action in range(rows.actions):
            x = rows.contexts[learn & (rows.action == action)]
            r = rows.reward[learn & (rows.action == action)] - mean
            theta = np.linalg.solve(x.T @ x + ridge * np.eye(width), x.T @ r)
            found[tell, action] = mean + rows.contexts[tell] @ theta
    return found

"""X-learner: each arm's outcomes less what the other arm's regression foretells are regressed on the features.

Reference: Kunzel, Sekhon, Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine
learning", PNAS 2019: eq. 8 to 10, the weight g being the probability of treatment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import PluginError
from shop_models.uplift.regressions import Floats, Predict, RegressionConfig, regress, seed_of


@dataclass(frozen=True)
class XLearnerConfig(RegressionConfig):
    """The regressions: `outcomes` in each arm as `RegressionConfig` says, `effects` of what the arms differ by.

    Both are "linear" or "boosting"; `trees`, `leaves`, `min_leaf` and `learning_rate` count for boosting.
    """

    effects: Literal["linear", "boosting"] = "linear"


class XLearner:
    """Four regressions; the larger arm teaches the smaller one. At its best where one arm is much the larger."""

    Config = XLearnerConfig

    def __init__(self, config: XLearnerConfig) -> None:
        self.config = config
        self.of_treated: Predict | None = None
        self.of_control: Predict | None = None
        self.share = 0.5

    def fit(
        self,
        features: Floats,
        treated: NDArray[np.bool_],
        outcome: Floats,
        propensity: Floats,
        rng: np.random.Generator,
    ) -> None:
        """Learn from a test's units, each with its probability of treatment; their mean weighs the two halves."""
        config = self.config
        control, treatment = (
            regress(config, config.outcomes, features[arm], outcome[arm], seed_of(rng)) for arm in (~treated, treated)
        )
        gained = outcome[treated] - control(features[treated])
        missed = treatment(features[~treated]) - outcome[~treated]
        self.of_treated = regress(config, config.effects, features[treated], gained, seed_of(rng))
        self.of_control = regress(config, config.effects, features[~treated], missed, seed_of(rng))
        self.share = float(propensity.mean())

    def effect(self, features: Floats) -> Floats:
        """Return the predicted effect (n,). Raises PluginError before `fit`."""
        if self.of_treated is None or self.of_control is None:
            raise PluginError("uplift 'x_learner' was asked before it was fitted", hint="Call fit first.")
        return self.share * self.of_control(features) + (1 - self.share) * self.of_treated(features)

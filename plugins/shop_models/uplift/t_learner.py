"""T-learner: a regression of the outcome in each arm; the effect is their difference.

Reference: Kunzel, Sekhon, Bickel and Yu, "Metalearners for estimating heterogeneous treatment effects using machine
learning", PNAS 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import PluginError
from shop_models.uplift.regressions import Floats, Predict, RegressionConfig, regress, seed_of


@dataclass(frozen=True)
class TLearnerConfig(RegressionConfig):
    """The regressions of the outcome, one an arm: see `RegressionConfig`.

    `outcomes`: "linear", or "boosting", where `trees`, `leaves`, `min_leaf` and `learning_rate` count.
    """


class TLearner:
    """Two regressions that know nothing of each other: at its best where the arms behave differently and are large."""

    Config = TLearnerConfig

    def __init__(self, config: TLearnerConfig) -> None:
        self.config = config
        self.arms: tuple[Predict, Predict] | None = None

    def fit(
        self,
        features: Floats,
        treated: NDArray[np.bool_],
        outcome: Floats,
        propensity: Floats,  # noqa: ARG002 - learners are called alike
        rng: np.random.Generator,
    ) -> None:
        """Learn from a test's units; `propensity` is not used."""
        kind = self.config.outcomes
        control, treatment = (
            regress(self.config, kind, features[arm], outcome[arm], seed_of(rng)) for arm in (~treated, treated)
        )
        self.arms = control, treatment

    def effect(self, features: Floats) -> Floats:
        """Return the predicted effect (n,). Raises PluginError before `fit`."""
        if self.arms is None:
            raise PluginError("uplift 't_learner' was asked before it was fitted", hint="Call fit first.")
        control, treatment = self.arms
        return treatment(features) - control(features)

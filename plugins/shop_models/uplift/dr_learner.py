"""DR-learner: doubly robust pseudo-outcomes, regressed on the features.

Reference: Kennedy, "Towards optimal doubly robust estimation of heterogeneous causal effects", Electronic Journal of
Statistics 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, PluginError
from shop_models.uplift.pseudo_outcomes import pseudo_outcomes
from shop_models.uplift.regressions import Floats, Predict, RegressionConfig, regress, seed_of


@dataclass(frozen=True)
class DRLearnerConfig(RegressionConfig):
    """The regressions: `outcomes` in each arm as `RegressionConfig` says, `effects` of the pseudo-outcomes.

    Both are "linear" or "boosting"; `trees`, `leaves`, `min_leaf` and `learning_rate` count for boosting.
    Pseudo-outcomes of each of `folds` folds come from regressions on the others.
    """

    effects: Literal["linear", "boosting"] = "linear"
    folds: int = 5

    def __post_init__(self) -> None:
        """Refuse fewer than two folds."""
        super().__post_init__()
        if self.folds < 2:
            raise ConfigError(f"folds is {self.folds}", allowed="2 or more")


class DRLearner:
    """Cross-fitted. Its error hangs on how smooth the effect is, not the outcome: the first choice for tests."""

    Config = DRLearnerConfig

    def __init__(self, config: DRLearnerConfig) -> None:
        self.config = config
        self.predict: Predict | None = None

    def fit(
        self,
        features: Floats,
        treated: NDArray[np.bool_],
        outcome: Floats,
        propensity: Floats,
        rng: np.random.Generator,
    ) -> None:
        """Learn from a test's units, each with its known probability of treatment."""
        config = self.config
        pseudo = pseudo_outcomes(config, config.folds, features, treated, outcome, propensity, rng)
        self.predict = regress(config, config.effects, features, pseudo, seed_of(rng))

    def effect(self, features: Floats) -> Floats:
        """Return the predicted effect (n,). Raises PluginError before `fit`."""
        if self.predict is None:
            raise PluginError("uplift 'dr_learner' was asked before it was fitted", hint="Call fit first.")
        return self.predict(features)

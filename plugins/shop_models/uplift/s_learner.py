"""S-learner: one regression of the outcome on features and treatment; the effect is what flipping the treatment does.

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
class SLearnerConfig(RegressionConfig):
    """The regression of the outcome: see `RegressionConfig`.

    `outcomes`: "linear", with the products of treatment and features (without them every unit would have one effect),
    or "boosting", where `trees`, `leaves`, `min_leaf` and `learning_rate` count.
    """


class SLearner:
    """One regression for both arms. It shrinks effects towards 0, so it is careful where there are none."""

    Config = SLearnerConfig

    def __init__(self, config: SLearnerConfig) -> None:
        self.config = config
        self.predict: Predict | None = None

    def fit(
        self,
        features: Floats,
        treated: NDArray[np.bool_],
        outcome: Floats,
        propensity: Floats,  # noqa: ARG002 - learners are called alike
        rng: np.random.Generator,
    ) -> None:
        """Learn from a test's units; `propensity` is not used."""
        self.predict = regress(self.config, self.config.outcomes, self._with(features, treated), outcome, seed_of(rng))

    def effect(self, features: Floats) -> Floats:
        """Return the predicted effect (n,). Raises PluginError before `fit`."""
        if self.predict is None:
            raise PluginError("uplift 's_learner' was asked before it was fitted", hint="Call fit first.")
        everybody = np.ones(len(features), dtype=bool)
        return self.predict(self._with(features, everybody)) - self.predict(self._with(features, ~everybody))

    def _with(self, features: Floats, treated: NDArray[np.bool_]) -> Floats:
        arm = treated[:, None].astype(np.float64)
        parts = [features, arm]
        if self.config.outcomes == "linear":
            parts.append(features * arm)
        return np.hstack(parts)

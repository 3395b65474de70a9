"""Doubly robust pseudo-outcomes: a number for each unit whose mean, given the features, is the effect.

Reference: Kennedy, "Towards optimal doubly robust estimation of heterogeneous causal effects", Electronic Journal of
Statistics 2023, algorithm 1, with folds in the place of its two samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shop_models.uplift.regressions import Floats, RegressionConfig, dealt_folds, regress, seed_of


def pseudo_outcomes(
    config: RegressionConfig,
    folds: int,
    features: Floats,
    treated: NDArray[np.bool_],
    outcome: Floats,
    propensity: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Return m_1(x) - m_0(x) + (t - e) / (e (1 - e)) (y - m_t(x)) for each unit (n,).

    The regressions m of a fold were fitted to the other folds. `propensity` e (n,) is known from the test's design, so
    the mean is right whatever m is.
    """
    fold = dealt_folds(treated, folds, rng)
    found = np.zeros(outcome.size)
    for number in range(folds):
        rows, others = fold == number, fold != number
        control, treatment = (
            regress(config, config.outcomes, features[others & arm], outcome[others & arm], seed_of(rng))(
                features[rows]
            )
            for arm in (~treated, treated)
        )
        own, chance = treated[rows], propensity[rows]
        residual = outcome[rows] - np.where(own, treatment, control)
        found[rows] = treatment - control + (own - chance) / (chance * (1 - chance)) * residual
    return found

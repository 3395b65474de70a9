"""CUPAC: a model's prediction of the outcome, from what was known before the test, as the one covariate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.adjustment.regression import adjusted
from framework.stats.adjustment.robust import meat_of
from framework.stats.compare import adjusted_effect_of
from framework.stats.effects import Effect
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.two_arms import TwoArms

FOLDS = 5
OUTCOME, PREDICTION = "outcome", "prediction"


def out_of_fold(
    features: NDArray[np.float64], outcome: NDArray[np.float64], *, seed: int, model: Callable[[], Any] | None = None
) -> NDArray[np.float64]:
    """Return (n,) predictions of `outcome` (n,) from `features` (n, p), each by a model that never saw the unit.

    Units are dealt into `FOLDS` folds by a seeded permutation; arms play no part, so the prediction is a covariate from
    before the test. `model` makes something with `fit` and `predict` (default: scikit-learn's histogram gradient
    boosting). Li, Tang and Bauman 2020, "Improving experimental power through control using predictions as covariate".

    Raises:
        TrialError: fewer units than twice the folds.
    """
    if len(outcome) < 2 * FOLDS:
        raise TrialError(f"{len(outcome)} units cannot be dealt into {FOLDS} folds", allowed=f"{2 * FOLDS} or more")
    from threadpoolctl import threadpool_limits

    if model is None:
        from sklearn.ensemble import HistGradientBoostingRegressor

        def model() -> Any:
            return HistGradientBoostingRegressor(random_state=seed)

    fold = np.random.default_rng(seed).permutation(len(outcome)) % FOLDS
    found = np.empty(len(outcome))
    with threadpool_limits(1):  # sums on several threads move the last digits, and small trees wait for each other
        for number in range(FOLDS):
            held = fold == number
            found[held] = model().fit(features[~held], outcome[~held]).predict(features[held])
    return found


def cupac_effect(
    control: NDArray[np.float64],
    treatment: NDArray[np.float64],
    features_control: NDArray[np.float64],
    features_treatment: NDArray[np.float64],
    *,
    metric: str,
    control_name: str,
    treatment_name: str,
    segment: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    error: str = "hc2",
) -> Effect:
    """Return the difference of means (n,) adjusted by Lin's regression on the out-of-fold prediction.

    Cross-fitting and Lin's own slopes keep the error honest however bad the model is: a useless prediction costs
    nothing but the time.
    """
    n = len(control)
    prediction = out_of_fold(
        np.concatenate([features_control, features_treatment]), np.concatenate([control, treatment]), seed=seed
    )
    sides = [
        {OUTCOME: control, PREDICTION: prediction[:n]},
        {OUTCOME: treatment, PREDICTION: prediction[n:]},
    ]
    measure = Measure(metric, "mean", OUTCOME, None, (Covariate(PREDICTION),))
    arms = TwoArms(measure, Moments.of(sides[0]), Moments.of(sides[1]))
    adjustment = adjusted(arms)
    meats = meat_of(adjustment.control, sides[0]), meat_of(adjustment.treatment, sides[1])
    return adjusted_effect_of(
        arms,
        control_name=control_name,
        treatment_name=treatment_name,
        segment=segment,
        confidence=confidence,
        error=error,
        meats=meats,
        label=f"CUPAC ({FOLDS}-fold gradient boosting), ",
    )

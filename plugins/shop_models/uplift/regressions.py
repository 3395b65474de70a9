"""The regressions that uplift learners are made of: ridge and logistic ones, or boosted trees, of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError

Floats = NDArray[np.float64]
Predict = Callable[[Floats], Floats]

ALPHAS = tuple(np.logspace(-1, 4, 11).tolist())
"""Penalties of ridge regressions, chosen among by leave-one-out error."""


@dataclass(frozen=True)
class RegressionConfig:
    """`outcomes` is what outcomes are regressed with: "linear" or "boosting".

    Linear: ridge, its penalty chosen by leave-one-out, and logistic regression with scikit-learn's unit penalty where
    outcomes are 0 and 1, both on standardised features. Boosting: scikit-learn's histogram trees, `trees` of at most
    `leaves` leaves with `min_leaf` units each, shrunk by `learning_rate`.
    """

    outcomes: Literal["linear", "boosting"] = "linear"
    trees: int = 100
    leaves: int = 8
    min_leaf: int = 50
    learning_rate: float = 0.05

    def __post_init__(self) -> None:
        """Refuse sizes that no tree can have."""
        for name, least in (("trees", 1), ("leaves", 2), ("min_leaf", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}", allowed=f"{least} or more")
        if not 0 < self.learning_rate <= 1:
            raise ConfigError(f"learning_rate is {self.learning_rate}", allowed="above 0 and at most 1")


def regress(config: RegressionConfig, kind: str, X: Floats, y: Floats, seed: int) -> Predict:
    """Fit y (n,) on X (n, d) by `kind` and return the function that predicts a mean for each row.

    Outcomes 0 and 1 get a classifier, which predicts probabilities. Without units the prediction is 0, and where all
    outcomes are alike that outcome.
    """
    if y.size == 0 or bool((y == y[0]).all()):
        constant = float(y[0]) if y.size else 0.0
        return lambda rows: np.full(len(rows), constant)
    binary = bool(np.isin(y, (0, 1)).all())
    model = _model(config, kind, seed, binary=binary)
    model.fit(X, y.astype(np.int64) if binary else y)

    def predict(rows: Floats) -> Floats:
        found = model.predict_proba(rows)[:, 1] if binary else model.predict(rows)
        return np.asarray(found, dtype=np.float64)

    return predict


def dealt_folds(treated: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a fold (n,) for each unit, 0 to count - 1, dealt at random within each arm."""
    fold = np.zeros(treated.size, dtype=np.intp)
    for arm in (treated, ~treated):
        places = np.flatnonzero(arm)
        fold[rng.permutation(places)] = np.arange(places.size) % count
    return fold


def seed_of(rng: np.random.Generator) -> int:
    """Return a seed for scikit-learn, drawn from the generator."""
    return int(rng.integers(2**31))


def _model(config: RegressionConfig, kind: str, seed: int, *, binary: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "linear":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500) if binary else RidgeCV(ALPHAS))
    made_by = HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor
    return made_by(
        max_iter=config.trees,
        max_leaf_nodes=config.leaves,
        min_samples_leaf=config.min_leaf,
        learning_rate=config.learning_rate,
        early_stopping=False,
        random_state=seed,
    )

"""Gradient boosting of trees on binned numbers; categories are split by level, missing values go either way.

References: Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 2001; Ke et
al., "LightGBM", NIPS 2017 (bins).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context, FeatureRows


@dataclass(frozen=True)
class GradientBoostingConfig:
    """`trees` of at most `leaves` leaves of at least `least` rows, each counted by `learning_rate`."""

    trees: int = 150
    learning_rate: float = 0.05
    leaves: int = 15
    least: int = 20

    def __post_init__(self) -> None:
        if min(self.trees, self.least) < 1 or self.leaves < 2 or not 0 < self.learning_rate <= 1:
            raise ConfigError(
                "gradient_boosting: trees, leaves, least or learning_rate is out of range",
                allowed="trees and least from 1, leaves from 2, a rate above 0 and up to 1",
            )


class GradientBoosting:
    """scikit-learn's histogram boosting, on one thread so that equal rows give equal trees."""

    Config = GradientBoostingConfig
    reads = "table"
    CHOICES: ClassVar[tuple[dict[str, Any], ...]] = ({"leaves": 7}, {"leaves": 15}, {"leaves": 31})

    def __init__(self, config: GradientBoostingConfig) -> None:
        self.config = config

    def fit(self, rows: FeatureRows, label: NDArray[np.bool_], weight: NDArray[np.float64], context: Context) -> None:
        """Learn from rows (n,)."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        numbers = rows.numbers.shape[1]
        model = HistGradientBoostingClassifier(
            max_iter=self.config.trees,
            learning_rate=self.config.learning_rate,
            max_leaf_nodes=self.config.leaves,
            min_samples_leaf=self.config.least,
            categorical_features=np.arange(numbers, numbers + rows.categories.shape[1]),
            early_stopping=False,
            random_state=int(context.rng.integers(2**31)),
        )
        with threadpool_limits(limits=1):
            self.model = model.fit(_columns(rows), label, sample_weight=weight)

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each row's probability (m,)."""
        return np.asarray(self.model.predict_proba(_columns(rows))[:, 1], dtype=np.float64)


def _columns(rows: FeatureRows) -> NDArray[np.float64]:
    codes = np.where(rows.categories >= 0, rows.categories, np.nan).astype(np.float64)
    return np.hstack([rows.numbers, codes])

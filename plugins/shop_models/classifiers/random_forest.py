"""A random forest: trees on bootstraps of the rows, each split among random columns, their votes averaged.

Reference: Breiman, "Random forests", Machine Learning 2001.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.errors import ConfigError
from shop_models.classifiers.design import Design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context, FeatureRows


@dataclass(frozen=True)
class RandomForestConfig:
    """`trees` whose leaves hold at least `least` rows."""

    trees: int = 200
    least: int = 5

    def __post_init__(self) -> None:
        if self.trees < 1 or self.least < 1:
            raise ConfigError(f"random_forest has {self.trees} trees, least {self.least}", allowed="integers from 1")


class RandomForest:
    """scikit-learn's forest; each split looks at the root of the number of columns."""

    Config = RandomForestConfig
    reads = "table"
    CHOICES: ClassVar[tuple[dict[str, Any], ...]] = ({"least": 2}, {"least": 10})

    def __init__(self, config: RandomForestConfig) -> None:
        self.config = config

    def fit(self, rows: FeatureRows, label: NDArray[np.bool_], weight: NDArray[np.float64], context: Context) -> None:
        """Learn from rows (n,)."""
        from sklearn.ensemble import RandomForestClassifier

        self.design = Design.learn(rows)
        self.model = RandomForestClassifier(
            self.config.trees, min_samples_leaf=self.config.least, random_state=int(context.rng.integers(2**31))
        ).fit(self.design.matrix(rows), label, sample_weight=weight)

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each row's probability (m,)."""
        return np.asarray(self.model.predict_proba(self.design.matrix(rows))[:, 1], dtype=np.float64)

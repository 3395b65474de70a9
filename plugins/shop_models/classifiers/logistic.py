"""Logistic regression on scaled numbers and levels, with a penalty on the squared weights.

Reference: Cox, "The regression analysis of binary sequences", JRSS B 1958; Hoerl, Kennard, Technometrics 1970.
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
class LogisticConfig:
    """`strength` C: the larger, the less the weights are pulled to 0. At most `iterations` of L-BFGS."""

    strength: float = 1.0
    iterations: int = 1000

    def __post_init__(self) -> None:
        if not self.strength > 0 or self.iterations < 1:
            raise ConfigError(f"logistic's strength is {self.strength:g}", allowed="above 0, with iterations from 1")


class Logistic:
    """The baseline: every feature pulls one way. Skewed numbers enter by their logarithms."""

    Config = LogisticConfig
    reads = "table"
    CHOICES: ClassVar[tuple[dict[str, Any], ...]] = ({"strength": 0.01}, {"strength": 0.1}, {"strength": 1.0})

    def __init__(self, config: LogisticConfig) -> None:
        self.config = config

    def fit(
        self,
        rows: FeatureRows,
        label: NDArray[np.bool_],
        weight: NDArray[np.float64],
        context: Context,  # noqa: ARG002 - nothing is drawn
    ) -> None:
        """Learn from rows (n,)."""
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        self.design = Design.learn(rows)
        model = LogisticRegression(C=self.config.strength, max_iter=self.config.iterations)
        with threadpool_limits(limits=1):
            self.model = model.fit(self.design.matrix(rows), label, sample_weight=weight)

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each row's probability (m,)."""
        return np.asarray(self.model.predict_proba(self.design.matrix(rows))[:, 1], dtype=np.float64)

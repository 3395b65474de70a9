"""A multilayer perceptron on scaled numbers and levels.

Reference: Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 1986.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.errors import ConfigError
from shop_models.classifiers.design import Design
from shop_models.classifiers.epochs import Epochs, answered, seeded, train

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context, FeatureRows


@dataclass(frozen=True)
class MlpConfig:
    """`layers` of `width`; AdamW over at most `epochs`, given up after `patience` without a better dev loss."""

    width: int = 64
    layers: int = 2
    dropout: float = 0.2
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    patience: int = 5

    def __post_init__(self) -> None:
        self.schedule().check("mlp")
        if self.width < 1 or self.layers < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"mlp has {self.layers} layers of {self.width}, dropout {self.dropout:g}",
                allowed="integers from 1, a dropout from 0 and below 1",
            )

    def schedule(self) -> Epochs:
        """Return how it is trained."""
        return Epochs(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience)


class Mlp:
    """A network for tables, trained on nine tenths of the rows and judged on the rest. `curve` tells its epochs."""

    Config = MlpConfig
    reads = "table"
    CHOICES: ClassVar[Sequence[dict[str, Any]]] = ()

    def __init__(self, config: MlpConfig) -> None:
        self.config = config
        self.curve: tuple[Mapping[str, float], ...] = ()

    def fit(self, rows: FeatureRows, label: NDArray[np.bool_], weight: NDArray[np.float64], context: Context) -> None:
        """Learn from rows (n,)."""
        import torch

        from shop_models.classifiers.tabular_module import Perceptron

        self.design = Design.learn(rows)
        columns = torch.from_numpy(self.design.matrix(rows)).float()
        config = self.config
        with seeded(context.rng):
            self.module = Perceptron(columns.shape[1], config.width, config.layers, config.dropout)
            self.curve = train(
                self.module,
                lambda places: self.module(columns[torch.from_numpy(places)]),
                np.ones(len(rows), dtype=np.int64),
                label,
                weight,
                config.schedule(),
                context.rng,
                context.log,
            )

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each row's probability (m,)."""
        import torch

        columns = torch.from_numpy(self.design.matrix(rows)).float()
        return answered(lambda places: self.module(columns[torch.from_numpy(places)]), len(rows), 4096)

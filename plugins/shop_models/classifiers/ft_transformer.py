"""FT-Transformer: attention among the columns of a row.

Reference: Gorishniy, Rubachev, Khrulkov, Babenko, "Revisiting deep learning models for tabular data", NeurIPS 2021.
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
    from torch import Tensor

    from framework.records import Context, FeatureRows


@dataclass(frozen=True)
class FtTransformerConfig:
    """`layers` of `heads` over words of `size`; trained as `mlp` is."""

    size: int = 16
    layers: int = 2
    heads: int = 2
    dropout: float = 0.1
    epochs: int = 15
    batch_size: int = 128
    learning_rate: float = 0.003
    weight_decay: float = 0.001
    patience: int = 4

    def __post_init__(self) -> None:
        self.schedule().check("ft_transformer")
        if min(self.size, self.layers, self.heads) < 1 or self.size % self.heads or not 0 <= self.dropout < 1:
            raise ConfigError(
                f"ft_transformer has size {self.size}, {self.heads} heads, {self.layers} layers",
                allowed="integers from 1, a size that the heads divide, a dropout from 0 and below 1",
            )

    def schedule(self) -> Epochs:
        """Return how it is trained."""
        return Epochs(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience)


class FtTransformer:
    """A small Transformer for tables, judged on a tenth of the rows that it is given. `curve` tells its epochs."""

    Config = FtTransformerConfig
    reads = "table"
    CHOICES: ClassVar[Sequence[dict[str, Any]]] = ()

    def __init__(self, config: FtTransformerConfig) -> None:
        self.config = config
        self.curve: tuple[Mapping[str, float], ...] = ()

    def fit(self, rows: FeatureRows, label: NDArray[np.bool_], weight: NDArray[np.float64], context: Context) -> None:
        """Learn from rows (n,)."""
        from shop_models.classifiers.tabular_module import FtTransformer as Network

        self.design = Design.learn(rows)
        numbers, codes = self._tensors(rows)
        config = self.config
        with seeded(context.rng):
            self.module = Network(
                numbers.shape[1], self.design.levels, config.size, config.layers, config.heads, config.dropout
            )
            self.curve = train(
                self.module,
                lambda places: self.module(numbers[places], codes[places]),
                np.ones(len(rows), dtype=np.int64),
                label,
                weight,
                config.schedule(),
                context.rng,
                context.log,
            )

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each row's probability (m,)."""
        numbers, codes = self._tensors(rows)
        return answered(lambda places: self.module(numbers[places], codes[places]), len(rows), 1024)

    def _tensors(self, rows: FeatureRows) -> tuple[Tensor, Tensor]:
        import torch

        return torch.from_numpy(self.design.numbers(rows)).float(), torch.from_numpy(self.design.codes(rows))

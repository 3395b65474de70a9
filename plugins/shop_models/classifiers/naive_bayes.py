"""Naive Bayes: in each class every number is normal and every category has its shares, all of them independent.

Reference: Hand, Yu, "Idiot's Bayes: not so stupid after all?", International Statistical Review 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.errors import ConfigError
from shop_models.classifiers.design import Design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context, FeatureRows


@dataclass(frozen=True)
class NaiveBayesConfig:
    """`smoothing`: rows that every level is taken to have had in each class (1: Laplace's)."""

    smoothing: float = 1.0

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise ConfigError(f"naive_bayes's smoothing is {self.smoothing:g}", allowed="a number above 0")


class NaiveBayes:
    """The floor that others must beat. Its probabilities are too sure of themselves: calibrate them."""

    Config = NaiveBayesConfig
    reads = "table"
    CHOICES: ClassVar[Sequence[dict[str, Any]]] = ()

    def __init__(self, config: NaiveBayesConfig) -> None:
        self.config = config

    def fit(
        self,
        rows: FeatureRows,
        label: NDArray[np.bool_],
        weight: NDArray[np.float64],
        context: Context,  # noqa: ARG002 - nothing is drawn
    ) -> None:
        """Learn means, variances and shares from rows (n,), each counted by its weight."""
        self.design = Design.learn(rows)
        numbers, codes = self.design.numbers(rows), self.design.codes(rows)
        own = [weight * (label == yes) for yes in (False, True)]
        self.prior = np.log([one.sum() / weight.sum() for one in own])
        self.mean = np.stack([one @ numbers / one.sum() for one in own])
        spread = np.stack([one @ (numbers - mean) ** 2 / one.sum() for one, mean in zip(own, self.mean, strict=True)])
        # As scikit-learn's: a column that is constant in one class would else decide alone.
        self.variance = spread + 1e-9 * max(float(numbers.var(axis=0).max(initial=0.0)), 1e-9)
        self.shares = [
            np.log(np.stack([self._shares(codes[:, place], one, size) for one in own]))
            for place, size in enumerate(self.design.levels)
        ]

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each row's probability (m,)."""
        numbers, codes = self.design.numbers(rows), self.design.codes(rows)
        log = np.stack(
            [
                prior - 0.5 * (np.log(2 * np.pi * variance) + (numbers - mean) ** 2 / variance).sum(axis=1)
                for prior, mean, variance in zip(self.prior, self.mean, self.variance, strict=True)
            ],
            axis=1,
        )
        for place, shares in enumerate(self.shares):
            log += shares[:, codes[:, place]].T
        apart = np.clip(log[:, 0] - log[:, 1], -500.0, 500.0)
        return np.asarray(1.0 / (1.0 + np.exp(apart)), dtype=np.float64)

    def _shares(self, codes: NDArray[np.int64], weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        count = np.bincount(codes, weights=weight, minlength=size + 1) + self.config.smoothing
        shares: NDArray[np.float64] = count / count.sum()
        return shares

"""Rows as a matrix: numbers filled and scaled, categories as columns of 0 and 1 or as codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shop_models.feature_space import FeatureSpace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import FeatureRows

SKEWED = 2.0
"""Skewness of a column (its third standardised moment) from which it is taken as sign(x) log(1 + |x|)."""


@dataclass(frozen=True)
class Design:
    """How rows became a matrix. A number that any learned row lacks has a column of its own that says where."""

    space: FeatureSpace
    gaps: NDArray[np.intp]
    levels: tuple[int, ...]

    @classmethod
    def learn(cls, rows: FeatureRows) -> Design:
        """Learn medians, scales and skewness from rows (n, F)."""
        numbers = rows.numbers
        skewed = tuple(bool(abs(_skewness(column[~np.isnan(column)])) > SKEWED) for column in numbers.T)
        gaps = np.flatnonzero(np.isnan(numbers).any(axis=0))
        return cls(FeatureSpace.learn(rows.number_names, skewed, numbers), gaps, tuple(map(len, rows.levels)))

    def numbers(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return z-scores (n, F + gaps), and where numbers are missing as 0 and 1."""
        scores = self.space.transform(rows.numbers) if rows.numbers.shape[1] else rows.numbers
        return np.hstack([scores, np.isnan(rows.numbers[:, self.gaps]).astype(np.float64)])

    def codes(self, rows: FeatureRows) -> NDArray[np.int64]:
        """Return the categories as places (n, C), a missing one behind its column's levels."""
        codes = rows.categories.astype(np.int64)
        return np.where(codes >= 0, codes, np.array(self.levels, dtype=np.int64))

    def matrix(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return all as numbers (n, D): a column for each level; a missing category is 0 in all of its own."""
        shown = [
            (rows.categories[:, place, None] == np.arange(size)).astype(np.float64)
            for place, size in enumerate(self.levels)
        ]
        return np.hstack([self.numbers(rows), *shown])


def _skewness(values: NDArray[np.float64]) -> float:
    spread = values.std() if len(values) else 0.0
    if spread <= 1e-12 * max(1.0, float(np.abs(values).max(initial=0.0))):
        return 0.0
    return float(np.mean(((values - values.mean()) / spread) ** 3))

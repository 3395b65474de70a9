"""User features made comparable: filled, unskewed, standardised by what `fit` saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class FeatureSpace:
    """F features with their median (in raw units), mean and standard deviation (after the logarithm).

    A constant feature has standard deviation 1, so that it counts nothing; a feature that is NaN for everybody is 0.
    """

    names: tuple[str, ...]
    skewed: tuple[bool, ...]
    median: NDArray[np.float64]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def learn(cls, names: tuple[str, ...], skewed: tuple[bool, ...], values: NDArray[np.float64]) -> FeatureSpace:
        """Learn the space from raw values (n, F)."""
        known = ~np.isnan(values)
        median = np.array(
            [np.median(column[there]) if there.any() else 0.0 for column, there in zip(values.T, known.T, strict=True)]
        )
        unskewed = _unskew(np.where(known, values, median), skewed)
        if len(values) == 0:
            return cls(names, skewed, median, np.zeros(len(names)), np.ones(len(names)))
        deviation = unskewed.std(axis=0)
        scale = np.maximum(1.0, np.abs(unskewed).max(axis=0))
        # A constant column's deviation is rounding noise, not exactly 0.
        return cls(names, skewed, median, unskewed.mean(axis=0), np.where(deviation > 1e-12 * scale, deviation, 1.0))

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return raw values (n, F) as points (n, F): NaN to the median, logarithm where skewed, then z-scores."""
        filled = np.where(np.isnan(values), self.median, values)
        return (_unskew(filled, self.skewed) - self.mean) / self.deviation


def _unskew(values: NDArray[np.float64], skewed: tuple[bool, ...]) -> NDArray[np.float64]:
    """Return sign(x) log(1 + |x|) in the skewed columns: as log1p, but money can be negative after returns."""
    logarithm: NDArray[np.float64] = np.sign(values) * np.log1p(np.abs(values))
    return np.where(np.array(skewed), logarithm, values)

"""How far contributions are from normal: skewness, and the share of the spread that one unit carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.stats.moments.measure import Measure, contribution
from framework.stats.moments.record import Moments, Numbers


@dataclass(frozen=True)
class Shape:
    """Shape of one arm's contributions, free of their unit.

    `skewness` is m3 / m2^1.5, `largest_share` the largest squared deviation over the sum of all of them.
    """

    skewness: float
    largest_share: float


FLAT = Shape(0.0, 0.0)


def shape_of(contributions: Numbers) -> Shape:
    """Return the shape of (n,) contributions."""
    centred = contributions - contributions.mean()
    scale = float(np.abs(centred).max())
    if scale == 0:
        return FLAT
    scaled = centred / scale
    squares = scaled**2
    total = float(squares.sum())
    return Shape(
        skewness=float((scaled**3).mean() / (total / scaled.size) ** 1.5),
        largest_share=float(squares.max()) / total,
    )


def contributions_of(
    measure: Measure, moments: Moments, columns: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return (n,) contributions of one arm's rows, given as columns, around their mean."""
    own = moments.pick(measure.own_columns)
    weights = contribution(measure, own)
    parts = [weight * (columns[name] - mean) for name, weight, mean in zip(own.columns, weights, own.mean, strict=True)]
    return np.asarray(np.sum(parts, axis=0))

"""What a contextual policy knows of a visitor: a constant, and their features or else their segment.

Values are rounded to multiples of 1/1024 and kept to 8 standard deviations. Products of them are then whole multiples
of 2^-20, and their sums are exact: so what a policy has learned does not hang on the order in which feedback came.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.records import Queries

GRID = 1024.0
MOST = 8.0


def contexts_of(queries: Queries) -> NDArray[np.float64]:
    """Return (n, 1 + F): 1 and the features; where the queries have none, 1 and a 1 at the query's segment, if any."""
    ones = np.ones((len(queries), 1))
    if queries.features is not None:
        return np.concatenate([ones, on_grid(queries.features)], axis=1)
    places = np.arange(len(queries.segment_names))
    return np.concatenate([ones, queries.segment[:, None] == places], axis=1)


def on_grid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values kept to [-8, 8] and rounded to multiples of 1/1024; what is not a number is 0."""
    return np.asarray(np.rint(np.clip(np.nan_to_num(values, nan=0.0), -MOST, MOST) * GRID) / GRID)


def keys_of(contexts: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return contexts on the grid as whole numbers, by which equal ones are found."""
    return np.rint(contexts * GRID).astype(np.int32)

"""Non-negative elastic nets of sparse whole-number columns on each other, by coordinate descent on their products.

For column t of X: the w that minimises |x_t - X w|^2 / 2 + l2 |w|^2 / 2 + l1 sum(w) with w >= 0 and w_t = 0. With
G = X'X and g = G_t - l1 - (G + l2 E) w, coordinate i moves to max(0, w_i + g_i / (G_ii + l2)). As G and w are not
negative, g_i <= G_it - l1: a column whose product with t is not above l1 has weight 0 in the solution, and is not
looked at. Reference: Friedman, Hastie, Tibshirani, "Regularization paths for generalized linear models via coordinate
descent", Journal of Statistical Software 2010, sections 2.1 to 2.3 (covariance updates).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def nonnegative_elastic_nets(
    gram: csr_matrix, targets: NDArray[np.integer], l1: float, l2: float, tolerance: float = 1e-4, passes: int = 1000
) -> csr_matrix:
    """Return the weights of every target (T, I), float32, zeros not stored.

    Args:
        gram: products of all columns (I, I), symmetric, not negative, indices sorted.
        targets: columns to explain by the others.
        l1: penalty on the sum of the weights, from 0.
        l2: penalty on their squares, from 0.
        tolerance: a target is done when no coordinate would move further than this.
        passes: passes over the coordinates of a target after which it is left as it is.
    """
    from scipy.sparse import csr_matrix

    diagonal = gram.diagonal().astype(np.float64)
    row_of = np.zeros(gram.shape[0], dtype=np.float64)
    found = [_one(gram, diagonal, row_of, int(target), l1, l2, tolerance, passes) for target in targets]
    indptr = np.cumsum([0, *(len(items) for items, _ in found)])
    items = np.concatenate([np.empty(0, dtype=np.int32), *(items for items, _ in found)])
    weights = np.concatenate([np.empty(0, dtype=np.float32), *(weights for _, weights in found)])
    return csr_matrix((weights, items, indptr), shape=(len(targets), gram.shape[0]))


def _one(
    gram: csr_matrix,
    diagonal: NDArray[np.float64],
    scratch: NDArray[np.float64],
    target: int,
    l1: float,
    l2: float,
    tolerance: float,
    passes: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the items with a weight above 0 and their weights. `scratch` (I,) is zeros, and is left so."""
    low, high = gram.indptr[target], gram.indptr[target + 1]
    candidate = (gram.data[low:high] > l1) & (gram.indices[low:high] != target)
    items = gram.indices[low:high][candidate]
    gradient = gram.data[low:high][candidate].astype(np.float64) - l1
    curvature = diagonal[items] + l2
    weights = np.zeros(len(items))
    products: dict[int, NDArray[np.float64]] = {}
    for _ in range(passes):
        step = np.maximum(gradient / curvature, -weights)
        moving = np.flatnonzero(np.abs(step) > tolerance)
        if not len(moving):
            break
        for place in moving[np.argsort(-np.abs(step[moving]), kind="stable")].tolist():
            move = max(gradient[place] / curvature[place], -weights[place])
            if move == 0.0:
                continue
            if place not in products:
                item = items[place]
                row = slice(gram.indptr[item], gram.indptr[item + 1])
                scratch[gram.indices[row]] = gram.data[row]
                products[place] = scratch[items]
                products[place][place] += l2
                scratch[gram.indices[row]] = 0.0
            weights[place] += move
            gradient -= move * products[place]
    kept = weights > 0.0
    return items[kept].astype(np.int32), weights[kept].astype(np.float32)

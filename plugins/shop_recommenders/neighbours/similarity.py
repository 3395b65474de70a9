"""How alike two rows of a sparse matrix are, from their product and their lengths, and which are the nearest."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Similarity = Literal["cosine", "jaccard"]
"""x.y / (|x| |y| + shrinkage), or x.y / (|x|^2 + |y|^2 - x.y + shrinkage): of 0 and 1, shared over all."""


def lengths(rows: csr_matrix) -> NDArray[np.float64]:
    """Return the Euclidean length of each row."""
    squares = np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float64)
    return np.sqrt(squares.reshape(-1))


def alike(
    similarity: Similarity,
    product: NDArray[np.float64],
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    shrinkage: float,
) -> NDArray[np.float32]:
    """Return the similarities of pairs with these products, above 0, and lengths of their two sides (all (n,))."""
    if similarity == "cosine":
        return (product / (one * other + shrinkage)).astype(np.float32)
    return (product / (one * one + other * other - product + shrinkage)).astype(np.float32)


def nearest(rows: csr_matrix, count: int) -> csr_matrix:
    """Return the matrix with each row's `count` largest values, ties by index; indices are sorted."""
    from scipy.sparse import csr_matrix

    near = among_the_best(rows.data, rows.indptr, count)
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))[near]
    column, value = rows.indices[near], rows.data[near]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    kept = np.arange(len(row)) - np.searchsorted(row, row, side="left") < count
    found = csr_matrix((value[kept], (row[kept], column[kept])), shape=rows.shape)
    found.sort_indices()
    return found


def among_the_best(value: NDArray[np.floating], indptr: NDArray[np.integer], count: int) -> NDArray[np.bool_]:
    """Return which values of CSR rows are at least their row's `count`-th best: it spares sorting all the others."""
    near = np.ones(len(value), dtype=bool)
    for low, high in pairwise(indptr.tolist()):
        if high - low > count:
            place = high - low - count
            near[low:high] = value[low:high] >= np.partition(value[low:high], place)[place]
    return near

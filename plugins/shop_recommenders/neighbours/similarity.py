"""How alike two rows of a sparse matrix are, from their product and their lengths, and which are the nearest."""

from __future__ import annotations

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
    below = one * other if similarity == "cosine" else one * one + other * other - product
    below += shrinkage
    return np.divide(product, below, out=below).astype(np.float32)


def nearest(rows: csr_matrix, count: int) -> csr_matrix:
    """Return the matrix with each row's `count` largest values, ties by index; indices are sorted."""
    from scipy.sparse import csr_matrix

    lengths = np.diff(rows.indptr)
    least = _least_kept(rows.data, rows.indptr, count)
    near = np.flatnonzero(rows.data >= np.repeat(least, lengths))
    starts = np.searchsorted(near, rows.indptr)
    found = csr_matrix((rows.data[near], rows.indices[near], starts), shape=rows.shape)
    found.sort_indices()
    many = np.diff(starts) - count
    if (many <= 0).all():
        return found
    # Too many are as good as the last: those with the highest index go.
    level = np.flatnonzero(found.data == np.repeat(least, np.diff(starts)))
    ends = np.searchsorted(level, starts[1:])
    row = np.searchsorted(starts, level, side="right") - 1
    late = ends[row] - np.arange(len(level)) <= many[row]
    kept = np.ones(len(near), dtype=bool)
    kept[level[late]] = False
    starts = np.concatenate([[0], np.cumsum(kept)])[starts]
    return csr_matrix((found.data[kept], found.indices[kept], starts), shape=rows.shape)


def _least_kept(value: NDArray[np.floating], indptr: NDArray[np.integer], count: int) -> NDArray[np.floating]:
    """Return the `count`-th best value of each CSR row (n,), -inf where it has fewer or no more than that."""
    least = np.full(len(indptr) - 1, -np.inf, dtype=value.dtype)
    long = np.flatnonzero(np.diff(indptr) > count)
    ends = indptr[1:][long]
    shuffled = value.copy()
    for low, high in zip(indptr[:-1][long].tolist(), ends.tolist(), strict=True):
        shuffled[low:high].partition(high - low - count)
    least[long] = shuffled[ends - count]
    return least

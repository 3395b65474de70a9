"""One side's vectors of a weighted factorisation, given the other side's: the half of a round of ALS.

Row u of X minimises sum_i c_ui (p_ui - x_u . y_i)^2 + penalty_u |x_u|^2, with p_ui = 1 where c_ui is stored and 0
elsewhere, where c_ui = 1. That is x_u = (Y'Y + Y' (C^u - 1) Y + penalty_u)^-1 Y' C^u p_u (Hu, Koren, Volinsky, ICDM
2008, equation 4); Y'Y is common to all rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shop_recommenders.blocks_in_threads import each

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_CELLS = 1 << 23
"""Numbers that one block of rows gathers."""
_SMALL = 1e-12


def exact_rows(
    confidence: csr_matrix, other: NDArray[np.float32], penalty: NDArray[np.floating], threads: int = 1
) -> NDArray[np.float32]:
    """Return the minimising rows (n, d) for confidences (n, I) and `other` (I, d), each by a factorisation of its own.

    Computed in double precision, row by row: a row is the same in whatever company. A row without entries is 0.
    """
    from scipy.linalg import cho_factor, cho_solve

    precise = other.astype(np.float64)
    gram = precise.T @ precise
    found = np.zeros((confidence.shape[0], other.shape[1]), dtype=np.float32)

    def solve(rows: range) -> None:
        for row in rows:
            entries = slice(confidence.indptr[row], confidence.indptr[row + 1])
            if entries.start == entries.stop:
                continue
            vectors = precise[confidence.indices[entries]]
            weights = confidence.data[entries].astype(np.float64)
            left = gram + (vectors * (weights - 1.0)[:, None]).T @ vectors
            left.flat[:: len(left) + 1] += penalty[row]
            found[row] = cho_solve(cho_factor(left, overwrite_a=True, check_finite=False), weights @ vectors)

    each(solve, [range(start, min(start + 256, len(found))) for start in range(0, len(found), 256)], threads)
    return found


def improved_rows(
    confidence: csr_matrix,
    other: NDArray[np.float32],
    penalty: NDArray[np.floating],
    start: NDArray[np.float32],
    steps: int,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Return the rows after `steps` steps of conjugate gradients from `start` (n, d).

    Many rows are stepped together, so that the work with Y'Y is a product of matrices, in single precision; reference:
    Takacs, Pilaszy, Tikk, "Applications of the conjugate gradient method for implicit feedback collaborative
    filtering", RecSys 2011.
    """
    gram = other.T @ other
    found = np.zeros_like(start)

    def solve(rows: range) -> None:
        part = confidence[rows.start : rows.stop]
        found[rows.start : rows.stop] = _descend(
            part, other, gram, penalty[rows.start : rows.stop].astype(np.float32), start[rows.start : rows.stop], steps
        )

    each(solve, list(_blocks(confidence.indptr, other.shape[1])), threads)
    found[np.diff(confidence.indptr) == 0] = 0.0
    return found


def _descend(
    confidence: csr_matrix,
    other: NDArray[np.float32],
    gram: NDArray[np.float32],
    penalty: NDArray[np.float32],
    start: NDArray[np.float32],
    steps: int,
) -> NDArray[np.float32]:
    from scipy.sparse import csr_matrix

    indices, indptr = confidence.indices, confidence.indptr
    row = np.repeat(np.arange(len(start)), np.diff(indptr))
    vectors = other[indices]

    def weighted(values: NDArray[np.float32]) -> NDArray[np.float32]:
        product: NDArray[np.float32] = csr_matrix((values, indices, indptr), shape=confidence.shape) @ other
        return product

    def left(x: NDArray[np.float32]) -> NDArray[np.float32]:
        scores = np.einsum("nd,nd->n", vectors, x[row])
        return x @ gram + penalty[:, None] * x + weighted((confidence.data - 1.0) * scores)

    found = start.copy()
    residual = weighted(confidence.data) - left(found)
    direction = residual.copy()
    length = np.einsum("nd,nd->n", residual, residual)
    for _ in range(steps):
        along = left(direction)
        # A row that is solved has nothing left to divide by, and stays where it is.
        step = length / np.maximum(np.einsum("nd,nd->n", direction, along), _SMALL)
        found += step[:, None] * direction
        residual -= step[:, None] * along
        before, length = length, np.einsum("nd,nd->n", residual, residual)
        direction = residual + (length / np.maximum(before, _SMALL))[:, None] * direction
    return found


def _blocks(indptr: NDArray[np.integer], size: int) -> Iterator[range]:
    """Yield ranges of rows, each with about `_CELLS` numbers to gather."""
    load = (indptr[1:] + np.arange(1, len(indptr))).astype(np.int64) * size // _CELLS
    cuts = np.concatenate([[0], np.flatnonzero(np.diff(load)) + 1, [len(load)]])
    return (range(low, high) for low, high in pairwise(cuts.tolist()))

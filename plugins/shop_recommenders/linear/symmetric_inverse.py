"""The inverse of a large symmetric positive definite matrix, in its own memory, tile by tile.

Block Gauss-Jordan elimination: for each block of columns K in turn, with D = A_KK and the other rows R,
A_RR <- A_RR - A_RK D^-1 A_KR, A_RK <- A_RK D^-1, A_KK <- -D^-1; after the last block A holds minus its inverse. Only
the lower triangle is worked on, which makes it n^3 operations: as many as a Cholesky factor, its inverse and their
product take together, and nearly all of them in products of large tiles. Reference: Beaton, "The use of special matrix
operators in statistical calculus", ETS Research Bulletin 1964 (sweep); on its errors without pivoting for positive
definite matrices: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002, section 14.4.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024


def invert_in_place(
    matrix: NDArray[np.floating],
    *,
    block: int = BLOCK,
    num_threads: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Overwrite a symmetric positive definite matrix (n, n) with its inverse, which is symmetric to the bit.

    Needs (2 + threads) x `block` x n numbers beside the matrix. A tile is computed by one thread, whatever their
    number, so it does not change the result.

    Args:
        matrix: float32 or float64, in C order; its upper triangle is not read.
        block: columns that are eliminated in one go.
        num_threads: how many tiles are worked on at the same time, 0 for all cores.
        progress: called after each block with the columns done and n.

    Raises:
        numpy.linalg.LinAlgError: the matrix is not positive definite; what it holds then is of no use.
    """
    from threadpoolctl import threadpool_limits

    n = len(matrix)
    starts = range(0, n, block)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(num_threads or os.cpu_count()) as pool:
        for start in starts:
            stop = min(start + block, n)
            inverse = _inverse_of_tile(matrix[start:stop, start:stop])
            panel = np.zeros((n, stop - start), dtype=matrix.dtype)  # zero in its own rows: no update there
            panel[:start] = matrix[start:stop, :start].T
            panel[stop:] = matrix[stop:, start:stop]
            solved = np.empty_like(panel)
            list(pool.map(partial(_solve, panel, inverse, solved, block), starts))
            # The widest rows go first, so that no thread ends with the largest piece of work.
            others = [first for first in reversed(starts) if first != start]
            list(pool.map(partial(_eliminate, matrix, panel, solved, block), others))
            matrix[start:stop, :start] = solved[:start].T
            matrix[stop:, start:stop] = solved[stop:]
            matrix[start:stop, start:stop] = -inverse
            if progress is not None:
                progress(stop, n)
    _finish(matrix, block)


def _inverse_of_tile(tile: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the inverse of one tile by Cholesky in double precision, from its lower triangle."""
    from scipy.linalg import cho_factor, cho_solve

    lower = np.tril(tile).astype(np.float64)
    inverse = cho_solve(cho_factor(lower, lower=True), np.eye(len(tile)))
    symmetric: NDArray[np.floating] = ((inverse + inverse.T) / 2).astype(tile.dtype)
    return symmetric


def _solve(
    panel: NDArray[np.floating], inverse: NDArray[np.floating], solved: NDArray[np.floating], block: int, first: int
) -> None:
    """Fill the rows from `first` of A_RK D^-1."""
    rows = slice(first, first + block)
    np.matmul(panel[rows], inverse, out=solved[rows])


def _eliminate(
    matrix: NDArray[np.floating],
    panel: NDArray[np.floating],
    solved: NDArray[np.floating],
    block: int,
    first: int,
) -> None:
    """Take the eliminated columns out of the rows from `first`, up to and with the tile on the diagonal."""
    last = min(first + block, len(matrix))
    matrix[first:last, :last] -= solved[first:last] @ panel[:last].T


def _finish(matrix: NDArray[np.floating], block: int) -> None:
    """Turn the sign of the lower triangle and copy it to the upper one."""
    for first in range(0, len(matrix), block):
        last = min(first + block, len(matrix))
        rows = matrix[first:last, :last]
        np.negative(rows, out=rows)
        matrix[:first, first:last] = matrix[first:last, :first].T
        tile = matrix[first:last, first:last]
        tile[:] = np.tril(tile) + np.tril(tile, -1).T

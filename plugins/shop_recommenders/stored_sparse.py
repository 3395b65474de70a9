"""Sparse matrices as plain arrays by name, for the state of a fitted recommender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def packed(name: str, matrix: csr_matrix) -> dict[str, NDArray[Any]]:
    """Return the arrays of a CSR matrix: NAME.data, NAME.indices, NAME.indptr, NAME.shape."""
    return {
        f"{name}.data": matrix.data,
        f"{name}.indices": matrix.indices,
        f"{name}.indptr": matrix.indptr,
        f"{name}.shape": np.array(matrix.shape, dtype=np.int64),
    }


def unpacked(name: str, state: Mapping[str, NDArray[Any]]) -> csr_matrix:
    """Return the CSR matrix that `packed` took apart."""
    from scipy.sparse import csr_matrix

    arrays = tuple(state[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    return csr_matrix(arrays, shape=tuple(state[f"{name}.shape"].tolist()))

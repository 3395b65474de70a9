"""Who bought what, as recommenders that learn from a matrix take it: from the log, and from a history at call time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import DataError
from framework.records import Queries
from shop_recommenders.demand import checked_kinds

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def purchases(data: Dataset, kinds: Sequence[str] | None, learner: str, *, binary: bool = True) -> csr_matrix:
    """Return the counts of events of `kinds` (U, I) as float32, 1 each where `binary`, columns sorted.

    Raises:
        ConfigError: the log knows none of the kinds.
        DataError: it has no such event with an item; `learner` is who needs one.
    """
    wanted = checked_kinds(data, kinds)
    matrix = data.matrix(wanted, binary=binary)
    if not matrix.nnz:
        raise DataError(
            f"{learner} learns from events of the kind {', '.join(wanted)} with an item, and the log has none",
            hint="Set its kinds, or use another recommender.",
        )
    matrix.sort_indices()
    return matrix


def baskets(queries: Queries, known: csr_matrix, *, binary: bool = True, any_item: bool = False) -> csr_matrix:
    """Return what each query's user took (n, I): by its history where it has one, else that user's row of `known`.

    Strangers without a history have an empty row; items that nobody in `known` took say nothing, and are left out,
    unless `any_item` says something. A history's counts are 1 each where `binary`.
    """
    from scipy.sparse import csr_matrix

    n, items = len(queries), known.shape[1]
    told: NDArray[np.bool_] = np.zeros(n, dtype=bool)
    if queries.history is not None:
        told = np.any(queries.history >= 0, axis=1)
    row = np.flatnonzero((queries.user >= 0) & ~told)
    stored = known[queries.user[row]].tocoo()
    rows, columns, values = [row[stored.row]], [stored.col], [stored.data]
    if queries.history is not None:
        bought = np.append((known.getnnz(axis=0) > 0) | any_item, False)  # the last for -1
        taken, place = np.nonzero(bought[queries.history])
        rows.append(taken)
        columns.append(queries.history[taken, place])
        values.append(np.ones(len(taken), dtype=known.dtype))
    where = (np.concatenate(rows), np.concatenate(columns))
    found = csr_matrix((np.concatenate(values), where), shape=(n, items), dtype=known.dtype)
    if binary:
        found.data[:] = 1.0
    found.sort_indices()
    return found

"""Ids to numbers and events into order, a column at a time: no Python object a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


def texts(values: Sequence[str | None]) -> NDArray[np.str_]:
    """Return sorted distinct strings, without nulls, in the order of their code points."""
    found = np.array(sorted({value for value in values if value is not None}), dtype=np.str_)
    return found if len(found) else np.zeros(0, dtype="<U1")


def encode(
    column: pa.ChunkedArray, known: NDArray[np.str_] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.str_]]:
    """Number a column of strings.

    Args:
        column: n strings or nulls.
        known: sorted strings to number by; without them, the column's own.

    Returns:
        The place of each (n,) in the sorted strings, -1 for a null and for what they lack; and those strings.
    """
    coded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    if hasattr(coded, "chunks"):  # an empty chunked array does not combine into one array on every version
        coded = coded.chunk(0) if coded.num_chunks else None
    if coded is None or not len(coded):
        return np.zeros(0, dtype=np.int32), texts([]) if known is None else known
    words = coded.dictionary.to_pylist()
    known = texts(words) if known is None else known
    places = {word: place for place, word in enumerate(known.tolist())}
    lookup = np.array([*(places.get(word, -1) for word in words), -1], dtype=np.int32)
    indices = coded.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return lookup[indices], known


def total_order(keys: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Return the order (n,) that sorts by the first key, ties by the second, and so on.

    The same as `np.lexsort` of the reversed keys, but each further key is looked at only where the earlier ones tie.
    """
    order = np.argsort(keys[0], kind="stable")
    if not len(order):
        return order
    leads = _changes(keys[0][order])  # True at the first row of every group of ties
    for key in keys[1:]:
        tied = np.flatnonzero(~(leads & np.append(leads[1:], True)))
        if not len(tied):
            break
        group = np.cumsum(leads)[tied]
        values = key[order[tied]]
        within = np.lexsort((values, group))
        order[tied] = order[tied][within]
        leads[tied] |= _changes(values[within])
    return order


def basket_numbers(user: NDArray[np.int32], time: NDArray[np.int64], order: NDArray[np.int32]) -> NDArray[np.int64]:
    """Number baskets from 0 in the order in which they begin.

    Events of a user with the same `order` code are one basket; with code -1, those at the same moment. The events are
    sorted by time.
    """
    moment = np.cumsum(_changes(time)) if len(time) else time
    orders = int(order.max(initial=-1)) + 1
    within = np.where(order >= 0, order, orders + moment)
    spread = orders + (int(moment[-1]) + 1 if len(time) else 0)
    _, first, inverse = np.unique(user.astype(np.int64) * spread + within, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a value differs from the one before it; True at the first."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]

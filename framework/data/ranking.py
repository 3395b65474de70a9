"""What recommenders share: the best k items, how popular each item is, and which events say that a user wants one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, Dataset

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

INTEREST = ("purchase", "cart", "click", "view")
"""Kinds of event that tell of interest in an item, the strongest first."""
_CELLS = 1 << 22
"""Scores looked at in one go: bounds the memory of `top_k` whatever the number of queries."""


class Ranking(NamedTuple):
    """The best items of each row, best first.

    `items` (n, k) are indices, -1 where fewer than k can be recommended; `scores` (n, k) are -inf there.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]


def top_k(
    scores: NDArray[np.floating], k: int, exclude: csr_matrix | None = None, *, overwrite: bool = False
) -> Ranking:
    """Return the min(k, I) best items of each row, best first, ties by item index.

    Args:
        scores: (n, I). An item with score -inf or NaN is never returned.
        k: how many items a row gets at most; at least 1.
        exclude: (n, I), where not zero, marks items that must not be returned.
        overwrite: whether excluded items may be marked in `scores` itself, which saves a copy.

    Raises:
        ValueError: `k` below 1, or `exclude` of another shape.
    """
    scores = np.asarray(scores)
    rows, items = scores.shape
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1")
    if exclude is not None and exclude.shape != scores.shape:
        raise ValueError(f"exclude has shape {exclude.shape}, scores have {scores.shape}")
    k = min(k, items)
    found = Ranking(np.full((rows, k), UNKNOWN, dtype=np.int32), np.full((rows, k), -np.inf, dtype=np.float32))
    if not k:
        return found
    step = max(1, _CELLS // items)
    for start in range(0, rows, step):
        chunk = slice(start, start + step)
        block = scores[chunk]
        if exclude is not None:
            block = block if overwrite else block.copy()
            marks = exclude[chunk].tocoo()
            marked = marks.data != 0
            block[marks.row[marked], marks.col[marked]] = -np.inf
        found.items[chunk], found.scores[chunk] = _best(block, k)
    return found


def _best(block: NDArray[np.floating], k: int) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
    """Rank one block.

    Items fall into groups, and the k-th best of the groups' maxima is at most the k-th best score: only groups with
    such a maximum are looked into. Rows where too many have it, as ties do, or where NaN hides them, are ranked whole.
    """
    rows, items = block.shape
    # Few groups leave many scores to look at again, many are many maxima to partition.
    width = int(np.sqrt(items / (2 * k)))
    if width < 5:
        return _whole(block, k)
    # Items of a group lie `groups` apart: maxima are then taken of stretches of memory, item by item.
    groups = items // width
    highest = block[:, : groups * width].reshape(rows, width, groups).max(axis=1)
    rest = block[:, groups * width :]
    np.maximum(highest[:, : rest.shape[1]], rest, out=highest[:, : rest.shape[1]])
    least = np.partition(highest, groups - k, axis=1)[:, groups - k, None]
    near = highest >= least
    hard = np.isnan(highest).any(axis=1) | (least[:, 0] == -np.inf) | (near.sum(axis=1) > 2 * k)
    row, group = np.nonzero(near & ~hard[:, None])
    item = group[:, None] + groups * np.arange(width + 1)
    value = np.where(item < items, block[row[:, None], np.minimum(item, items - 1)], -np.inf)
    entry, place = np.nonzero(value >= least[row])
    row, item, value = row[entry], item[entry, place], value[entry, place]
    order = np.lexsort((item, -value, row))
    row, item, value = row[order], item[order], value[order]
    kept = np.arange(len(row)) - np.searchsorted(row, row, side="left") < k
    best, values = np.empty((rows, k), dtype=np.int32), np.empty((rows, k), dtype=block.dtype)
    best[~hard], values[~hard] = item[kept].reshape(-1, k), value[kept].reshape(-1, k)
    if hard.any():
        best[hard], values[hard] = _whole(block[hard], k)
    return best, values


def _whole(block: NDArray[np.floating], k: int) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
    """Rank one block, every score of it.

    A partition finds the k-th best score; which of the items equal to it get in is decided by index, as a partition
    picks any of them.
    """
    rows, items = block.shape
    block = np.where(np.isnan(block), -np.inf, block)
    least = np.partition(block, items - k, axis=1)[:, items - k, None]
    above = block > least
    level = block == least
    room = k - above.sum(axis=1, keepdims=True)
    chosen = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room))
    picked = np.nonzero(chosen)[1].reshape(rows, k)
    values = np.take_along_axis(block, picked, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    best, values = np.take_along_axis(picked, order, axis=1), np.take_along_axis(values, order, axis=1)
    return np.where(values == -np.inf, UNKNOWN, best).astype(np.int32), values


def popularity(data: Dataset, kinds: Sequence[str] = ("purchase",), since: int | None = None) -> NDArray[np.int64]:
    """Return how many different users each item (I,) drew.

    Args:
        data: the log up to its `as_of`.
        kinds: kinds of event that count.
        since: counts only events at or after this moment (microseconds), where given.
    """
    from scipy.sparse import coo_matrix

    events = data.events.of_kind(*kinds)
    counts = (events.user >= 0) & (events.item >= 0)
    if since is not None:
        counts &= events.time >= since
    pairs = (events.user[counts], events.item[counts])
    shape = (len(data.users), len(data.items))
    bought = coo_matrix((np.ones(len(pairs[0]), dtype=np.int8), pairs), shape=shape).tocsr()
    bought.sum_duplicates()
    return np.bincount(bought.indices, minlength=shape[1]).astype(np.int64)


def interaction_kinds(data: Dataset) -> tuple[str, ...]:
    """Return the kinds of event to learn preferences from.

    Purchases where the log has them, else carts, else clicks, else views, else all kinds.
    """
    present = np.bincount(data.events.kind, minlength=len(data.events.kinds)) if len(data.events) else ()
    kinds = {name for name, count in zip(data.events.kinds, present, strict=False) if count}
    return next(((kind,) for kind in INTEREST if kind in kinds), data.events.kinds)

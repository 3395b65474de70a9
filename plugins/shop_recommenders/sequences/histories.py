"""What users took, oldest first: ragged sequences of items from a log or from queries, and batches of like length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.records import Queries


@dataclass(frozen=True)
class Histories:
    """n sequences end to end: that of row r is `items[starts[r] : starts[r + 1]]`, oldest first.

    `items` (E,) index `Dataset.items`; `starts` (n + 1,) begins with 0 and rises.
    """

    items: NDArray[np.int32]
    starts: NDArray[np.int64]

    @staticmethod
    def of(data: Dataset, kinds: Sequence[str]) -> Histories:
        """Return every user's known items of these kinds of event.

        In the log's total order (time, then item), whatever the order of the rows.
        """
        events = data.events.of_kind(*kinds)
        events = events.where((events.user >= 0) & (events.item >= 0))
        order = np.lexsort((events.item, events.time, events.user))
        return Histories.by_length(events.item[order], np.bincount(events.user, minlength=len(data.users)))

    @staticmethod
    def by_length(items: NDArray[np.int32], lengths: NDArray[np.integer]) -> Histories:
        """Return the sequences of these lengths (n,), whose items follow each other."""
        return Histories(items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Items in each sequence (n,)."""
        return np.diff(self.starts)

    def last(self, longest: int) -> Histories:
        """Return the last `longest` items of each."""
        lengths = self.lengths
        to_end = np.repeat(self.starts[1:], lengths) - np.arange(len(self.items))
        return Histories.by_length(self.items[to_end <= longest], np.minimum(lengths, longest))

    def take(self, rows: NDArray[np.integer]) -> Histories:
        """Return the sequences of `rows`, in that order; row -1 has none."""
        lengths = np.where(rows >= 0, self.lengths[rows], 0) if len(self) else np.zeros(len(rows), dtype=np.int64)
        taken = Histories.by_length(self.items[:0], lengths)
        shift = np.repeat(self.starts[:-1][rows] - taken.starts[:-1], lengths) if len(self) else taken.items
        return Histories(self.items[shift + np.arange(taken.starts[-1])], taken.starts)

    def padded(self, width: int, fill: int) -> NDArray[np.int64]:
        """Return the sequences as rows (n, width) with `fill` behind the short ones.

        Padding behind is what a model that looks back only never sees: it needs no mask.
        """
        found = np.full((len(self), width), fill, dtype=np.int64)
        found[np.arange(width) < self.lengths[:, None]] = self.items
        return found


def asked_about(queries: Queries, known: Histories) -> Histories:
    """Return a sequence for each query: `queries.history` where it holds any item, else the user's in `known`."""
    own = known.take(queries.user)
    if queries.history is None:
        return own
    given = queries.history >= 0
    told = given.any(axis=1)
    lengths = np.where(told, given.sum(axis=1), own.lengths)
    found = Histories.by_length(np.empty(int(lengths.sum()), dtype=np.int32), lengths)
    from_queries = np.repeat(told, lengths)
    found.items[from_queries] = queries.history[given]
    found.items[~from_queries] = own.items[np.repeat(~told, own.lengths)]
    return found


def batches_of_like_length(
    lengths: NDArray[np.integer], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Return all rows once, in batches of rows of nearly one length, in random order.

    A batch holds as many items as `batch_size` rows of average length do, so that an item weighs the same in a batch
    of long rows as in one of short rows. The number of batches hangs on `lengths` (n,) alone, not on `rng`.
    """
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    room = batch_size * float(np.mean(lengths)) if len(lengths) else 1.0
    number = ((np.cumsum(lengths[order]) - lengths[order] / 2) / room).astype(np.int64)
    cuts = np.flatnonzero(np.diff(number)) + 1
    batches = np.split(order, cuts)
    return [batches[place] for place in rng.permutation(len(batches))]

"""Weighted sums of a population's states: the moments of every replication by one matrix product a segment."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from framework.stats.moments.record import Moments, Numbers

Key = TypeVar("Key", bound=Hashable)
FLAT = 1e-13
"""A spread below this share of the squares it is left over from is rounding."""
SOME = 0.01
"""Share of zeros from which on a column is summed as it is: draws of nothing but zeros then have no spread at all."""


def added_up(
    columns: Mapping[Key, Mapping[str, NDArray[np.float64]]],
    bag: NDArray[np.intp],
    segment: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> dict[tuple[Key, int | None], Moments]:
    """Return the moments (R,) of each group of columns, in each segment and overall (None).

    `columns` are by name, one value a state (S,); `bag` (S,) and `segment` (S,) say where a state lies, and `weights`
    (R, bags) how often a replication draws a bag. A replication without any unit of a segment has nan there.
    """
    cells = _Cells(bag, segment)
    centre = {(key, name): _centre(own) for key, named in columns.items() for name, own in named.items()}
    parts = [cells.sums(np.ones(len(bag)))]
    for key, named in columns.items():
        rows = [own - centre[key, name] for name, own in named.items()]
        parts += [cells.sums(row) for row in rows]
        parts += [cells.sums(rows[i] * rows[j]) for i in range(len(rows)) for j in range(i, len(rows))]
    matrix = np.stack(parts, axis=1)
    totals: dict[int | None, Numbers] = {
        code: weights[:, cells.bag[part]] @ matrix[part] for code, part in cells.segments.items()
    }
    totals[None] = np.sum(list(totals.values()), axis=0)
    found: dict[tuple[Key, int | None], Moments] = {}
    at = 1
    for key, named in columns.items():
        k = len(named)
        wide = k + k * (k + 1) // 2
        middle = np.array([centre[key, name] for name in named])
        for code, total in totals.items():
            found[key, code] = _moments(tuple(named), middle, total[:, 0], total[:, at : at + wide])
        at += wide
    return found


class _Cells:
    """States of one bag and one segment, put together; `segments` are the slices of each segment's cells."""

    def __init__(self, bag: NDArray[np.intp], segment: NDArray[np.intp]) -> None:
        self.order = np.lexsort((bag, segment))
        bag, segment = bag[self.order], segment[self.order]
        self.starts = np.flatnonzero(np.diff(bag, prepend=-1) | np.diff(segment, prepend=-1))
        self.bag = bag[self.starts]
        codes, first = np.unique(segment[self.starts], return_index=True)
        ends = [*first[1:], len(self.starts)]
        self.segments = {
            int(code): slice(int(start), int(end)) for code, start, end in zip(codes, first, ends, strict=True)
        }

    def sums(self, column: NDArray[np.float64]) -> Numbers:
        return np.asarray(np.add.reduceat(column[self.order], self.starts))


def _centre(column: NDArray[np.float64]) -> float:
    return 0.0 if float((column == 0).mean()) >= SOME else float(column.mean())


def _moments(names: tuple[str, ...], centre: Numbers, n: Numbers, sums: Numbers) -> Moments:
    k = len(names)
    squares = np.empty((len(n), k, k))
    at = k
    for i in range(k):
        squares[:, i, i:] = squares[:, i:, i] = sums[:, at : at + k - i]
        at += k - i
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = sums[:, :k] / n[:, None]
        comoments = squares - n[:, None, None] * offset[:, :, None] * offset[:, None, :]
    own = np.arange(k)
    flat = comoments[:, own, own] <= FLAT * squares[:, own, own]
    comoments[flat[:, :, None] | flat[:, None, :]] = 0.0
    return Moments(names, n, centre + offset, comoments)

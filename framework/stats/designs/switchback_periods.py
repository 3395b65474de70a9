"""Periods of a switchback in time's order, checked, and which block each belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Periods:
    """What T periods of one switchback gave, in any order.

    `index` (T,) are whole numbers, a period's place in time: gaps are periods that are missing. `treated` (T,) says
    which had the treatment on. A period's value is its `numerator` (T,), or numerator / denominator where there is a
    `denominator` (T,), such as orders per session, or a mean times its n over n. `block` (T,) labels the stretches
    of periods that were randomised together, each under one arm; None: every period by itself.
    """

    index: ArrayLike
    treated: ArrayLike
    numerator: ArrayLike
    denominator: ArrayLike | None = None
    block: ArrayLike | None = None


@dataclass(frozen=True)
class Rows:
    """Checked periods in time's order; `block` counts blocks from 0 in time's order."""

    index: NDArray[np.int64]
    treated: NDArray[np.bool_]
    numerator: Floats
    denominator: Floats
    block: NDArray[np.int64]

    def at(self, kept: NDArray[np.bool_]) -> Rows:
        """Return some of the periods, blocks counted anew."""
        _, block = np.unique(self.block[kept], return_inverse=True)
        return Rows(self.index[kept], self.treated[kept], self.numerator[kept], self.denominator[kept], block)

    @property
    def arms(self) -> NDArray[np.bool_]:
        """The blocks' arms (k,), in time's order."""
        return self.treated[np.unique(self.block, return_index=True)[1]]

    @property
    def places_in_block(self) -> NDArray[np.int64]:
        """How many periods of time (T,) have passed since the first of the block."""
        first = self.index[np.unique(self.block, return_index=True)[1]]
        return self.index - first[self.block]


def checked_periods(periods: Periods, metric: str, *, weigh_periods: bool) -> Rows:
    """Return periods in time's order; with `weigh_periods` each as its own ratio, of weight 1.

    Raises:
        TrialError: as `switchback.switchback`.
    """
    where = f"metric '{metric}'"
    numerator = np.asarray(periods.numerator, dtype=np.float64)
    given = {"index": periods.index, "treated": periods.treated, "denominator": periods.denominator}
    given["block"] = periods.block
    columns = {name: np.asarray(column) for name, column in given.items() if column is not None}
    for name, column in columns.items():
        if column.ndim != 1 or column.shape != numerator.shape:
            raise TrialError(f"{where}: {name} has shape {column.shape}, numerator {numerator.shape}", allowed="(T,)")
    index = columns["index"]
    if not np.issubdtype(index.dtype, np.integer) or np.unique(index).size < index.size:
        raise TrialError(f"{where}: a period's index is not whole, or there twice", allowed="a whole number a period")
    if not bool(np.isin(columns["treated"], (0, 1)).all()):
        raise TrialError(f"{where}: treated has other values than two", allowed="True and False")
    denominator = np.asarray(columns.get("denominator", np.ones(numerator.size)), dtype=np.float64)
    bad = int((~(np.isfinite(numerator) & np.isfinite(denominator))).sum())
    if bad:
        raise TrialError(
            f"{where}: {bad} of {numerator.size} periods are missing or infinite",
            allowed="finite numbers",
            hint="Leave a period without data out: a gap in the index is a missing period.",
        )
    if bool((denominator < 0).any()) or (weigh_periods and bool((denominator == 0).any())):
        raise TrialError(f"{where}: a period's denominator is {denominator.min():g}", allowed="numbers above 0")
    if weigh_periods:
        numerator, denominator = numerator / denominator, np.ones(numerator.size)
    order = np.argsort(index)
    labels = columns.get("block", index)[order]
    starts = np.append(True, labels[1:] != labels[:-1])
    treated = columns["treated"].astype(bool)[order]
    if int(starts.sum()) > np.unique(labels).size:
        raise TrialError(f"{where}: a block is not one stretch of time", allowed="one label for each stretch")
    if bool((~starts[1:] & (treated[1:] != treated[:-1])).any()):
        raise TrialError(f"{where}: a block is under both arms", allowed="one arm a block, the unit that is randomised")
    block = np.cumsum(starts) - 1
    return Rows(index[order].astype(np.int64), treated, numerator[order], denominator[order], block)

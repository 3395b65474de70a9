"""What a trial measured: outcomes of every unit under one strategy, and a metric's reading of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Outcomes:
    """What happened to n units (users) under one strategy, in one kind of evidence.

    `items` (n, k) were shown, best position first, as indices into a catalogue of `catalogue_size` items (-1: an
    empty position). `bought` (n, k) and `amount` (n, k), in minor currency units, say what came of each.
    `relevant` (n,) counts the distinct items that the unit bought in the window whether shown or not; it is None
    where only the shown items have outcomes (simulated evidence). `orders` (n,) counts the baskets that hold a shown
    item. `popularity` (catalogue_size,) counts buyers of each item before the trial. `segment` (n,) indexes
    `segment_names` (-1: none).
    """

    evidence: str
    strategy: str
    units: NDArray[np.str_]
    segment: NDArray[np.int32]
    segment_names: tuple[str, ...]
    items: NDArray[np.int32]
    bought: NDArray[np.bool_]
    amount: NDArray[np.int64]
    orders: NDArray[np.int32]
    relevant: NDArray[np.int32] | None
    popularity: NDArray[np.int64]
    fallback: NDArray[np.bool_]
    currency: str = ""

    @property
    def catalogue_size(self) -> int:
        """Number of items that could have been shown."""
        return len(self.popularity)

    def __len__(self) -> int:
        return len(self.units)

"""Rows that a classifier learns from or is asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FeatureRows:
    """n rows of named columns, or of texts.

    `numbers` (n, F) are NaN where missing; `categories` (n, C) are places in `levels`, -1 where missing; `texts` (n)
    are None where a table is read.
    """

    numbers: NDArray[np.float64]
    number_names: tuple[str, ...]
    categories: NDArray[np.int32]
    category_names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    texts: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, rows: NDArray[np.integer]) -> FeatureRows:
        """Return the rows (m,) of these places, in that order."""
        texts = None if self.texts is None else tuple(self.texts[place] for place in rows.tolist())
        return replace(self, numbers=self.numbers[rows], categories=self.categories[rows], texts=texts)

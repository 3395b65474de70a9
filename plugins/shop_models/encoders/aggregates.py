"""Hand-made vectors of users: what they did, how often, at what prices and gaps, with no word on the order.

The baseline that every learned encoder must beat, as in Babaev et al., SIGMOD 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shop_models.encoders.event_sequences import EventSequences


@dataclass(frozen=True)
class Aggregates:
    """V + 1 shares of tokens, K + 1 shares of kinds, mean and deviation of each number, log(1 + events)."""

    tokens: int
    kinds: int

    def embed(self, sequences: EventSequences) -> NDArray[np.float64]:
        """Return the vectors (n, V + K + 2 + 5); all 0 for a user without events."""
        rows, lengths = sequences.rows(), sequences.lengths
        events = np.maximum(lengths, 1)[:, None].astype(np.float64)
        mean = _sums(sequences.numbers, rows, len(sequences)) / events
        square = _sums((sequences.numbers - mean[rows]) ** 2, rows, len(sequences)) / events
        shares = [
            np.bincount(rows * wide + codes, minlength=len(sequences) * wide).reshape(-1, wide) / events
            for codes, wide in ((sequences.token, self.tokens + 1), (sequences.kind, self.kinds + 1))
        ]
        return np.hstack([*shares, mean, np.sqrt(square), np.log1p(lengths)[:, None]])


def _sums(values: NDArray[np.float64], rows: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    return np.stack([np.bincount(rows, weights=column, minlength=n) for column in values.T], axis=1)

"""How relevant a slate's candidates are on a scale that rerankers can weigh, and a slate in another order."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN
from framework.records import Slates

Relevance = Literal["score", "rank"]
"""By the recommender's score, scaled between the worst and the best candidate; or evenly by place in the slate."""


def relevance(slates: Slates, how: Relevance) -> NDArray[np.float64]:
    """Return how relevant each candidate is to its query (n, C), the best 1 and the worst 0; -inf where there is none.

    Candidates that all have one score are all 1.
    """
    there = slates.items != UNKNOWN
    if how == "rank":
        levels = -np.broadcast_to(np.arange(there.shape[1], dtype=np.float64), there.shape)
    else:
        levels = slates.scores.astype(np.float64)
    best = np.max(levels, axis=1, initial=-np.inf, where=there, keepdims=True)
    worst = np.min(levels, axis=1, initial=np.inf, where=there, keepdims=True)
    width = best - worst
    scaled = np.full(there.shape, -np.inf)
    apart = there & (width > 0)
    np.divide(levels - np.where(np.isfinite(worst), worst, 0.0), width, out=scaled, where=apart)
    scaled[there & ~apart] = 1.0
    return scaled


def reordered(slates: Slates, places: NDArray[np.intp], values: NDArray[np.float64]) -> Slates:
    """Return the candidates at `places` (n, k) of each slate, with scores that fall.

    Args:
        slates: what the recommender gave.
        places: in the order to show them; what stands behind a row's end does not matter.
        values: what each was chosen for (n, k), -inf from the end of the row on. A score is the least value so far.
    """
    chosen = np.isfinite(values)
    items = np.where(chosen, np.take_along_axis(slates.items, places, axis=1), UNKNOWN).astype(np.int32)
    scores = np.minimum.accumulate(values, axis=1) if values.shape[1] else values
    return Slates(items, scores.astype(np.float32), slates.fallback)

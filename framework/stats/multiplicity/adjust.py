"""P-values adjusted for how many there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted to keep the family-wise error (Holm 1979).

    Written out, since statsmodels' multipletests runs a full garbage collection (0.1 s) at every call, which ten
    thousand replications of a trial cannot afford; the tests hold it to multipletests.
    """
    if not p_values:
        return ()
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return tuple(adjusted.tolist())


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted to keep the false discovery rate (Benjamini and Hochberg 1995; scipy's, called)."""
    from scipy import stats

    if not p_values:
        return ()
    return tuple(stats.false_discovery_control(np.asarray(p_values, dtype=np.float64), method="bh").tolist())

"""The interval of a value that rests on a fitted model: the model fitted anew in every resample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.off_policy.buckets import Bootstrapped, percentiles

Refit = Callable[[NDArray[np.float64]], float]
"""From how often each row counts (n,) to the value, model and all."""


def refitted(
    refit: Refit,
    n: int,
    rng: np.random.Generator,
    *,
    unit: NDArray[np.integer] | None = None,
    resamples: int = 200,
    confidence: float = 0.95,
) -> Bootstrapped:
    """Return a value with the percentile interval of resamples in each of which the model is fitted anew.

    The direct method's terms are a model's answers: they hardly differ, and say nothing of how wrong the model may be.
    `refit` gets the rows' counts (n,), whole numbers that add up to about n; with `unit` (n,) whole units are drawn.
    A model that is biased (too smooth, too few features) stays so in every resample: no interval shows that.

    Raises:
        TrialError: fewer than 2 units, or a refit without a value.
    """
    place = np.arange(n) if unit is None else np.unique(unit, return_inverse=True)[1]
    units = int(place.max()) + 1 if n else 0
    if units < 2:
        raise TrialError(f"{units} unit(s) cannot show a spread", allowed="2 units or more")
    value = float(refit(np.ones(n)))
    draws = np.empty(resamples)
    for i in range(resamples):
        counts = np.bincount(rng.integers(units, size=units), minlength=units).astype(np.float64)
        draws[i] = refit(counts[place])
    if not bool(np.isfinite(draws).all()):
        raise TrialError(f"{int((~np.isfinite(draws)).sum())} of {resamples} refits gave no value")
    return percentiles(value, draws, confidence)

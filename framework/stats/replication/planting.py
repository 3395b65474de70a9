"""A known gain planted on every unit of an arm, so that the truth is known."""

from __future__ import annotations

import numpy as np

from framework.errors import TrialError
from framework.stats.samples import UnitValues


def planted(values: UnitValues, gain: float, rng: np.random.Generator, *, metric: str = "metric") -> UnitValues:
    """Return the units' values after their arm's value gained `gain` (metric's unit, either sign).

    A mean gains it on every unit, a ratio `gain` times its denominator on every unit's numerator. A proportion gains it
    by whole units: 0s chosen by chance become 1s (1s become 0s where the gain is negative), so that its spread follows
    as it would in a shop. Their number is rounded up or down by chance: the gain is exact to one unit, and on average.

    Raises:
        TrialError: for a gain that would take a proportion out of 0 to 1.
    """
    if gain == 0:
        return values
    if values.denominator is not None:
        return UnitValues(values.kind, values.numerator + gain * values.denominator, values.denominator)
    if values.kind != "proportion":
        return UnitValues(values.kind, values.numerator + gain)
    before, after = (0.0, 1.0) if gain > 0 else (1.0, 0.0)
    free = np.flatnonzero(values.numerator == before)
    wanted = abs(gain) * values.numerator.size
    # A hair more than what is free is rounding.
    if wanted > free.size * (1 + 1e-9):
        share = float(values.numerator.mean())
        raise TrialError(
            f"metric '{metric}': a gain of {gain:g} takes a proportion of {share:.4g} out of 0 to 1",
            allowed=f"gains from {-share:.4g} to {1 - share:.4g}",
        )
    turned = min(free.size, int(np.floor(wanted + rng.random())))
    numerator = values.numerator.copy()
    numerator[rng.choice(free, size=turned, replace=False)] = after
    return UnitValues(values.kind, numerator)

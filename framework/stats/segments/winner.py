"""The effect of the segment that was picked because its estimate is the best: corrected for having been picked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.segments.tau import checked_segments

SPENT = 0.1
"""Share of alpha spent on keeping the interval within the simultaneous one (Andrews et al. take a tenth)."""


@dataclass(frozen=True)
class Winner:
    """The picked segment (its `index`), its `raw` estimate, and what is left of it, in the metric's unit.

    `estimate` is as often too high as too low (median unbiased) whatever the true effects; `ci_low` to `ci_high` holds
    the picked segment's effect with at least `confidence`, and at most (1 - alpha) / (1 - alpha / 10).
    """

    index: int
    raw: float
    estimate: float
    ci_low: float
    ci_high: float
    confidence: float
    text: str


def best_segment(
    estimates: Sequence[float] | NDArray[np.floating],
    standard_errors: Sequence[float] | NDArray[np.floating],
    *,
    higher_is_better: bool = True,
    confidence: float = 0.95,
) -> Winner:
    """Return the effect of the segment with the best estimate of K independent ones (K,).

    Andrews, Kitagawa and McCloskey 2024, "Inference on winners", hybrid: inference given that this segment's estimate
    beat the others' (a truncated normal), inside the simultaneous interval at alpha / 10. No distribution of true
    effects is assumed, unlike in shrinkage. It serves the largest estimate, not the smallest p-value. Errors count as
    known; segments share no units.

    Raises:
        TrialError: fewer than 2 segments, numbers that are not finite, errors not above 0, confidence not in (0, 1).
    """
    from scipy import optimize, special

    y, error = checked_segments(np.asarray(estimates), np.asarray(standard_errors))
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    sign = 1.0 if higher_is_better else -1.0
    index = int(np.argmax(sign * y))
    scale = float(error[index])
    top = sign * float(y[index]) / scale
    second = float(np.delete(sign * y, index).max()) / scale
    alpha = 1 - confidence
    spent = SPENT * alpha
    reach = float(special.ndtri((1 + (1 - spent) ** (1 / y.size)) / 2))

    def below(effect: float) -> float:
        """Return P(estimate <= the observed one), given the pick and the reach, in units of the segment's error."""
        low, high = max(second - effect, -reach), reach
        if low >= high:
            return 0.0
        mass = special.ndtr(high) - special.ndtr(low)
        return float((special.ndtr(np.clip(top - effect, low, high)) - special.ndtr(low)) / mass)

    def effect_at(share: float) -> float:
        return float(optimize.brentq(lambda effect: below(effect) - share, top - reach, top + reach, xtol=1e-10))

    tail = (alpha - spent) / (1 - spent) / 2
    ends = [sign * effect_at(share) * scale for share in (1 - tail, tail)]
    middle = sign * effect_at(0.5) * scale
    raw = float(y[index])
    low, high = min(ends), max(ends)
    text = (
        f"The best segment shows {raw:.4g}; corrected for having been picked out of {y.size} it is {middle:.4g} "
        f"({low:.4g} to {high:.4g})."
    )
    return Winner(index, raw, middle, low, high, confidence, text)

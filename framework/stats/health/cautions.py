"""When an interval cannot be trusted to keep its nominal coverage, said in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.stats.delta import linearised, mean_error
from framework.stats.samples import UnitValues

FEW_UNITS = 30
"""Units in an arm below which a t interval leans on the values being near normal."""
FEW_EVENTS = 10
"""Successes, or failures, in an arm below which a z test of proportions is rough."""
SKEWNESS = 355**-0.5
"""Skewness of the estimate's own distribution above which a tail of 2.5 % is off by half a point."""
ONE_UNIT = 0.25
"""Share of an arm's squared deviations that one unit may carry."""
DENOMINATOR = 0.1
"""Relative standard error of a ratio's denominator above which the delta method is rough."""


def cautions(control: UnitValues, treatment: UnitValues, *, design: str) -> tuple[str, ...]:
    """Return the warnings that a comparison of these values deserves; empty where none does.

    The rules, each with its constant in this module:
    - tiny n: fewer than 30 units in an arm;
    - heavy tail: the difference's sampling distribution has an absolute skewness above 1 / sqrt(355), the rule
      n >= 355 skewness^2 (Kohavi et al. 2014, "Seven rules of thumb", rule 7; Boos and Hughes-Oliver 2000) for the
      difference itself, or one unit carries more than a quarter of an arm's squared deviations;
    - rare events: fewer than 10 successes or failures in an arm of a proportion (in place of the heavy-tail rule);
    - unsteady denominator: an arm's mean denominator has a relative standard error above 0.1.
    """
    found = []
    smallest = min(control.numerator.size, treatment.numerator.size)
    if smallest < FEW_UNITS:
        found.append(f"Only {smallest} units in an arm: the interval leans on the values being near normal.")
    if control.kind == "proportion":
        hits = [float(arm.numerator.sum()) for arm in (control, treatment)]
        misses = [arm.numerator.size - hit for arm, hit in zip((control, treatment), hits, strict=True)]
        if min(*hits, *misses) < FEW_EVENTS:
            found.append(f"Only {min(*hits, *misses):.0f} successes or failures in an arm: the p-value is rough.")
        return tuple(found)
    parts = (
        [linearised(treatment) - linearised(control)]
        if design == "paired"
        else [linearised(treatment), -linearised(control)]
    )
    skewness = _sampling_skewness(parts)
    largest = max(_largest_share(part) for part in parts)
    if largest > ONE_UNIT:
        found.append(
            "Heavy tail: one unit carries over a quarter of the spread, so the interval may miss more often than said."
        )
    elif abs(skewness) > SKEWNESS:
        found.append("Skewed: the interval may miss more often on one side than on the other.")
    for arm in (control, treatment):
        if arm.denominator is not None and mean_error(arm.denominator) > DENOMINATOR * float(arm.denominator.mean()):
            found.append("The ratio's denominator is uncertain by more than 10 %: the delta method is rough.")
            break
    return tuple(found)


def _sampling_skewness(parts: list[NDArray[np.float64]]) -> float:
    """Return the skewness of a sum of independent means: third moments over n^2, by the variance to the 3/2."""
    scale = max(float(np.abs(part).max()) for part in parts)
    if scale == 0:
        return 0.0
    scaled = [(part - part.mean()) / scale for part in parts]
    variance = sum(float((part**2).mean()) / part.size for part in scaled)
    third = sum(float((part**3).mean()) / part.size**2 for part in scaled)
    return float(third / variance**1.5) if variance > 0 else 0.0


def _largest_share(part: NDArray[np.float64]) -> float:
    scale = float(np.abs(part).max())
    if scale == 0:
        return 0.0
    squares = ((part - part.mean()) / scale) ** 2
    total = float(squares.sum())
    return float(squares.max()) / total if total > 0 else 0.0

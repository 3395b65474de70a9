"""How far missing outcomes could move an effect: worst-case bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError


@dataclass(frozen=True)
class Bounds:
    """The least and the largest effect that the missing outcomes allow, with errors, in the metric's unit.

    `ci_low` to `ci_high` holds the effect (not the whole range of effects) with `confidence` (Imbens and Manski 2004,
    "Confidence intervals for partially identified parameters", eq. 6 and 7).
    """

    low: float
    high: float
    low_error: float
    high_error: float
    ci_low: float
    ci_high: float
    confidence: float
    method: str


@dataclass(frozen=True)
class Seen:
    """One arm: `total` units, `n` of them with an outcome, whose mean and variance (ddof 1) are these."""

    total: int
    n: int
    mean: float
    variance: float

    @staticmethod
    def of(outcomes: NDArray[np.floating]) -> Seen:
        """Return the summary of outcomes (n,) in which nan stands for a missing one."""
        there = outcomes[~np.isnan(outcomes)]
        variance = float(there.var(ddof=1)) if there.size > 1 else 0.0
        return Seen(int(outcomes.size), int(there.size), float(there.mean()) if there.size else 0.0, variance)


def worst_case_bounds(
    control: Seen, treatment: Seen, lowest: float, highest: float, *, confidence: float = 0.95
) -> Bounds:
    """Return the effect where every missing outcome lies at the worst end of [`lowest`, `highest`], either way.

    Nothing is assumed but the outcome's range (Manski 1990; Horowitz and Manski 2000). The effect is of all assigned
    units. The range spans at least the share of missing outcomes times `highest` - `lowest`: wide, but no data can
    refute it.

    Raises:
        TrialError: no finite range, a mean outside it, fewer than 2 units in an arm, more outcomes than units.
    """
    _check_confidence(confidence)
    if not (math.isfinite(lowest) and math.isfinite(highest) and lowest < highest):
        raise TrialError(f"outcomes between {lowest:g} and {highest:g}", allowed="a finite range, lowest below highest")
    for name, arm in (("control", control), ("treatment", treatment)):
        if not (arm.total >= 2 and 0 <= arm.n <= arm.total):
            raise TrialError(f"arm '{name}': {arm.n} outcomes of {arm.total} units", allowed="2 units or more")
        if arm.n and not lowest <= arm.mean <= highest:
            raise TrialError(f"arm '{name}': mean {arm.mean:g} outside {lowest:g} to {highest:g}")
    low = _filled(treatment, lowest), _filled(control, highest)
    high = _filled(treatment, highest), _filled(control, lowest)
    return _bounds(
        low[0][0] - low[1][0],
        high[0][0] - high[1][0],
        math.sqrt(low[0][1] + low[1][1]),
        math.sqrt(high[0][1] + high[1][1]),
        confidence,
        "Manski worst case",
    )


def trimming_bounds(
    control: NDArray[np.floating],
    treatment: NDArray[np.floating],
    n_control: int,
    n_treatment: int,
    *,
    confidence: float = 0.95,
) -> Bounds:
    """Return bounds of the effect on units that are seen under both arms; `control` and `treatment` are seen outcomes.

    Lee 2009, "Training, wages, and sample selection": if the treatment only ever adds outcomes (or only ever removes
    them), the arm that shows more of them holds a surplus, at worst all of its highest or all of its lowest. That share
    is trimmed off, either way. Errors: Lee's proposition 3. Much narrower than the worst case and needs no range, but
    rests on that one-sidedness, which data cannot show. Ties at the cut are trimmed in part.

    Raises:
        TrialError: fewer than 2 outcomes in an arm or after trimming, more outcomes than units, values not finite.
    """
    _check_confidence(confidence)
    arms = []
    for name, outcomes, total in (("control", control, n_control), ("treatment", treatment, n_treatment)):
        there = np.asarray(outcomes, dtype=np.float64)
        if there.ndim != 1 or there.size < 2 or there.size > total or not np.isfinite(there).all():
            raise TrialError(
                f"arm '{name}': {there.size} outcomes of {total} units",
                allowed="2 or more finite ones, no more than units",
            )
        arms.append((there, there.size / total, total))
    more = 1 if arms[1][1] >= arms[0][1] else 0
    fuller, other = arms[more], arms[1 - more]
    keep = other[1] / fuller[1]
    if keep * fuller[0].size < 2:
        raise TrialError("fewer than 2 outcomes are left after trimming", hint="Too much is missing in one arm.")
    rest = float(other[0].mean()), float(other[0].var(ddof=1)) / other[0].size
    lowest = _trimmed(np.sort(fuller[0]), keep, fuller, other)
    high_mean, high_variance = _trimmed(np.sort(-fuller[0]), keep, fuller, other)
    kept = sorted([(lowest[0], lowest[1]), (-high_mean, high_variance)])
    if more == 1:
        low, high = (kept[0][0] - rest[0], kept[0][1]), (kept[1][0] - rest[0], kept[1][1])
    else:
        low, high = (rest[0] - kept[1][0], kept[1][1]), (rest[0] - kept[0][0], kept[0][1])
    errors = math.sqrt(low[1] + rest[1]), math.sqrt(high[1] + rest[1])
    return _bounds(low[0], high[0], errors[0], errors[1], confidence, "Lee trimming")


def _trimmed(
    ordered: NDArray[np.float64],
    keep: float,
    fuller: tuple[NDArray[np.float64], float, int],
    other: tuple[NDArray[np.float64], float, int],
) -> tuple[float, float]:
    """Return mean and its variance of the first share `keep` of ordered outcomes (Lee 2009, proposition 3)."""
    mass = keep * ordered.size
    whole = math.floor(mass + 1e-9)
    weights = np.ones(ordered.size)
    weights[whole:] = 0.0
    if whole < ordered.size:
        weights[whole] = max(0.0, mass - whole)
    cut = float(ordered[min(whole, ordered.size - 1)])
    mean = float(weights @ ordered / weights.sum())
    spread = float(weights @ (ordered - mean) ** 2 / weights.sum())
    trimmed = 1 - keep
    own = (spread + (cut - mean) ** 2 * trimmed) / mass
    # What the share to trim, itself estimated, adds.
    seen_fuller, seen_other = fuller[1], other[1]
    share = (1 - seen_fuller) / (seen_fuller * fuller[2]) + (1 - seen_other) / (seen_other * other[2])
    return mean, own + (cut - mean) ** 2 * share


def _filled(arm: Seen, value: float) -> tuple[float, float]:
    """Return mean, and its variance, of an arm whose missing outcomes all have the value."""
    gone = arm.total - arm.n
    mean = (arm.n * arm.mean + gone * value) / arm.total
    squares = max(arm.n - 1, 0) * arm.variance + arm.n * gone / arm.total * (arm.mean - value) ** 2
    return mean, squares / (arm.total - 1) / arm.total


def _bounds(low: float, high: float, low_error: float, high_error: float, confidence: float, method: str) -> Bounds:
    from scipy import optimize, stats

    largest = max(low_error, high_error)
    if largest == 0:
        return Bounds(low, high, 0.0, 0.0, low, high, confidence, method)
    gap = (high - low) / largest
    two_sided, one_sided = (float(stats.norm.ppf(q)) for q in (0.5 + confidence / 2, confidence))
    # Between the one-sided value, for bounds far apart, and the two-sided one, where they meet.
    critical = optimize.brentq(
        lambda c: stats.norm.cdf(c + gap) - stats.norm.cdf(-c) - confidence, one_sided - 1e-6, two_sided + 1e-6
    )
    return Bounds(
        low,
        high,
        low_error,
        high_error,
        low - critical * low_error,
        high + critical * high_error,
        confidence,
        method,
    )


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")

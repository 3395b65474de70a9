"""Influence from what a stream of aggregates keeps: an arm's moments and its few largest values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from framework.errors import TrialError
from framework.stats.health.influence import SHARES, Influence, Without, reading
from framework.stats.health.influential_units import FLAG, InfluentialUnit, Rest, outwards_in, within
from framework.stats.health.leaving_out import trimmed_difference
from framework.stats.moments.measure import ROUNDING


@dataclass(frozen=True)
class ArmSummary:
    """An arm's number of units, mean and variance (ddof 1), with its largest values as (unit id, value)."""

    n: int
    mean: float
    variance: float
    largest: tuple[tuple[str, float], ...]


def influence_from_summary(
    control: ArmSummary,
    treatment: ArmSummary,
    *,
    shares: tuple[float, ...] = SHARES,
    flag: float = FLAG,
    confidence: float = 0.95,
) -> Influence:
    """Return what `influence` returns of a mean, independent arms, as far as the largest values tell.

    Units with the largest values are left out, so it is for metrics whose extremes lie above (spend, rounds, minutes):
    there it equals `influence` up to rounding. Taking k units out needs the k + 1 largest values; shares that need more
    are skipped. There is no winsorised comparison, and small values are not looked at.

    Raises:
        TrialError: fewer than 3 units, numbers that are not finite, a negative variance, no largest value, more of
            them than units, shares not between 0 and 0.5.
    """
    arms = [_fit(control, "control"), _fit(treatment, "treatment")]
    for asked in shares:
        if not 0 < asked < 0.5:
            raise TrialError(f"a share of {asked:g} units to leave out", allowed="a share between 0 and 0.5")
    variances = [arm.variance / arm.n for arm in arms]
    estimate = trimmed_difference([arm.mean for arm in arms], variances, [arm.n for arm in arms], confidence)
    steps: list[Without] = []
    cuts: list[float | None] = [None, *sorted(shares)]
    for share in cuts:
        counts = [1 if share is None else max(1, math.ceil(share * arm.n - 1e-9)) for arm in arms]
        same = bool(steps) and counts == [steps[-1].left_out_control, steps[-1].left_out_treatment]
        known = all(count < len(arm.largest) and arm.n - count >= 3 for arm, count in zip(arms, counts, strict=True))
        if same or not known:
            continue
        left = [_without(arm, count) for arm, count in zip(arms, counts, strict=True)]
        sizes = [arm.n - count for arm, count in zip(arms, counts, strict=True)]
        steps.append(
            Without(
                share,
                counts[0],
                counts[1],
                trimmed_difference([value for value, _ in left], [variance for _, variance in left], sizes, confidence),
            )
        )
    units = _flagged(arms, flag)
    level, text = reading(estimate, tuple(steps), None, units)
    return Influence(estimate, tuple(steps), None, None, units, level, text)


def _fit(arm: ArmSummary, name: str) -> ArmSummary:
    """Return the summary with its largest values in order."""
    numbers = [arm.mean, arm.variance, *(value for _, value in arm.largest)]
    if arm.n < 3 or not all(math.isfinite(number) for number in numbers) or arm.variance < 0:
        raise TrialError(
            f"arm '{name}': {arm.n} units, mean {arm.mean}, variance {arm.variance}",
            allowed="3 units or more, finite numbers, a variance of 0 or more",
        )
    if not 1 <= len(arm.largest) <= arm.n:
        raise TrialError(f"arm '{name}': {len(arm.largest)} largest values of {arm.n}", allowed="1 to n of them")
    ordered = sorted(arm.largest, key=lambda pair: (-pair[1], pair[0]))
    largest = tuple((unit, float(value)) for unit, value in ordered)
    return ArmSummary(int(arm.n), float(arm.mean), float(arm.variance), largest)


def _rest(arm: ArmSummary, out: tuple[float, ...]) -> tuple[float, float]:
    """Return mean and sum of squared deviations of an arm without the values `out`."""
    kept = arm.n - len(out)
    mean = arm.mean - sum(value - arm.mean for value in out) / kept
    squares = (arm.n - 1) * arm.variance - sum((value - arm.mean) ** 2 for value in out)
    return mean, max(0.0, squares - kept * (mean - arm.mean) ** 2)


def _without(arm: ArmSummary, count: int) -> tuple[float, float]:
    """Return value and its variance without the `count` largest, as `leaving_out.without_rows` has them."""
    kept = arm.n - count
    mean, squares = _rest(arm, tuple(value for _, value in arm.largest[:count]))
    # The units that went count as copies of the largest that stays.
    drawn = squares + kept * count / arm.n * (arm.largest[count][1] - mean) ** 2
    return mean, drawn / (kept * (kept - 1))


def _flagged(arms: list[ArmSummary], flag: float) -> tuple[InfluentialUnit, ...]:
    """Return what `influential_units.flagged` returns, as far as the largest values tell."""
    names = ("control", "treatment")
    rows = []
    for name, own, sign in zip(names, arms, (-1.0, 1.0), strict=True):
        rows += [(sign * (value - own.mean) / (own.n - 1), name, unit, value) for unit, value in own.largest]
    rows = sorted(rows, key=lambda row: -abs(row[0]))[: within(arms[0].n + arms[1].n)]
    rests = []
    for name, own in zip(names, arms, strict=True):
        out = tuple(value for _, arm, _, value in rows if arm == name)
        mean, squares = _rest(own, out)
        noise = ROUNDING * max(abs(own.mean), *(abs(value) for _, value in own.largest))
        rests.append(Rest(own.n - len(out), mean, squares, noise))
    errors = outwards_in([(names.index(arm), value) for _, arm, _, value in rows], rests, (-1.0, 1.0), flag)
    found = [
        InfluentialUnit(name, unit, value, shift, error)
        for (shift, name, unit, value), error in zip(rows, errors, strict=False)
    ]
    return tuple(sorted(found, key=lambda unit: -abs(unit.errors)))

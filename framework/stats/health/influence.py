"""How much of an effect hangs on a few units: the effect without the top ones, and single units that move it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import Estimate
from framework.stats.health.influential_units import FLAG, InfluentialUnit, fit_to_leave_out, flagged
from framework.stats.health.leaving_out import as_given, contributions, drawn_in, without_rows
from framework.stats.samples import UnitValues

SHARES = (0.001, 0.01)
"""Shares of an arm's units to leave out, after the single most extreme one."""
DRAWN_IN = 0.01


@dataclass(frozen=True)
class Without:
    """The effect without the most extreme units: how many were left out of each arm, and what is left."""

    share: float | None
    left_out_control: int
    left_out_treatment: int
    estimate: Estimate


@dataclass(frozen=True)
class Influence:
    """What the effect becomes without its most extreme units, beside the effect of all (`estimate`).

    `winsorised` is the comparison with values drawn in to `limits` (metric's unit). `level` is "ok", "notice" where a
    unit is flagged or a reading changes, "alert" where leaving out the single most extreme unit of each arm changes
    whether the interval excludes 0. Leaving units out answers another question than the effect does: where the
    treatment works through the top users it removes the effect itself. So this warns, and does not correct.
    """

    estimate: Estimate
    without: tuple[Without, ...]
    winsorised: Estimate | None
    limits: tuple[float, float] | None
    units: tuple[InfluentialUnit, ...]
    level: str
    text: str


def influence(
    control: UnitValues,
    treatment: UnitValues,
    *,
    design: str = "independent",
    shares: tuple[float, ...] = SHARES,
    drawn_in_share: float = DRAWN_IN,
    flag: float = FLAG,
    confidence: float = 0.95,
) -> Influence:
    """Return how the difference reads without the 1 most extreme unit of each arm and without `shares` of them.

    Extreme is what contributes much to the difference (linearised for a ratio): by the distance from the median
    contribution, since one huge unit drags the mean and would have the other tail cut (ties by row). `design` "paired"
    leaves out pairs. Counts round up; a share that leaves out no more than the step before it is skipped, and so is one
    that leaves fewer than 3 units. A proportion has no extreme units: its units are 0 or 1, and rare events are warned
    of by `cautions`; it gets its estimate only.

    Raises:
        TrialError: fewer than 3 units in an arm, values as `samples.checked` refuses them, arms of different kind,
            pairs of different length, an unknown design, shares not between 0 and 0.5.
    """
    control, treatment = fit_to_leave_out(control, treatment, design)
    for asked in (*shares, drawn_in_share):
        if not 0 < asked < 0.5:
            raise TrialError(f"a share of {asked:g} units to leave out", allowed="a share between 0 and 0.5")
    if control.kind == "proportion":
        arms = [UnitValues("mean", arm.numerator) for arm in (control, treatment)]
        estimate = as_given(arms[0], arms[1], design=design, confidence=confidence)
        return Influence(estimate, (), None, None, (), "ok", "Units of a proportion are 0 or 1: none is extreme.")
    estimate = as_given(control, treatment, design=design, confidence=confidence)
    ranked = _ranked(control, treatment, design)
    steps: list[Without] = []
    cuts: list[float | None] = [None, *sorted(shares)]
    for share in cuts:
        counts = [1 if share is None else max(1, math.ceil(share * order.size - 1e-9)) for order in ranked]
        before = steps[-1] if steps else None
        same = before is not None and counts == [before.left_out_control, before.left_out_treatment]
        if same or min(order.size - count for order, count in zip(ranked, counts, strict=True)) < 3:
            continue
        rows = ranked[0][: counts[0]], ranked[1][: counts[1]]
        left = without_rows(control, treatment, rows, design=design, confidence=confidence)
        steps.append(Without(share, counts[0], counts[1], left))
    winsorised, low, high = drawn_in(control, treatment, drawn_in_share, design=design, confidence=confidence)
    units = flagged(control, treatment, design=design, flag=flag)
    level, text = reading(estimate, tuple(steps), winsorised, units)
    return Influence(estimate, tuple(steps), winsorised, (low, high), units, level, text)


def reading(
    estimate: Estimate, without: tuple[Without, ...], winsorised: Estimate | None, units: tuple[InfluentialUnit, ...]
) -> tuple[str, str]:
    """Return level and text of what leaving out and drawing in did."""
    said = []
    for unit in units[:3]:
        where = "pair" if unit.arm == "pair" else f"{unit.arm} unit"
        said.append(
            f"The {where} {unit.unit} (value {unit.value:.6g}) alone moves the difference by {unit.shift:+.4g}, "
            f"{abs(unit.errors):.2g} standard errors: look at it before you trust the effect."
        )
    if len(units) > 3:
        said.append(f"So do {len(units) - 3} more units.")
    changed = [step for step in without if _side(step.estimate) != _side(estimate)]
    for step in changed:
        out = (
            "the most extreme unit of each arm" if step.share is None else f"the most extreme {step.share:.1%} of units"
        )
        said.append(
            f"Without {out} the difference is {step.estimate.difference:.4g} "
            f"({step.estimate.ci_low:.4g} to {step.estimate.ci_high:.4g}), which reads differently."
        )
    drawn = winsorised is not None and _side(winsorised) != _side(estimate)
    if winsorised is not None and drawn:
        said.append(
            f"With extreme values drawn in it is {winsorised.difference:.4g} "
            f"({winsorised.ci_low:.4g} to {winsorised.ci_high:.4g}), which reads differently."
        )
    alert = any(step.share is None for step in changed)
    level = "alert" if alert else "notice" if said else "ok"
    return level, " ".join(said) or "The effect reads the same without its most extreme units."


def _side(estimate: Estimate) -> int:
    return int(estimate.ci_low > 0) - int(estimate.ci_high < 0)


def _ranked(control: UnitValues, treatment: UnitValues, design: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows of each arm, the most extreme first."""
    ours, theirs = contributions(control), contributions(treatment)
    if design == "paired":
        ours = theirs = theirs - ours
    first, second = (np.argsort(-np.abs(one - np.median(one)), kind="stable") for one in (ours, theirs))
    return first, second

"""Single units that move an effect: how far each one does, and which do so beyond measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.health.leaving_out import contributions, rounding
from framework.stats.samples import UnitValues, checked

FLAG = 1.0
"""Standard errors of the difference that one unit may move it by.

Beyond 1 a single unit moves the effect as far as chance is expected to (Bollen and Jackman 1985): an error that takes a
95 % interval's coverage to 83 %. The usual cut for DFBETAS, 2 / sqrt(n), falls with n, so that 2 to 5 % of units are
beyond it in any sample.
"""
TOGETHER = 10
"""Units that may hide behind each other's spread and are looked at together, at most one in `SPARSE`."""
SPARSE = 50
CANCELLED = 1e-6
"""Share of an arm's squares below which what a unit leaves is summed anew, not got by subtraction."""


@dataclass(frozen=True)
class InfluentialUnit:
    """A unit, by row (or by id where only summaries are known), that moves the difference by more than `FLAG` errors.

    `arm` is "control", "treatment" or, in a paired design, "pair". `value` is the unit's own value (a pair's
    difference); `shift` the difference with it minus the difference without it, in the metric's unit; `errors` is how
    far it moves the difference without any flagged unit, in standard errors of that (inf where nothing else varies).
    """

    arm: str
    unit: int | str
    value: float
    shift: float
    errors: float


def shifts(
    control: UnitValues, treatment: UnitValues, *, design: str = "independent"
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """Return (shift, errors), (n,) each, of every unit: of the control and of the treatment, or of the pairs.

    `shift` is the difference with the unit minus the one without it, exactly, for ratios too (the `dfbeta` of Belsley,
    Kuh and Welsch 1980). `errors` divides it by the difference's standard error without the unit (for a ratio,
    linearised around the ratio of all units), so that a unit cannot hide behind the spread that it makes itself.

    Raises:
        TrialError: as `fit_to_leave_out`.
    """
    control, treatment = fit_to_leave_out(control, treatment, design)
    parts = []
    centred = _centred(control, treatment, design)
    for place, (moved, own) in enumerate(zip(_moved(control, treatment, design), centred, strict=True)):
        elsewhere = sum(_mean_variance(other) for index, other in enumerate(centred) if index != place)
        parts.append((moved, _by_error(moved, _variance_without(own) + elsewhere)))
    return tuple(parts)


def flagged(
    control: UnitValues, treatment: UnitValues, *, design: str = "independent", flag: float = FLAG
) -> tuple[InfluentialUnit, ...]:
    """Return the units that move the difference by more than `flag` standard errors, the strongest first.

    From the outside in, as Rosner 1983 does with outliers: of up to 10 units of the largest shifts, all are flagged up
    to the last one that moves the difference by more than `flag` errors of what stays without it and those before it.
    So two strange units do not hide each other, in one arm or one in each.

    Raises:
        TrialError: as `fit_to_leave_out`.
    """
    control, treatment = fit_to_leave_out(control, treatment, design)
    moved = _moved(control, treatment, design)
    centred = _centred(control, treatment, design)
    noise = (
        [rounding(control), rounding(treatment)]
        if design == "independent"
        else [rounding(control) + rounding(treatment)]
    )
    rows = [
        (arm, int(row)) for arm, one in enumerate(moved) for row in np.argsort(-np.abs(one), kind="stable")[:TOGETHER]
    ]
    rows.sort(key=lambda at: -abs(float(moved[at[0]][at[1]])))
    rows = rows[: within(sum(one.size for one in centred))]
    rests = []
    for arm, one in enumerate(centred):
        rest = np.delete(one, [row for place, row in rows if place == arm])
        rests.append(Rest(rest.size, float(rest.mean()), float(((rest - rest.mean()) ** 2).sum()), noise[arm]))
    signs = (1.0,) if design == "paired" else (-1.0, 1.0)
    errors = outwards_in([(arm, float(centred[arm][row])) for arm, row in rows], rests, signs, flag)
    arms = ("pair",) if design == "paired" else ("control", "treatment")
    found = []
    for (arm, row), error in zip(rows, errors, strict=False):
        own = float((treatment if arm == 1 else control).numerator[row])
        value = float(treatment.numerator[row]) - own if design == "paired" else own
        found.append(InfluentialUnit(arms[arm], row, value, float(moved[arm][row]), error))
    return tuple(sorted(found, key=lambda unit: -abs(unit.errors)))


@dataclass(frozen=True)
class Rest:
    """The units of an arm that are not looked at: number, mean, squared deviations, and what is rounding only."""

    n: int
    mean: float
    squares: float
    noise: float

    @property
    def mean_variance(self) -> float:
        """The variance of the mean; 0 where it is rounding only."""
        if self.n < 2 or self.squares <= self.n * self.noise**2:
            return 0.0
        return self.squares / ((self.n - 1) * self.n)

    def shift(self, value: float) -> float:
        """Return by how much adding the value moves the mean."""
        gap = value - self.mean
        return gap / (self.n + 1) if abs(gap) > self.noise else 0.0

    def joined(self, value: float) -> Rest:
        """Return the rest with one more value."""
        gap = value - self.mean
        n = self.n + 1
        return Rest(n, self.mean + gap / n, self.squares + gap**2 * self.n / n, self.noise)


def outwards_in(
    units: Sequence[tuple[int, float]], rests: Sequence[Rest], signs: Sequence[float], flag: float
) -> tuple[float, ...]:
    """Return the shifts, in standard errors, of the first units that are flagged; empty where none is.

    `units` are (arm, value), the strongest first, and `rests` the arms without all of them. All are flagged up to the
    last one that is beyond `flag` errors of what stays without it and those before it.
    """
    left = list(rests)
    for count in range(len(units), 0, -1):
        error = math.sqrt(sum(rest.mean_variance for rest in left))
        shifts = [signs[arm] * left[arm].shift(value) for arm, value in units[:count]]
        if abs(shifts[-1]) > flag * error:
            return tuple(
                shift / error if error > 0 else math.copysign(math.inf, shift) if shift else 0.0 for shift in shifts
            )
        arm, value = units[count - 1]
        left[arm] = left[arm].joined(value)
    return ()


def within(units: int) -> int:
    """Return how many units may be looked at together out of so many."""
    return max(1, min(TOGETHER, units // SPARSE))


def fit_to_leave_out(control: UnitValues, treatment: UnitValues, design: str) -> tuple[UnitValues, UnitValues]:
    """Return two arms' values, checked.

    Raises:
        TrialError: fewer than 3 units in an arm, values as `samples.checked` refuses them, arms of different kind,
            pairs of different length, an unknown design.
    """
    designs = ("independent", "paired")
    if design not in designs:
        raise TrialError(f"design '{design}' is unknown", allowed=designs, hint=did_you_mean(design, designs))
    control = checked(control, metric="values", arm="control")
    treatment = checked(treatment, metric="values", arm="treatment")
    sizes = control.numerator.size, treatment.numerator.size
    if control.kind != treatment.kind or (design == "paired" and sizes[0] != sizes[1]):
        raise TrialError(
            f"control is a {control.kind} of {sizes[0]} units, treatment a {treatment.kind} of {sizes[1]}",
            allowed="arms of one kind, and of the same units where they are paired",
        )
    if min(sizes) < 3:
        raise TrialError(f"{min(sizes)} units cannot be left out one by one", allowed="3 units or more in every arm")
    return control, treatment


def _centred(control: UnitValues, treatment: UnitValues, design: str) -> list[NDArray[np.float64]]:
    if design == "paired":
        return [contributions(treatment) - contributions(control)]
    return [contributions(control), contributions(treatment)]


def _moved(control: UnitValues, treatment: UnitValues, design: str) -> list[NDArray[np.float64]]:
    """Return the difference with each unit minus the difference without it."""
    ours, theirs = _own_shift(control), _own_shift(treatment)
    if design == "independent":
        return [-ours, theirs]
    moved = theirs - ours
    noise = (rounding(control) + rounding(treatment)) / moved.size
    return [np.where(np.abs(moved) <= noise, 0.0, moved)]


def _own_shift(values: UnitValues) -> NDArray[np.float64]:
    """Return the arm's value with each unit minus its value without it."""
    if values.denominator is None:
        return contributions(values) / (values.numerator.size - 1)
    total = values.denominator.sum()
    left = total - values.denominator
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = contributions(values) * (total / values.numerator.size) / left
    # A unit that holds the whole denominator leaves no value behind.
    return np.where(left > 0, moved, math.inf)


def _mean_variance(centred: NDArray[np.float64]) -> float:
    return float(centred.var(ddof=1) / centred.size)


def _variance_without(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of the mean of (n,) centred contributions without each one of them."""
    n = centred.size
    squares = centred**2
    total = squares.sum()
    left = total - squares * (n / (n - 1))
    for row in np.flatnonzero(left < CANCELLED * total):
        rest = np.delete(centred, row)
        left[row] = ((rest - rest.mean()) ** 2).sum()
    return np.asarray(left / ((n - 2) * (n - 1)))


def _by_error(moved: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(moved == 0, 0.0, moved / np.sqrt(variance))

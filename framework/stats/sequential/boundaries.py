"""Critical values of several looks from the error that each may spend, and the chance to leave at each look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.sequential import recursion

NEGLIGIBLE = 1e-300
"""A look that may spend less than this cannot stop: its boundary is infinite."""
TOLERANCE = 1e-12
"""How near a critical value is found."""


@dataclass(frozen=True)
class Exits:
    """The probability to leave at each look (k,), through the upper and through the lower boundary."""

    upper: NDArray[np.float64]
    lower: NDArray[np.float64]

    @property
    def total(self) -> float:
        """The probability to leave at any look."""
        return float(self.upper.sum() + self.lower.sum())


def critical_values(
    information: Sequence[float] | NDArray[np.float64], spent: Sequence[float] | NDArray[np.float64], *, sides: int = 2
) -> NDArray[np.float64]:
    """Return the critical value of Z at each look (k,) that spends exactly the error planned for it.

    `information` (k,) rises from above 0 and need not be even or end at 1: only its ratios matter. `spent` (k,) is
    the error used up so far, both sides together. One-sided: stop where Z >= value. Two-sided: where |Z| >= value.
    Infinite where nothing may be spent. Slud and Wei 1982, Lan and DeMets 1983; integrals as in `recursion`.

    Raises:
        TrialError: information that does not rise, errors that fall, differ in number or leave [0, 1), other sides.
    """
    times = rising(information)
    _check_sides(sides)
    used = np.asarray(spent, dtype=np.float64)
    if used.shape != times.shape or not bool((np.diff(used, prepend=0.0) >= 0).all()) or not used[-1] < 1:
        raise TrialError(
            f"errors spent {[float(f'{error:.6g}') for error in used]} at {times.size} look(s)",
            allowed="one for each look, never falling, from 0 to below 1",
        )
    values = np.empty_like(times)
    paths = recursion.start()
    for look, (time, share) in enumerate(zip(times, np.diff(used, prepend=0.0), strict=True)):
        values[look] = _critical_value(paths, float(time), float(share) / sides, sides)
        if look + 1 < times.size:
            low = -values[look] if sides == 2 else -math.inf
            paths = recursion.carried_on(paths, low, values[look], float(time), float(times[look + 1]))
    return values


def shaped_values(
    information: Sequence[float] | NDArray[np.float64], alpha: float, *, exponent: float = 0.5, sides: int = 2
) -> NDArray[np.float64]:
    """Return the critical values C (t / t_K)^(exponent - 1/2) of total error `alpha` (k,).

    The shapes of Wang and Tsiatis 1987: exponent 1/2 is Pocock's constant, 0 O'Brien and Fleming's. C is the root of
    the total error (Jennison and Turnbull 2000, tables 2.1, 2.3 and 2.9).

    Raises:
        TrialError: information that does not rise, alpha of half or more a side, other sides.
    """
    from scipy import optimize, special

    times = rising(information)
    _check_sides(sides)
    if not 0 < alpha / sides < 0.5:
        raise TrialError(f"alpha is {alpha:g} on {sides} side(s)", allowed="above 0 and below 0.5 a side, such as 0.05")
    shape = (times / times[-1]) ** (exponent - 0.5)

    def gap(constant: float) -> float:
        return exit_probabilities(times, constant * shape, sides=sides).total - alpha

    # One look at the single look's value errs at least that often; all looks at Bonferroni's value at most.
    single, bonferroni = -special.ndtri(alpha / sides), -special.ndtri(alpha / sides / times.size)
    if times.size == 1:
        return np.array([single])
    constant = optimize.brentq(gap, single / shape.min(), bonferroni / shape.min(), xtol=TOLERANCE)
    return np.asarray(constant * shape)


def exit_probabilities(
    information: Sequence[float] | NDArray[np.float64],
    boundaries: Sequence[float] | NDArray[np.float64],
    *,
    drift: float = 0.0,
    sides: int = 2,
) -> Exits:
    """Return the probability to leave at each look where Z has mean drift * sqrt(information).

    `drift` is therefore the mean of Z at information 1: the true effect over its standard error there. `boundaries`
    (k,) may be infinite. One-sided designs leave upwards only.

    Raises:
        TrialError: information that does not rise, another number of boundaries, other sides.
    """
    times = rising(information)
    _check_sides(sides)
    edges = np.asarray(boundaries, dtype=np.float64)
    if edges.shape != times.shape or bool(np.isnan(edges).any()):
        raise TrialError(f"{edges.size} boundaries for {times.size} look(s)", allowed="one number for each look")
    upper, lower = np.zeros_like(times), np.zeros_like(times)
    paths = recursion.start()
    for look, (time, edge) in enumerate(zip(times.tolist(), edges.tolist(), strict=True)):
        low = -edge if sides == 2 else -math.inf
        upper[look] = recursion.above(paths, edge, time, drift) if edge < math.inf else 0.0
        lower[look] = recursion.below(paths, low, time, drift) if low > -math.inf else 0.0
        if look + 1 < times.size:
            paths = recursion.carried_on(paths, low, edge, time, float(times[look + 1]), drift)
    return Exits(upper, lower)


def rising(information: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return information (k,) as floats, refused where it is empty, not above 0 or does not rise.

    Raises:
        TrialError: with the shares that were given.
    """
    times = np.atleast_1d(np.asarray(information, dtype=np.float64))
    if times.ndim != 1 or times.size == 0 or not bool((np.diff(times, prepend=0.0) > 1e-9 * times[-1]).all()):
        raise TrialError(
            f"information is {[float(f'{share:.6g}') for share in times.ravel()]}",
            allowed="shares of the planned information, above 0 and rising from look to look, such as 0.5, 1",
        )
    return times


def _critical_value(paths: recursion.Paths, time: float, share: float, sides: int) -> float:
    """Return the value that `share` of probability exceeds on one side, among the paths that go on."""
    from scipy import optimize, special

    if share < NEGLIGIBLE:
        return math.inf

    def gap(value: float) -> float:
        return math.log(max(recursion.above(paths, value, time), 1e-320)) - math.log(share)

    # Among all paths the share is exceeded at `high`, so among those that go on it is exceeded by less.
    high = float(-special.ndtri(share))
    if paths.at.size == 1 or gap(high) >= 0:
        return high
    floor = 0.0 if sides == 2 else -recursion.REACH
    low, stride = max(floor, high - 0.25), 0.25
    while low > floor and gap(low) < 0:
        stride *= 2
        low = max(floor, low - stride)
    return floor if gap(low) <= 0 else float(optimize.brentq(gap, low, high, xtol=TOLERANCE))


def _check_sides(sides: int) -> None:
    if sides not in {1, 2}:
        raise TrialError(f"sides is {sides}", allowed="1 or 2")

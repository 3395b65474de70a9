"""Means: power, units and smallest difference of t tests, each the inverse of the others."""

from __future__ import annotations

import math

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_difference, check_level, check_option
from framework.stats.planning.solve import solve
from framework.stats.planning.statistic import power_of_statistic

DESIGNS = ("independent", "paired")


def power_mean(
    effect: float,
    sd: float,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    design: str = "independent",
    *,
    sd_treatment: float | None = None,
    sides: int = 2,
) -> float:
    """Return the power of a t test for a true difference `effect` (same unit as `sd`; noncentral t).

    Independent: `sd` is that of a unit in either arm; with `sd_treatment` it is the control's, and the degrees of
    freedom are Welch's. Paired: `sd` is that of the differences within units, and both n are the same. n need not be
    whole. Cohen 1988; statsmodels TTestIndPower, TTestPower.

    Raises:
        TrialError: sd not above 0, fewer than 2 units, alpha outside (0, 1), unequal n in a paired design.
    """
    if min(n_control, n_treatment) < 2:
        raise TrialError(f"{min(n_control, n_treatment):g} unit(s) in an arm", allowed="2 or more")
    error, df = mean_error_and_df(sd, n_control, n_treatment, design, sd_treatment)
    return power_of_statistic(effect / error, df, alpha, sides)


def units_for_mean(
    difference: float,
    sd: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
    design: str = "independent",
    sd_treatment: float | None = None,
    sides: int = 2,
) -> float:
    """Return the units of the control arm (a real number: round up) that find `difference` between two means.

    `ratio` is treatment units per control unit; paired: the units, and `ratio` stays 1. statsmodels' solver is asked
    first and believed only where the power confirms it (`solve.solve`).

    Raises:
        TrialError: difference 0, sd or ratio not above 0, or no sample below `solve.MOST_UNITS` that would do.
    """
    from statsmodels.stats.power import TTestIndPower, TTestPower

    check_level(alpha, power)
    check_difference(difference)
    _check_spread(sd, sd_treatment, design)
    check_above("ratio", ratio)
    size = abs(difference) / sd
    words = "two-sided" if sides == 2 else "larger"

    def gap(n: float) -> float:
        error, df = mean_error_and_df(sd, n, n * ratio, design, sd_treatment)
        return power_of_statistic(abs(difference) / error, df, alpha, sides) - power

    def ask() -> float:
        if design == "paired":
            return TTestPower().solve_power(size, alpha=alpha, power=power, alternative=words)  # type: ignore[no-any-return]
        return TTestIndPower().solve_power(  # type: ignore[no-any-return]
            size, alpha=alpha, power=power, ratio=ratio, alternative=words
        )

    low = 2.0 if design == "paired" else 1.0 + 1.0 / min(1.0, ratio)
    return solve(gap, low, ask=ask if sd_treatment is None else None)


def minimum_detectable_mean(
    sd: float,
    n_control: float,
    n_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    design: str = "independent",
    sd_treatment: float | None = None,
    sides: int = 2,
) -> float:
    """Return the smallest true difference (unit of `sd`, above 0) that two planned arms find with `power`.

    The inverse of `power_mean`, found by bracketing it, so the two always agree: statsmodels' own solver can stop
    early here.

    Raises:
        TrialError: as `power_mean`, and for a power not above alpha.
    """
    from scipy import optimize

    check_level(alpha, power)
    error, _ = mean_error_and_df(sd, n_control, n_treatment, design, sd_treatment)

    def gap(size: float) -> float:
        effect = size * error
        return power_mean(effect, sd, n_control, n_treatment, alpha, design, sd_treatment=sd_treatment, sides=sides)

    high = 1.0
    while gap(high) < power:
        high *= 2
    return float(error * optimize.brentq(lambda size: gap(size) - power, 0.0, high, xtol=1e-14, rtol=1e-14))


def mean_error_and_df(
    sd: float, n_control: float, n_treatment: float, design: str = "independent", sd_treatment: float | None = None
) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and the degrees of freedom of its t test.

    Independent with one sd: n - 2, as in Student's test; with `sd_treatment`: Welch and Satterthwaite. Paired: n - 1.

    Raises:
        TrialError: as `power_mean`.
    """
    _check_spread(sd, sd_treatment, design)
    check_above("n_control", n_control, 1)
    check_above("n_treatment", n_treatment, 1 if sd_treatment is not None else 0)
    if design == "paired":
        if n_control != n_treatment:
            raise TrialError(f"a paired design with {n_control:g} and {n_treatment:g} units", allowed="the same number")
        return sd / math.sqrt(n_control), n_control - 1
    control = sd**2 / n_control
    treatment = (sd if sd_treatment is None else sd_treatment) ** 2 / n_treatment
    df = n_control + n_treatment - 2
    if sd_treatment is not None:
        df = (control + treatment) ** 2 / (control**2 / (n_control - 1) + treatment**2 / (n_treatment - 1))
    return math.sqrt(control + treatment), df


def _check_spread(sd: float, sd_treatment: float | None, design: str) -> None:
    check_option("design", design, DESIGNS)
    check_above("standard deviation", sd)
    if sd_treatment is not None:
        check_above("sd_treatment", sd_treatment)
        if design == "paired":
            raise TrialError(
                "sd_treatment has no place in a paired design", hint="Give the sd of the differences within units."
            )

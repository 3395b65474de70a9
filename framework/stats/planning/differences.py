"""Differences with a normal reference: power, units and smallest difference from each arm's standard deviation."""

from __future__ import annotations

import math

from framework.stats.planning.arguments import check_above, check_difference, check_level
from framework.stats.planning.solve import bracketed, solve
from framework.stats.planning.statistic import power_of_statistic


def power_normal(
    difference: float,
    sd: float,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    *,
    sd_treatment: float | None = None,
    sides: int = 2,
) -> float:
    """Return the power of a z test for a true `difference`, given one unit's standard deviation in each arm.

    Serves every estimate that is normal in large samples. A ratio of sums: `sd` is the delta method's, of a unit's
    linearised contribution (`variance.unit_sd`; Deng, Knoblich and Lu 2018).

    Raises:
        TrialError: sd, n_control or n_treatment not above 0, alpha outside (0, 1).
    """
    error = normal_error(sd, n_control, n_treatment, sd_treatment)
    return power_of_statistic(difference / error, None, alpha, sides)


def units_normal(
    difference: float,
    sd: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
    sd_treatment: float | None = None,
    sides: int = 2,
) -> float:
    """Return the units of the control arm (a real number: round up) whose z test finds `difference` with `power`.

    Asked first, and believed only where the power confirms it: statsmodels' solver, or, one-sided and with two spreads,
    the textbook's (z + z)^2, which leaves out the far tail and so is exact where `sides` is 1.

    Raises:
        TrialError: difference 0, sd or ratio not above 0, no sample below `solve.MOST_UNITS` that would do.
    """
    from statsmodels.stats.power import NormalIndPower

    check_level(alpha, power)
    check_difference(difference)
    check_above("ratio", ratio)
    one = normal_error(sd, 1.0, ratio, sd_treatment)

    def gap(n: float) -> float:
        return power_of_statistic(abs(difference) / one * math.sqrt(n), None, alpha, sides) - power

    def ask() -> float:
        if sides == 2 and sd_treatment is None:
            return NormalIndPower().solve_power(  # type: ignore[no-any-return]
                abs(difference) / sd, alpha=alpha, power=power, ratio=ratio
            )
        return (reach(alpha, power, sides) * one / difference) ** 2

    return solve(gap, 1.0 / min(1.0, ratio), ask=ask)


def minimum_detectable_normal(
    sd: float,
    n_control: float,
    n_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    sd_treatment: float | None = None,
    sides: int = 2,
) -> float:
    """Return the smallest true difference (unit of `sd`, above 0) that a z test of these arms finds with `power`.

    Raises:
        TrialError: as `power_normal`, and for a power not above alpha.
    """
    check_level(alpha, power)
    error = normal_error(sd, n_control, n_treatment, sd_treatment)
    if sides == 1:
        return reach(alpha, power, sides) * error
    size = bracketed(
        lambda shift: power_of_statistic(shift, None, alpha, sides) - power, 0.0, most=1e6, what="difference", start=1.0
    )
    return size * error


def normal_error(sd: float, n_control: float, n_treatment: float, sd_treatment: float | None = None) -> float:
    """Return the standard error of the difference of two independent arms; `sd_treatment` defaults to `sd`.

    Raises:
        TrialError: an argument that is not above 0.
    """
    check_above("standard deviation", sd)
    check_above("n_control", n_control)
    check_above("n_treatment", n_treatment)
    if sd_treatment is not None:
        check_above("sd_treatment", sd_treatment)
    return math.hypot(
        sd / math.sqrt(n_control), (sd if sd_treatment is None else sd_treatment) / math.sqrt(n_treatment)
    )


def reach(alpha: float, power: float, sides: int = 2) -> float:
    """Return how many standard errors a difference must measure to be found, the far tail left out."""
    from scipy import stats

    return float(stats.norm.isf(alpha / sides) + stats.norm.ppf(power))

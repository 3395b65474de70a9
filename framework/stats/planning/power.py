"""Planning: how likely a difference is found, how small a one can be, and how many units it takes."""

from __future__ import annotations

import math
from collections.abc import Callable

from framework.errors import TrialError
from framework.stats.effects import Effect

MOST_UNITS = 10**12
"""More units than this is no plan."""
TOLERANCE = 1e-6
"""How far the power of a found sample size may be from the wanted power."""


def power_mean(
    effect: float, sd: float, n_control: int, n_treatment: int, alpha: float = 0.05, design: str = "independent"
) -> float:
    """Return the two-sided power of a t test for a true difference `effect` (same unit as `sd`; noncentral t).

    Independent: `sd` is that of a unit in either arm. Paired: `sd` is that of the differences within units, and both
    n are the same. Cohen 1988; statsmodels TTestIndPower, TTestPower.

    Raises:
        TrialError: sd not above 0, fewer than 2 units, alpha outside (0, 1), unequal n in a paired design.
    """
    from statsmodels.stats.power import TTestIndPower, TTestPower

    _check(alpha)
    if not sd > 0:
        raise TrialError(f"standard deviation is {sd:g}", allowed="a number above 0")
    if min(n_control, n_treatment) < 2:
        raise TrialError(f"{min(n_control, n_treatment)} unit(s) in an arm", allowed="2 or more")
    size = abs(effect) / sd
    if design == "paired":
        if n_control != n_treatment:
            raise TrialError(f"a paired design with {n_control} and {n_treatment} units", allowed="the same number")
        return _as_power(TTestPower().power(size, n_control, alpha), size * math.sqrt(n_control), alpha)
    noncentrality = size / math.sqrt(1 / n_control + 1 / n_treatment)
    return _as_power(TTestIndPower().power(size, n_control, alpha, ratio=n_treatment / n_control), noncentrality, alpha)


def units_for_mean(
    difference: float, sd: float, *, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0
) -> float:
    """Return the units of the control arm (a real number: round up) that find `difference` between independent means.

    `ratio` is treatment units per control unit. statsmodels' solver is asked first; its answer counts only if the
    power there is the wanted one, since it can return a starting value or a bound without a word. Otherwise the root
    is bracketed by hand.

    Raises:
        TrialError: difference 0, or no sample below `MOST_UNITS` that would do.
    """
    import warnings

    from statsmodels.stats.power import TTestIndPower
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    _check(alpha, power)
    if difference == 0 or not sd > 0 or not ratio > 0:
        raise TrialError(f"difference {difference:g}, sd {sd:g}, ratio {ratio:g}", allowed="numbers other than 0")
    size, test = abs(difference) / sd, TTestIndPower()

    def gap(n: float) -> float:
        noncentrality = size / math.sqrt(1 / n + 1 / (n * ratio))
        return _as_power(test.power(size, n, alpha, ratio=ratio), noncentrality, alpha) - power

    with warnings.catch_warnings():
        # A failed search warns; the check below is what decides.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            found = float(test.solve_power(size, alpha=alpha, power=power, ratio=ratio))
        except (ValueError, RuntimeError):
            found = math.nan
        if math.isfinite(found) and found > 1 and abs(gap(found)) < TOLERANCE:
            return found
        return _root(gap, 1.0 + 1.0 / min(1.0, ratio))


def minimum_detectable_mean(
    sd: float, n_control: int, n_treatment: int, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the smallest true difference (unit of `sd`) that Welch's test of two planned arms finds with `power`.

    The inverse of `power_mean` for independent arms, found by bisection on it, so the two always agree.
    """
    from scipy import optimize

    _check(alpha, power)
    scale = math.sqrt(1 / n_control + 1 / n_treatment)

    def gap(size: float) -> float:
        return power_mean(size, 1.0, n_control, n_treatment, alpha) - power

    high = scale
    while gap(high) < 0:
        high *= 2
    return float(sd * optimize.brentq(gap, 0.0, high, xtol=1e-14 * scale, rtol=1e-14))


def power_proportion(
    p_control: float, p_treatment: float, n_control: int, n_treatment: int, alpha: float = 0.05
) -> float:
    """Return the two-sided power of the pooled z test of two proportions (statsmodels power_proportions_2indep)."""
    from statsmodels.stats.proportion import power_proportions_2indep

    _check(alpha)
    if not (0 < p_control < 1 and 0 < p_treatment < 1):
        raise TrialError(f"proportions {p_control:g} and {p_treatment:g}", allowed="numbers between 0 and 1")
    # statsmodels takes nobs1 for the arm whose proportion is prop2 + diff, and ratio = nobs2 / nobs1.
    result = power_proportions_2indep(
        p_treatment - p_control, p_control, n_treatment, ratio=n_control / n_treatment, alpha=alpha
    )
    return float(result.power)


def power_of_difference(difference: float, standard_error: float, alpha: float = 0.05) -> float:
    """Return the two-sided power against a true difference, normal approximation; both tails count.

    Raises:
        TrialError: a standard error that is not above 0, or alpha outside (0, 1).
    """
    from scipy import stats

    _check(alpha)
    if not standard_error > 0:
        raise TrialError(f"standard error is {standard_error:g}", allowed="a number above 0")
    critical = stats.norm.isf(alpha / 2)
    shift = abs(difference) / standard_error
    return float(stats.norm.sf(critical - shift) + stats.norm.cdf(-critical - shift))


def units_needed(effect: Effect, *, difference: float, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """Return the units in all (paired: units; independent: both arms) that find a true `difference` with `power`.

    The observed standard error is taken to shrink with the root of the units, shares of the arms kept. None where
    no number of units below `MOST_UNITS` would do, or nothing is known of the error (a standard error of 0).
    """
    from scipy import stats

    _check(alpha, power)
    if difference == 0 or effect.standard_error <= 0:
        return None
    now = effect.n_control if effect.design == "paired" else effect.n_control + effect.n_treatment
    reach = float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))
    needed = now * (reach * effect.standard_error / abs(difference)) ** 2
    return max(2, math.ceil(needed)) if needed < MOST_UNITS else None


def minimum_detectable(effect: Effect, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the smallest true difference (metric's unit, above 0) that a trial of this size finds with `power`."""
    from scipy import stats

    _check(alpha, power)
    return float((stats.norm.isf(alpha / 2) + stats.norm.ppf(power)) * effect.standard_error)


def _as_power(power: float, noncentrality: float, alpha: float) -> float:
    """Replace the nan that statsmodels' noncentral t gives far out in the tail by the normal approximation."""
    return float(power) if math.isfinite(power) else power_of_difference(noncentrality, 1.0, alpha)


def _root(gap: Callable[[float], float], low: float) -> float:
    from scipy import optimize

    if gap(low) >= 0:
        return low
    high = 2 * low
    while not gap(high) >= 0:
        high *= 2
        if high > MOST_UNITS:
            raise TrialError(
                f"no sample below {MOST_UNITS:.0e} units finds this difference", hint="Aim for a larger one."
            )
    return float(optimize.brentq(gap, low, high, xtol=1e-9))


def _check(alpha: float, power: float | None = None) -> None:
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if power is not None and not alpha < power < 1:
        raise TrialError(f"power is {power:g}", allowed=f"a number above alpha ({alpha:g}) and below 1, such as 0.8")

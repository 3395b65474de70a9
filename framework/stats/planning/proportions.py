"""Proportions: power, units and smallest difference of the pooled z test."""

from __future__ import annotations

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_level, check_option
from framework.stats.planning.solve import bracketed, solve
from framework.stats.planning.statistic import SIDES


def power_proportion(
    p_control: float, p_treatment: float, n_control: float, n_treatment: float, alpha: float = 0.05, *, sides: int = 2
) -> float:
    """Return the power of the pooled z test of two proportions (statsmodels power_proportions_2indep).

    The variance is pooled under the null and each arm's own under the alternative. One-sided: the side is that on
    which the true difference lies.

    Raises:
        TrialError: a proportion outside (0, 1), n not above 0, alpha outside (0, 1).
    """
    from statsmodels.stats.proportion import power_proportions_2indep

    check_level(alpha)
    check_option("sides", sides, SIDES)
    if not (0 < p_control < 1 and 0 < p_treatment < 1):
        raise TrialError(f"proportions {p_control:g} and {p_treatment:g}", allowed="numbers between 0 and 1")
    check_above("n_control", n_control)
    check_above("n_treatment", n_treatment)
    words = "two-sided" if sides == 2 else "larger" if p_treatment >= p_control else "smaller"
    # statsmodels takes nobs1 for the arm whose proportion is prop2 + diff, and ratio = nobs2 / nobs1.
    result = power_proportions_2indep(
        p_treatment - p_control,
        p_control,
        n_treatment,
        ratio=n_control / n_treatment,
        alpha=alpha,
        alternative=words,
        return_results=False,
    )
    return float(result)


def units_for_proportion(
    p_control: float,
    p_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
    sides: int = 2,
) -> float:
    """Return the units of the control arm (a real number: round up) that tell two proportions apart with `power`.

    `ratio` is treatment units per control unit. statsmodels' closed form (samplesize_proportions_2indep_onetail)
    leaves out the far tail: it stands where `sides` is 1, and else where the power confirms it.

    Raises:
        TrialError: equal proportions, one outside (0, 1), ratio not above 0, or no sample that would do.
    """
    from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

    check_level(alpha, power)
    check_above("ratio", ratio)
    if p_control == p_treatment:
        raise TrialError(f"both proportions are {p_control:g}", allowed="a difference other than 0")

    def gap(n: float) -> float:
        return power_proportion(p_control, p_treatment, n, n * ratio, alpha, sides=sides) - power

    def ask() -> float:
        words = "two-sided" if sides == 2 else "larger"
        n_treatment = samplesize_proportions_2indep_onetail(
            p_treatment - p_control, p_control, power, ratio=1 / ratio, alpha=alpha, alternative=words
        )
        return float(n_treatment) / ratio

    return solve(gap, 1.0 / min(1.0, ratio), ask=ask)


def minimum_detectable_proportion(
    p_control: float,
    n_control: float,
    n_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    sides: int = 2,
    up: bool = True,
) -> float:
    """Return the smallest difference (above 0) from `p_control`, upwards or downwards, that is found with `power`.

    The two directions differ: a share far from a half has less variance.

    Raises:
        TrialError: as `power_proportion`, or where no proportion between 0 and 1 would be told from `p_control`.
    """
    check_level(alpha, power)
    room = 1 - p_control if up else p_control
    if not 0 < p_control < 1:
        raise TrialError(f"proportion {p_control:g}", allowed="a number between 0 and 1")
    sign = 1 if up else -1

    def gap(size: float) -> float:
        return power_proportion(p_control, p_control + sign * size, n_control, n_treatment, alpha, sides=sides) - power

    return bracketed(gap, 0.0, most=room * (1 - 1e-9), what="difference", start=room / 1024)

"""Counts per unit: power, units and smallest difference where the variance grows with the mean."""

from __future__ import annotations

import math

from framework.stats.planning.arguments import check_above, check_difference, check_level
from framework.stats.planning.differences import power_normal, units_normal
from framework.stats.planning.solve import bracketed


def count_sd(rate: float, *, exposure: float = 1.0, dispersion: float = 1.0, overdispersion: float = 0.0) -> float:
    """Return the standard deviation of a unit's count per exposure whose mean is `rate`.

    The count's mean m is rate times exposure, its variance dispersion m + overdispersion m^2: Poisson as given,
    quasi-Poisson with `dispersion`, negative binomial (NB2, as statsmodels' alpha) with `overdispersion`.

    Raises:
        TrialError: rate, exposure or dispersion not above 0, overdispersion below 0.
    """
    check_above("rate", rate)
    check_above("exposure", exposure)
    check_above("dispersion", dispersion)
    check_above("overdispersion", overdispersion, included=True)
    mean = rate * exposure
    return math.sqrt(dispersion * mean + overdispersion * mean**2) / exposure


def power_count(
    rate_control: float,
    rate_treatment: float,
    n_control: float,
    n_treatment: float,
    alpha: float = 0.05,
    *,
    exposure: float = 1.0,
    dispersion: float = 1.0,
    overdispersion: float = 0.0,
    sides: int = 2,
) -> float:
    """Return the power of a z test of the difference of two rates, each arm with its own variance.

    With dispersion 1 and no overdispersion: statsmodels power_poisson_diff_2indep, variances under the alternative.

    Raises:
        TrialError: as `count_sd`, and for n not above 0 or alpha outside (0, 1).
    """
    control, treatment = (
        count_sd(rate, exposure=exposure, dispersion=dispersion, overdispersion=overdispersion)
        for rate in (rate_control, rate_treatment)
    )
    difference = rate_treatment - rate_control
    return power_normal(
        abs(difference) if sides == 1 else difference,
        control,
        n_control,
        n_treatment,
        alpha,
        sd_treatment=treatment,
        sides=sides,
    )


def units_for_count(
    rate_control: float,
    rate_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
    exposure: float = 1.0,
    dispersion: float = 1.0,
    overdispersion: float = 0.0,
    sides: int = 2,
) -> float:
    """Return the units of the control arm (a real number: round up) that tell two rates apart with `power`.

    Raises:
        TrialError: as `power_count`, and for equal rates.
    """
    check_difference(rate_treatment - rate_control, "rate_treatment - rate_control")
    control, treatment = (
        count_sd(rate, exposure=exposure, dispersion=dispersion, overdispersion=overdispersion)
        for rate in (rate_control, rate_treatment)
    )
    return units_normal(
        rate_treatment - rate_control,
        control,
        alpha=alpha,
        power=power,
        ratio=ratio,
        sd_treatment=treatment,
        sides=sides,
    )


def minimum_detectable_count(
    rate_control: float,
    n_control: float,
    n_treatment: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    exposure: float = 1.0,
    dispersion: float = 1.0,
    overdispersion: float = 0.0,
    sides: int = 2,
) -> float:
    """Return the smallest rise of the rate (above 0) that is found with `power`.

    Raises:
        TrialError: as `power_count`, or where no rise would be found (overdispersion grows with it).
    """
    check_level(alpha, power)

    def gap(rise: float) -> float:
        return (
            power_count(
                rate_control,
                rate_control + rise,
                n_control,
                n_treatment,
                alpha,
                exposure=exposure,
                dispersion=dispersion,
                overdispersion=overdispersion,
                sides=sides,
            )
            - power
        )

    return bracketed(gap, 0.0, most=1e9 * rate_control, what="difference", start=rate_control / 1024)

"""A confidence sequence that holds at any number of unplanned looks: the asymptotic normal mixture.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence
sequences", in the form that GrowthBook prints. Nothing needs planning but `tau`, the number of units where the interval
shall be about as narrow as it can be. It holds as the number of units at the first look grows, not exactly: see
`bounded` and `betting` for metrics with known bounds.
"""

from __future__ import annotations

import math

from framework.errors import TrialError
from framework.stats.effects import Look
from framework.stats.estimates import floored

TAU = 5000.0
"""The number of units to be narrowest at where none is named, as in GrowthBook."""


def mixture_look(
    estimate: float,
    standard_error: float,
    n: float,
    *,
    alpha: float = 0.05,
    tau: float = TAU,
    null: float = 0.0,
    look: int = 1,
) -> Look:
    """Return the 1 - alpha confidence sequence and its always-valid p-value at this look, two-sided.

    `estimate`, `standard_error` and `null` are in one unit, which does not matter; `n` and `tau` count units, of both
    arms together. `look` only numbers the look. The probability that the interval leaves out the truth, or that
    `p_value` falls to alpha under the null, at any look at all, is at most alpha in large samples; so the intervals of
    all looks may be intersected and the smallest p-value so far be read. p is at most `alpha` exactly where the
    boundary is reached. Without spread (`standard_error` 0) the sequence says nothing: interval infinite, p 1.

    Raises:
        TrialError: values that are not finite, n or tau not above 0, alpha outside (0, 1).
    """
    boundary = mixture_boundary(n, alpha=alpha, tau=tau)
    if not (math.isfinite(estimate) and math.isfinite(standard_error) and standard_error >= 0):
        raise TrialError(f"estimate {estimate:g} with standard error {standard_error:g}", allowed="finite numbers")
    statistic = (estimate - null) / standard_error if standard_error > 0 else 0.0
    reach = boundary * standard_error if standard_error > 0 else math.inf
    return Look(
        method=f"normal mixture, tau {tau:g}",
        look=look,
        looks=None,
        information=None,
        boundary=boundary,
        crossed=bool(abs(statistic) >= boundary),
        ci_low=float(estimate - reach),
        ci_high=float(estimate + reach),
        p_value=mixture_p_value(statistic, n, alpha=alpha, tau=tau),
    )


def mixture_rho(alpha: float = 0.05, tau: float = TAU) -> float:
    """Return rho, the mixture's precision: sqrt((-2 ln alpha + ln(1 - 2 ln alpha)) / tau).

    Makes the interval about as narrow as it can be at `tau` units.

    Raises:
        TrialError: tau not above 0, alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    if not 0 < tau < math.inf:
        raise TrialError(f"tau is {tau:g}", allowed="a number of units above 0, such as 5000")
    twice = -2 * math.log(alpha)
    return math.sqrt((twice + math.log(twice + 1)) / tau)


def mixture_boundary(n: float, *, alpha: float = 0.05, tau: float = TAU) -> float:
    """Return the |z| to reach with `n` units: the interval's half-width in standard errors.

    sqrt(2 (n rho^2 + 1) / (n rho^2) ln(sqrt(n rho^2 + 1) / alpha)).

    Raises:
        TrialError: n or tau not above 0, alpha outside (0, 1).
    """
    grown = _grown(n, alpha, tau)
    return math.sqrt(2 * (grown + 1) / grown * (0.5 * math.log1p(grown) - math.log(alpha)))


def mixture_p_value(statistic: float, n: float, *, alpha: float = 0.05, tau: float = TAU) -> float:
    """Return the always-valid p-value of a z statistic with `n` units: one over the mixture's evidence, at most 1.

    sqrt(n rho^2 + 1) exp(-z^2 n rho^2 / (2 (n rho^2 + 1))): the sequence with rho as tuned for `alpha`, inverted.

    Raises:
        TrialError: n or tau not above 0, alpha outside (0, 1).
    """
    grown = _grown(n, alpha, tau)
    log_p = 0.5 * math.log1p(grown) - 0.5 * statistic * statistic * grown / (grown + 1)
    return floored(math.exp(min(0.0, log_p)))


def _grown(n: float, alpha: float, tau: float) -> float:
    """Return n rho^2."""
    if not 0 < n < math.inf:
        raise TrialError(f"n is {n:g}", allowed="a number of units above 0, both arms together")
    return n * mixture_rho(alpha, tau) ** 2

"""Events per exposure from units: Poisson where it fits, and an error that holds where it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.estimates import Estimate, floored, quantile, two_sided
from framework.stats.kinds.constant_arms import permutation_p
from framework.stats.kinds.rates import Events, two_rates

SHOWN = 0.05
"""p of the dispersion test below which overdispersion is said to be shown."""


@dataclass(frozen=True)
class CountRates:
    """Three readings of one difference of rates, and which to take.

    `dispersion` is Pearson's chi-square over its degrees of freedom, 1 for Poisson counts; `dispersion_p` is one-sided
    against more than 1. `recommended` is `poisson` or `clustered`; `quasi` is Poisson's error stretched by
    sqrt(dispersion).
    """

    dispersion: float
    dispersion_p: float
    poisson: Estimate
    quasi: Estimate
    clustered: Estimate
    recommended: Estimate


def count_rates(
    events_control: ArrayLike,
    exposure_control: ArrayLike,
    events_treatment: ArrayLike,
    exposure_treatment: ArrayLike,
    *,
    method: str = "score",
    confidence: float = 0.95,
) -> CountRates:
    """Return the treatment's events per exposure minus the control's, from events and exposure of each unit, (n,).

    `poisson` is `rates.two_rates` of the sums with `method`. `clustered` is the delta method for a ratio of sums over
    units, Welch t: right whatever the events of one unit have in common. `quasi` assumes that all units' variances are
    one multiple of Poisson's. Recommended is the clustered one wherever the dispersion is above 1 and its error is the
    larger one: the error of the Poisson test is too small there. It warns where the dispersion test shows it, at 5 %.
    Units without exposure may not have events and count for nothing.

    Raises:
        TrialError: arrays that do not match, values that are not finite, negative or, for events, not whole, fewer
            than 2 units with exposure in an arm, or an unknown method.
    """
    y, base = _checked(events_control, exposure_control, "control")
    x, reach = _checked(events_treatment, exposure_treatment, "treatment")
    events = Events(int(y.sum()), float(base.sum()), int(x.sum()), float(reach.sum()))
    poisson = two_rates(events, method=method, confidence=confidence)
    expected = np.concatenate([base * events.rate_control, reach * events.rate_treatment])
    phi, phi_p = dispersion(np.concatenate([y, x]), expected, parameters=2)
    quasi = _quasi(poisson, phi, y.size + x.size - 2, confidence)
    clustered = _clustered(y, base, x, reach, confidence)
    recommended = poisson
    if phi > 1 and clustered.standard_error > poisson.standard_error:
        recommended = clustered
    if phi_p < SHOWN:
        text = (
            f"Events vary {phi:.1f} times as much between units as Poisson counts do (p = {phi_p:.2g}): the Poisson "
            "test's error is too small, take the one clustered by unit."
        )
        poisson = replace(poisson, warnings=(*poisson.warnings, text))
        if recommended is not clustered:
            recommended = poisson
    return CountRates(phi, phi_p, poisson, quasi, clustered, recommended)


def dispersion(events: NDArray[np.float64], expected: NDArray[np.float64], *, parameters: int) -> tuple[float, float]:
    """Return Pearson's chi-square / (n - parameters) of counts against their expectations (n,), and p for above 1.

    p is one-sided, of Dean's score test against variance proportional to the expectation (Dean 1992, P_C;
    statsmodels' `test_poisson_dispersion`). Units that expect nothing are left out; (1, 1) where none is left.
    """
    from scipy import stats

    told = expected > 0
    y, mu = events[told], expected[told]
    if y.size <= parameters:
        return 1.0, 1.0
    squares = (y - mu) ** 2
    phi = float((squares / mu).sum()) / (y.size - parameters)
    score = float(((squares - y) / mu).sum()) / float(np.sqrt(2 * y.size))
    return phi, floored(stats.norm.sf(score))


def _quasi(poisson: Estimate, phi: float, df: int, confidence: float) -> Estimate:
    error = poisson.standard_error * float(np.sqrt(phi))
    method = "quasi-Poisson, t"
    if error == 0:
        return replace(poisson, method=method)
    width = quantile(confidence, df) * error
    low, high = poisson.difference - width, poisson.difference + width
    return Estimate(poisson.difference, error, low, high, two_sided(poisson.difference / error, df), float(df), method)


def _clustered(
    y: NDArray[np.float64],
    base: NDArray[np.float64],
    x: NDArray[np.float64],
    reach: NDArray[np.float64],
    confidence: float,
) -> Estimate:
    rates = y.sum() / base.sum(), x.sum() / reach.sum()
    difference = float(rates[1] - rates[0])
    parts = (y - rates[0] * base) / base.mean(), (x - rates[1] * reach) / reach.mean()
    variances = [float(part.var(ddof=1)) / part.size for part in parts]
    total = sum(variances)
    method = "delta method clustered by unit, Welch t"
    if total == 0:
        text = "All units of each arm have the same rate: zero variance, take the Poisson test."
        p_value = permutation_p(difference, y.size, x.size)
        return Estimate(difference, 0.0, difference, difference, p_value, None, method, (text,))
    df = 1 / sum((variance / total) ** 2 / (part.size - 1) for variance, part in zip(variances, parts, strict=True))
    error = float(np.sqrt(total))
    width = quantile(confidence, df) * error
    return Estimate(
        difference, error, difference - width, difference + width, two_sided(difference / error, df), df, method
    )


def _checked(events: ArrayLike, exposure: ArrayLike, arm: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    counts, base = np.asarray(events, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    if counts.shape != base.shape or counts.ndim != 1:
        raise TrialError(f"arm '{arm}': {counts.size} events but {base.size} exposures", allowed="one of each a unit")
    good = np.isfinite(counts) & np.isfinite(base) & (counts >= 0) & (base >= 0) & (counts == np.floor(counts))
    if not bool(good.all()):
        raise TrialError(
            f"arm '{arm}': {int((~good).sum())} of {counts.size} units have no valid events and exposure",
            allowed="events 0, 1, 2 ..., exposure 0 or more",
        )
    if bool((counts[base == 0] > 0).any()):
        raise TrialError(f"arm '{arm}': units without exposure have events")
    told = base > 0
    if int(told.sum()) < 2:
        raise TrialError(f"arm '{arm}': fewer than 2 units have any exposure", allowed="2 units or more in every arm")
    return counts[told], base[told]

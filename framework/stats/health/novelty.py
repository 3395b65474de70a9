"""Does the effect fade or grow while the trial runs: a novelty effect, or users that learn?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import Estimate, floored, quantile, two_sided


@dataclass(frozen=True)
class Novelty:
    """How the effect goes with time: `pattern` is "fades", "grows" or "steady" (no trend shown).

    `slope` is the change of the effect in a unit of time, `change` the effect of the later half of the periods minus
    the effect of the earlier half; `early` and `late` are these effects. All are in the metric's unit (`slope` by time)
    with error, interval and two-sided p. `start` and `end` are the line's effect at the first and last period.
    `dispersion` is by what the residuals' variance exceeds the stated one (1 or more): errors are widened by its root.
    `p_heterogeneity` tests that all periods share one effect (Cochran's Q).
    """

    slope: Estimate
    change: Estimate
    early: Estimate
    late: Estimate
    start: float
    end: float
    dispersion: float
    p_heterogeneity: float
    pattern: str
    level: str
    text: str


def novelty(
    times: Sequence[float] | NDArray[np.floating],
    estimates: Sequence[float] | NDArray[np.floating],
    standard_errors: Sequence[float] | NDArray[np.floating],
    *,
    covariance: NDArray[np.floating] | None = None,
    alpha: float = 0.05,
    unit_of_time: str = "day",
) -> Novelty:
    """Return the trend of the effect over T periods: `times`, `estimates` and `standard_errors` are (T,).

    The slope is that of the regression of the effect on time, weighted by 1 / standard_error^2, whose errors come from
    the stated ones and not from the residuals alone (fixed-effect meta-regression; Hedges and Olkin 1985, ch. 8).
    Where the effects scatter more than their errors say, as with weekdays, errors are widened by the root of
    `dispersion` and referred to t with T - 2 (Thompson and Sharp 1999; never narrowed, Roever, Knapp and Friede 2015).
    `covariance` (T, T) serves periods that share users: it takes the place of independence (generalised least squares),
    and its diagonal that of `standard_errors`. The pattern is "steady" unless the slope's p is at most alpha: a trial
    too small to see a trend is called so too, so read the interval. A trend is a "notice", never an alert.

    Raises:
        TrialError: fewer than 3 periods, arrays of different length, numbers that are not finite, errors not above 0,
            equal times throughout, a covariance of another shape or not positive definite, alpha not in (0, 1).
    """
    x, y, sigma = _fit(times, estimates, standard_errors, covariance, alpha)
    confidence = 1 - alpha
    unit = float(np.sqrt(np.diag(sigma)).min())
    y, sigma = y / unit, sigma / unit**2
    precision = np.asarray(np.linalg.inv(sigma), dtype=np.float64)
    # Times in units of their range, so that dates as large numbers keep their digits.
    origin, span = float(x.min()), float(x.max() - x.min())
    design = np.column_stack([np.ones(x.size), (x - origin) / span])
    spread = np.linalg.inv(design.T @ precision @ design)
    line = spread @ design.T @ precision @ y
    residual = y - design @ line
    dispersion = max(1.0, float(residual @ precision @ residual) / (x.size - 2))
    df = None if dispersion == 1.0 else x.size - 2.0

    def said(value: float, variance: float, method: str) -> Estimate:
        error = float(np.sqrt(variance * dispersion))
        width = quantile(confidence, df) * error
        return Estimate(
            difference=value * unit,
            standard_error=error * unit,
            ci_low=(value - width) * unit,
            ci_high=(value + width) * unit,
            p_value=two_sided(value / error, df),
            df=df,
            method=method,
        )

    later = _later(x)
    halves = np.column_stack([~later, later]).astype(np.float64)
    half_spread = np.linalg.inv(halves.T @ precision @ halves)
    early, late = half_spread @ halves.T @ precision @ y
    variance = float(half_spread[0, 0] + half_spread[1, 1] - 2 * half_spread[0, 1])
    slope = said(float(line[1]) / span, float(spread[1, 1]) / span**2, "weighted regression on time")
    start, end = float(line[0]) * unit, float(line[0] + line[1]) * unit
    pattern = "steady" if slope.p_value > alpha else "fades" if abs(end) < abs(start) else "grows"
    late_effect = said(float(late), float(half_spread[1, 1]), "later half")
    return Novelty(
        slope=slope,
        change=said(float(late - early), variance, "later half minus earlier half"),
        early=said(float(early), float(half_spread[0, 0]), "earlier half"),
        late=late_effect,
        start=start,
        end=end,
        dispersion=dispersion,
        p_heterogeneity=_heterogeneity(y, precision),
        pattern=pattern,
        level="ok" if pattern == "steady" else "notice",
        text=_text(pattern, slope, late_effect, start, end, unit_of_time),
    )


def _text(pattern: str, slope: Estimate, late: Estimate, start: float, end: float, unit_of_time: str) -> str:
    interval = f"({slope.ci_low:+.3g} to {slope.ci_high:+.3g})"
    if pattern == "steady":
        return (
            f"The effect is steady as far as the trial can tell: {slope.difference:+.3g} a {unit_of_time} {interval}."
        )
    turned = " and changes its sign" if start * end < 0 else ""
    then = {
        "fades": "expect less after the launch than over the whole trial",
        "grows": "the trial may end before the effect has settled",
    }[pattern]
    return (
        f"The effect {pattern}{turned}: from {start:.4g} to {end:.4g}, {slope.difference:+.3g} a {unit_of_time} "
        f"{interval}; {then}. The later half shows {late.difference:.4g} ({late.ci_low:.4g} to {late.ci_high:.4g})."
    )


def _later(x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which periods are the later half by time; equal times stay together."""
    distinct = np.unique(x)
    return np.asarray(x > distinct[(distinct.size - 1) // 2])


def _heterogeneity(y: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    from scipy import stats

    weight = precision.sum(axis=1)
    residual = y - float(weight @ y) / float(weight.sum())
    return floored(stats.chi2.sf(float(residual @ precision @ residual), y.size - 1))


def _fit(
    times: Sequence[float] | NDArray[np.floating],
    estimates: Sequence[float] | NDArray[np.floating],
    standard_errors: Sequence[float] | NDArray[np.floating],
    covariance: NDArray[np.floating] | None,
    alpha: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    x, y, error = (np.asarray(numbers, dtype=np.float64) for numbers in (times, estimates, standard_errors))
    if not (x.ndim == 1 and x.shape == y.shape == error.shape):
        raise TrialError(f"{x.size} times, {y.size} estimates, {error.size} errors", allowed="one of each a period")
    if x.size < 3:
        raise TrialError(f"{x.size} periods cannot show a trend", allowed="3 periods or more")
    sigma = np.diag(error**2) if covariance is None else np.asarray(covariance, dtype=np.float64)
    if sigma.shape != (x.size, x.size):
        raise TrialError(f"the covariance has shape {sigma.shape}", allowed=f"({x.size}, {x.size})")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(sigma).all()):
        raise TrialError("times, estimates or errors are missing or infinite", allowed="finite numbers")
    if not bool((np.diag(sigma) > 0).all()):
        raise TrialError("a period has no standard error", allowed="errors above 0", hint="Leave that period out.")
    if x.min() == x.max():
        raise TrialError("all periods have the same time", allowed="two different times or more")
    scale = np.sqrt(np.diag(sigma))
    if np.linalg.eigvalsh(sigma / np.outer(scale, scale)).min() <= 0:
        raise TrialError("the covariance of the periods is not positive definite")
    return x, y, sigma

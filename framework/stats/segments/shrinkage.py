"""Segments' effects drawn towards the overall effect, as far as their spread looks like chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError, did_you_mean
from framework.stats.estimates import quantile
from framework.stats.segments.robust import robust_critical
from framework.stats.segments.tau import centre, checked_segments, tau_squared

INTERVALS = ("morris", "robust")
FEWEST = 4
"""Segments below which Morris's rule shrinks nothing: their spread cannot be told from their errors."""


@dataclass(frozen=True)
class Shrunken:
    """Shrunken effects of K segments, in the metric's unit; arrays are (K,).

    `weights` is how much of a segment's own estimate stays (1: nothing is shrunk), the rest comes from `overall`.
    `errors` is the posterior standard deviation; `ci_low` to `ci_high` holds the true effects of `confidence` of the
    segments, on average over segments, and not that of each segment by itself. `tau` is the spread between true
    effects.
    """

    estimates: NDArray[np.float64]
    errors: NDArray[np.float64]
    ci_low: NDArray[np.float64]
    ci_high: NDArray[np.float64]
    weights: NDArray[np.float64]
    overall: float
    overall_error: float
    tau: float
    tau_method: str
    interval: str
    confidence: float
    text: str


def shrink(
    estimates: NDArray[np.floating],
    standard_errors: NDArray[np.floating],
    *,
    tau_method: str = "paule-mandel",
    interval: str = "morris",
    confidence: float = 0.95,
) -> Shrunken:
    """Return empirical-Bayes estimates of K segments' effects from estimates (K,) and standard errors (K,).

    Picking the best of noisy segments overstates it (winner's curse); the shrunken estimate of the pick does not, where
    true effects spread as a normal distribution. `tau_method` is one of `tau.METHODS`. `interval`:
    - "morris": Morris 1983, "Parametric empirical Bayes inference", section 5. Shrinks by (K - 3) / (K - 1) of the full
      factor and widens for tau and the overall effect being estimated: for few segments. Below 4 it shrinks nothing;
    - "robust": Armstrong, Kolesar and Plagborg-Moller 2022, "Robust empirical Bayes confidence intervals", without
      kurtosis. Full shrinkage; holds whatever the distribution of true effects, where segments are many (20 or more).

    Raises:
        TrialError: fewer than 2 segments, numbers that are not finite, errors not above 0, an unknown option.
    """
    y, error = checked_segments(estimates, standard_errors)
    if interval not in INTERVALS:
        raise TrialError(f"interval '{interval}' is unknown", allowed=INTERVALS, hint=did_you_mean(interval, INTERVALS))
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    tau2 = tau_squared(y, error, tau_method)
    if interval == "robust":
        # A tau of 0 would claim certainty; the least that K errors can tell apart stands in (their truncation PMT).
        tau2 = max(tau2, 2 / float((1 / error**2).sum()))
    mean, mean_variance = centre(y, error**2, tau2)
    pull = error**2 / (error**2 + tau2)
    if interval == "morris":
        pull = pull * max(0, y.size - 3) / (y.size - 1)
        spread = _morris_variance(y, error, tau2, pull, mean)
        half = quantile(confidence, None) * np.sqrt(spread)
    else:
        spread = error**2 * (1 - pull)
        ratios = pull**2 * tau2 / ((1 - pull) * error) ** 2
        half = np.array([robust_critical(float(ratio), 1 - confidence) for ratio in ratios]) * (1 - pull) * error
    shrunken = mean + (1 - pull) * (y - mean)
    return Shrunken(
        estimates=shrunken,
        errors=np.sqrt(spread),
        ci_low=shrunken - half,
        ci_high=shrunken + half,
        weights=1 - pull,
        overall=mean,
        overall_error=math.sqrt(mean_variance),
        tau=math.sqrt(tau2),
        tau_method=tau_method,
        interval=interval,
        confidence=confidence,
        text=_text(1 - pull, interval),
    )


def _morris_variance(
    y: NDArray[np.float64], error: NDArray[np.float64], tau2: float, pull: NDArray[np.float64], mean: float
) -> NDArray[np.float64]:
    if y.size < FEWEST:
        return error**2
    variance = error**2
    weights = 1 / (variance + tau2)
    own = y.size * weights / weights.sum()
    average = float(weights @ variance / weights.sum())
    doubt = 2 / (y.size - 3) * pull**2 * (average + tau2) * weights
    return np.asarray(variance * (1 - (y.size - own) / y.size * pull) + doubt * (y - mean) ** 2)


def _text(weights: NDArray[np.float64], interval: str) -> str:
    if interval == "morris" and weights.size < FEWEST:
        return f"{weights.size} segments are too few to tell their spread from chance: nothing is shrunk."
    return (
        f"Segment effects are drawn towards the overall one; {weights.min():.0%} to {weights.max():.0%} of a segment's "
        "own estimate stays. Intervals hold on average over segments."
    )

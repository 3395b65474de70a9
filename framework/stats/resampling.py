"""The bootstrap: an interval from resampled units instead of a formula."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.stats.estimates import Estimate, floored
from framework.stats.samples import UnitValues

DRAWS_AT_ONCE = 4_000_000
"""Resampled values held in memory at one time (32 MB an array)."""


def bootstrapped(
    control: UnitValues,
    treatment: UnitValues,
    analytic: Estimate,
    *,
    design: str,
    confidence: float,
    rng: np.random.Generator,
    resamples: int,
) -> Estimate:
    """Return the percentile bootstrap's interval, error and p-value around the analytic estimate.

    Units are resampled, in pairs for a paired design and within each arm for independent ones (Efron and Tibshirani
    1993, ch. 13; scipy.stats.bootstrap). Percentile, not BCa: BCa's jackknife takes time quadratic in n. The p-value
    is the interval's inversion, 2 min(#<=0, #>=0) with 1 added to counts and resamples, so it agrees with the interval
    and is never 0. Same rng state, same numbers. Where some resample has no denominator the analytic estimate stays,
    with a warning; so does one without spread.
    """
    from scipy import stats

    if analytic.standard_error == 0 and analytic.ci_low == analytic.ci_high:
        return analytic
    samples = _samples(control, treatment, design)
    size = max(sample.size for sample in samples)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # A resample with nothing to divide by is looked for below.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            samples,
            _statistic(len(samples)),
            n_resamples=resamples,
            batch=max(1, DRAWS_AT_ONCE // size),
            vectorized=True,
            paired=design == "paired",
            confidence_level=confidence,
            method="percentile",
            rng=rng,
        )
    draws = np.asarray(result.bootstrap_distribution)
    if not bool(np.isfinite(draws).all()):
        text = "Some bootstrap resamples had nothing to divide by: the interval is the formula's instead."
        return replace(analytic, warnings=(*analytic.warnings, text))
    beyond = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return Estimate(
        difference=analytic.difference,
        standard_error=float(result.standard_error),
        ci_low=float(result.confidence_interval.low),
        ci_high=float(result.confidence_interval.high),
        p_value=floored(2 * beyond / (resamples + 1)),
        df=None,
        method=f"percentile bootstrap, {resamples} resamples",
        warnings=analytic.warnings,
    )


def _samples(control: UnitValues, treatment: UnitValues, design: str) -> tuple[NDArray[np.float64], ...]:
    if treatment.denominator is None or control.denominator is None:
        if design == "paired":
            return (treatment.numerator - control.numerator,)
        return treatment.numerator, control.numerator
    if design == "paired":
        return treatment.numerator, treatment.denominator, control.numerator, control.denominator
    # A unit's numerator and denominator must be drawn together, and scipy draws each sample by itself: one complex
    # number a unit carries both.
    return (
        np.asarray(treatment.numerator + 1j * treatment.denominator),
        np.asarray(control.numerator + 1j * control.denominator),
    )


def _statistic(samples: int) -> Any:
    def mean(x: NDArray[np.float64], axis: int = -1) -> Any:
        return x.mean(axis=axis)

    def difference(x: NDArray[Any], y: NDArray[Any], axis: int = -1) -> Any:
        if np.iscomplexobj(x):
            x_sum, y_sum = x.sum(axis=axis), y.sum(axis=axis)
            return x_sum.real / x_sum.imag - y_sum.real / y_sum.imag
        return x.mean(axis=axis) - y.mean(axis=axis)

    def ratios(a: Any, b: Any, c: Any, d: Any, axis: int = -1) -> Any:
        return a.sum(axis=axis) / b.sum(axis=axis) - c.sum(axis=axis) / d.sum(axis=axis)

    return {1: mean, 2: difference, 4: ratios}[samples]

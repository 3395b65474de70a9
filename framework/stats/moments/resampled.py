"""Errors from buckets of units: the bootstrap and the jackknife of any statistic of moments, rows never seen again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from framework.errors import TrialError
from framework.stats.estimates import Estimate, floored, quantile, two_sided
from framework.stats.moments.record import Numbers
from framework.stats.moments.two_arms import TwoArms

Statistic = Callable[[TwoArms], Numbers]
"""A number of two arms, or (...,) of a batch of them."""
FEW_BUCKETS = 50
"""Buckets below which their spread says too little."""


def difference_of(arms: TwoArms) -> Numbers:
    """Return treatment's value minus control's."""
    control, treatment = arms.values
    return np.asarray(treatment - control)


def bucket_bootstrap(
    buckets: TwoArms,
    *,
    rng: np.random.Generator,
    statistic: Statistic = difference_of,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Estimate:
    """Return the percentile bootstrap of a statistic, buckets drawn with replacement.

    `buckets` holds both arms as batches (B,) of the same B buckets (`Cells.by_bucket`); a bucket may have no unit in
    an arm. Buckets are random groups of units, so drawing them is drawing units a group at a time (Efron and Tibshirani
    1993, ch. 6; Chamandy, Muralidharan, Najmi and Naidu 2012, "Estimating uncertainty for massive data streams", which
    draws Poisson weights). The p-value is the interval's inversion, with 1 added to counts and resamples.

    Raises:
        TrialError: fewer than 2 buckets.
    """
    n = _buckets(buckets)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    draws = statistic(_pooled(buckets, weights))
    estimate = float(statistic(_pooled(buckets, np.ones((1, n))))[0])
    if not bool(np.isfinite(draws).all()):
        hint = "Use fewer, larger buckets."
        raise TrialError("some bootstrap samples of buckets have nothing to divide by", hint=hint)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    beyond = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return Estimate(
        difference=estimate,
        standard_error=float(draws.std(ddof=1)),
        ci_low=float(low),
        ci_high=float(high),
        p_value=floored(2 * beyond / (resamples + 1)),
        df=None,
        method=f"percentile bootstrap of {n} buckets, {resamples} resamples",
        warnings=_few(n),
    )


def bucket_jackknife(buckets: TwoArms, *, statistic: Statistic = difference_of, confidence: float = 0.95) -> Estimate:
    """Return a statistic with the error of the delete-a-bucket jackknife, t with B - 1.

    (B - 1) / B times the sum of squared deviations of the B estimates that each leave one bucket out (Tukey 1958; Efron
    and Tibshirani 1993, ch. 11). Needs no chance, and serves smooth statistics: means, ratios, adjusted differences.
    Where all B are the same, p is 2 / B: buckets that never differ cannot say more.

    Raises:
        TrialError: fewer than 2 buckets, or one bucket holds all that an arm has.
    """
    n = _buckets(buckets)
    without = statistic(_pooled(buckets, 1 - np.eye(n)))
    estimate = float(statistic(_pooled(buckets, np.ones((1, n))))[0])
    if not bool(np.isfinite(without).all()):
        hint = "Use more, smaller buckets."
        raise TrialError("without one of the buckets there is nothing to divide by", hint=hint)
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    width = quantile(confidence, n - 1) * error
    return Estimate(
        difference=estimate,
        standard_error=error,
        ci_low=estimate - width,
        ci_high=estimate + width,
        p_value=two_sided(estimate / error, n - 1) if error > 0 else 1.0 if estimate == 0 else floored(2 / n),
        df=float(n - 1),
        method=f"jackknife of {n} buckets, t",
        warnings=_few(n),
    )


def _pooled(buckets: TwoArms, weights: Numbers) -> TwoArms:
    return TwoArms(buckets.measure, buckets.control.pooled(weights), buckets.treatment.pooled(weights))


def _buckets(buckets: TwoArms) -> int:
    n = int(buckets.control.n.shape[0]) if buckets.control.n.ndim else 0
    if n < 2 or buckets.treatment.n.shape != buckets.control.n.shape:
        raise TrialError(f"{n} bucket(s) cannot show a spread", allowed="2 or more, the same in both arms")
    return n


def _few(n: int) -> tuple[str, ...]:
    return (f"Only {n} buckets: their spread is a rough error.",) if n < FEW_BUCKETS else ()

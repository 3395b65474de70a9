"""Intervals for the difference of two independent shares, and for one share, by name."""

from __future__ import annotations

from collections.abc import Callable

from framework.errors import TrialError, did_you_mean
from framework.stats.effects import Interval
from framework.stats.estimates import quantile
from framework.stats.kinds.counted import Counted, checked_share
from framework.stats.kinds.exact import clopper_pearson_interval, exact_interval
from framework.stats.kinds.score import score_interval


def newcombe(counts: Counted, confidence: float) -> tuple[float, float]:
    """Two Wilson intervals combined (Newcombe 1998, method 10; statsmodels): honest at shares of 0 and 1."""
    return _statsmodels(counts, confidence, "newcomb")


def wald(counts: Counted, confidence: float) -> tuple[float, float]:
    """Difference -+ z x unpooled error (statsmodels): too short in small arms and for rare outcomes."""
    return _statsmodels(counts, confidence, "wald")


def agresti_caffo(counts: Counted, confidence: float) -> tuple[float, float]:
    """Wald's interval after one hit and one miss are added to each arm (Agresti and Caffo 2000; statsmodels)."""
    return _statsmodels(counts, confidence, "agresti-caffo")


def pooled(counts: Counted, confidence: float) -> tuple[float, float]:
    """Difference -+ z x pooled error: agrees with the pooled z test at 0 always, right for shares near each other."""
    width = quantile(confidence, None) * counts.pooled_error
    return counts.difference - width, counts.difference + width


def pooled_corrected(counts: Counted, confidence: float) -> tuple[float, float]:
    """`pooled`, wider by half of 1 / n_control + 1 / n_treatment on both sides (Yates 1934)."""
    low, high = pooled(counts, confidence)
    half = (1 / counts.n_control + 1 / counts.n_treatment) / 2
    return low - half, high + half


def statsmodels_score(counts: Counted, confidence: float) -> tuple[float, float]:
    """Statsmodels' own score interval, to repeat others' figures: up to 0.15 it maximises a slightly wrong likelihood.

    Its issue 10269; it differs from `score` in the fifth digit of a difference of shares, and has no answer for some
    tables at the edge, so it is no method of `INTERVALS`.
    """
    return _statsmodels(counts, confidence, "score")


INTERVALS: dict[str, Callable[[Counted, float], tuple[float, float]]] = {
    "newcombe": newcombe,
    "wald": wald,
    "agresti_caffo": agresti_caffo,
    "score": score_interval,
    "pooled": pooled,
    "pooled_corrected": pooled_corrected,
    "exact": exact_interval,
    "clopper_pearson": clopper_pearson_interval,
}
"""The intervals by name; each takes counts and a confidence and returns the two ends."""

ONE_SHARE = {"wilson": "wilson", "clopper_pearson": "beta"}
"""Intervals for one share by name, and what statsmodels calls them."""


def one_share(hits: float, n: float, *, method: str = "wilson", confidence: float = 0.95) -> Interval:
    """Return the share of `n` units that hit, with Wilson's score interval or the exact one of Clopper and Pearson.

    Wilson 1927; Clopper and Pearson 1934; statsmodels' `proportion_confint`.

    Raises:
        TrialError: counts as `Counted`, an unknown method.
    """
    from statsmodels.stats.proportion import proportion_confint

    if method not in ONE_SHARE:
        raise TrialError(
            f"interval '{method}' for one share is unknown", allowed=ONE_SHARE, hint=did_you_mean(method, ONE_SHARE)
        )
    hits, n = checked_share(hits, n)
    low, high = proportion_confint(hits, n, alpha=1 - confidence, method=ONE_SHARE[method])
    return Interval(hits / n, float(low), float(high))


def _statsmodels(counts: Counted, confidence: float, method: str) -> tuple[float, float]:
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        counts.hits_treatment,
        counts.n_treatment,
        counts.hits_control,
        counts.n_control,
        method=method,
        compare="diff",
        alpha=1 - confidence,
    )
    return float(low), float(high)

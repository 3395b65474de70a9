"""Two independent shares compared by their ratio, or by the ratio of their odds."""

from __future__ import annotations

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.effects import Interval
from framework.stats.estimates import quantile
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.score import odds_statistic, on_log_scale, ratio_statistic

RATIO_METHODS = ("log", "log_adjusted", "score", "log_pooled", "log_pooled_corrected")
"""Intervals for the ratio of shares: Katz 1978, Walter 1975, Koopman 1984 / Nam 1995, and two with pooled variance."""
ODDS_METHODS = ("logit", "logit_adjusted", "logit_smoothed", "score")
"""Intervals for the odds ratio: Woolf 1955, Gart 1966, Agresti 1999, and the score test inverted."""


def share_ratio(counts: Counted, *, method: str = "log", confidence: float = 0.95) -> Interval:
    """Return treatment's share / control's share with an interval (1 means no effect).

    "log" and "log_adjusted" (half a hit added) are statsmodels' `confint_proportions_2indep(compare="ratio")`; "score"
    inverts the score test over the whole range, so that tables with an empty cell have an answer, with an end at 0 or
    infinity (statsmodels' closed form fails for some). "log_pooled" takes the pooled share's variance, as tea-tasting
    does, and "log_pooled_corrected" is wider by Yates' correction over the control's share.

    Raises:
        TrialError: an unknown method.
    """
    _check("share ratio", method, RATIO_METHODS)
    estimate = counts.share_treatment / counts.share_control if counts.hits_control else None
    if counts.all_agree and method == "score":
        return Interval(estimate, None, None, "all units of both arms have the same outcome, so there is no ratio test")
    if method not in {"log_adjusted", "score"} and not (counts.hits_control and counts.hits_treatment):
        return Interval(estimate, None, None, "an arm has no hits: use 'score' or 'log_adjusted'")
    if method.startswith("log_pooled"):
        width = quantile(confidence, None) * float(counts.pooled_error / counts.pooled)
        if method == "log_pooled_corrected":
            width += (1 / counts.n_control + 1 / counts.n_treatment) / 2 / counts.share_control
        ratio = counts.share_treatment / counts.share_control
        return Interval(ratio, float(ratio * np.exp(-width)), float(ratio * np.exp(width)))
    if method == "score":
        low, high = on_log_scale(ratio_statistic, counts, estimate, confidence)
    else:
        low, high = _statsmodels(counts, confidence, method, "ratio")
    return Interval(estimate, low, high, None if estimate is not None else "the control has no hits")


def odds_ratio(counts: Counted, *, method: str = "logit_adjusted", confidence: float = 0.95) -> Interval:
    """Return the treatment's odds / the control's odds with an interval (1 means no effect).

    "logit", "logit_adjusted" (half added to each cell) and "logit_smoothed" are statsmodels'
    `confint_proportions_2indep(compare="odds-ratio")`; "score" inverts the score test, as for the ratio of shares.

    Raises:
        TrialError: an unknown method.
    """
    _check("odds ratio", method, ODDS_METHODS)
    hits_t, hits_c = counts.hits_treatment, counts.hits_control
    misses_t, misses_c = counts.n_treatment - hits_t, counts.n_control - hits_c
    below = misses_t * hits_c
    estimate = hits_t * misses_c / below if below else None
    reason = None if below else "the odds of an arm are 0 or infinite"
    if counts.all_agree and method in {"score", "logit_smoothed"}:
        return Interval(None, None, None, "all units of both arms have the same outcome, so there is no odds ratio")
    if method == "score":
        low, high = on_log_scale(odds_statistic, counts, estimate, confidence)
        return Interval(estimate, low, high, reason)
    if method == "logit" and counts.fewest == 0:
        return Interval(estimate, None, None, "a cell of the table is empty: use 'score' or 'logit_adjusted'")
    low, high = _statsmodels(counts, confidence, method, "odds-ratio")
    return Interval(estimate, low, high, reason)


def _statsmodels(counts: Counted, confidence: float, method: str, compare: str) -> tuple[float, float]:
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        counts.hits_treatment,
        counts.n_treatment,
        counts.hits_control,
        counts.n_control,
        method=method.replace("_", "-"),
        compare=compare,
        alpha=1 - confidence,
    )
    return float(low), float(high)


def _check(what: str, method: str, options: tuple[str, ...]) -> None:
    if method not in options:
        raise TrialError(f"{what} method '{method}' is unknown", allowed=options, hint=did_you_mean(method, options))

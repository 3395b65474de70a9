"""Exact intervals for a difference of two shares, for arms too small for a large-sample formula."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.stats.kinds.counted import Counted
from framework.stats.kinds.score import score_interval, score_statistic

TABLES = 500_000
"""Possible tables, (n_control + 1)(n_treatment + 1), up to which the unconditional tests are run."""
INTERVAL_TABLES = 160_000
"""The same for the exact unconditional interval, which asks the test at some hundred differences."""


def tables(counts: Counted) -> int:
    """Return how many tables the arms' sizes allow."""
    return (counts.n_control + 1) * (counts.n_treatment + 1)


def exact_p(counts: Counted, difference: float = 0.0) -> float:
    """Return the exact unconditional p-value of H0: treatment's share - control's = `difference`.

    The largest probability, over the control's unknown share, of a table whose absolute score statistic is at least
    the observed one (Agresti and Min 2001; at 0 it is Barnard's test with pooled variance, scipy.stats.barnard_exact).
    The maximum is searched on a grid even in arcsine scale, and three times finer around its best points.
    """
    n_treatment, n_control = counts.n_treatment, counts.n_control
    treated, base = np.arange(n_treatment + 1.0), np.arange(n_control + 1.0)
    size = np.abs(score_statistic(treated[:, None], n_treatment, base[None, :], n_control, difference))
    observed = size[counts.hits_treatment, counts.hits_control]
    extreme = (size >= observed * (1 - 1e-9)).astype(np.float64)

    def chance(shares: NDArray[np.float64]) -> NDArray[np.float64]:
        above = _binomial(n_treatment, np.clip(shares + difference, 0, 1))
        return np.asarray(((above @ extreme) * _binomial(n_control, shares)).sum(axis=1))

    first, last = (float(np.arcsin(np.sqrt(min(1.0, max(0.0, end))))) for end in (-difference, 1 - difference))
    grid = np.linspace(first, last, 40 + 4 * int(np.sqrt(n_treatment + n_control)))
    found = chance(np.sin(grid) ** 2)
    step = float(grid[1] - grid[0])
    best = grid[np.argsort(found)[-3:]]
    for _ in range(3):
        finer = np.clip(best[:, None] + step * np.linspace(-1, 1, 17), first, last).ravel()
        found = np.concatenate([found, chance(np.sin(finer) ** 2)])
        best, step = finer[[int(np.argmax(found[-finer.size :]))]], step / 8
    return float(min(1.0, found.max()))


def exact_interval(counts: Counted, confidence: float) -> tuple[float, float]:
    """Return the exact unconditional interval: the outermost differences that `exact_p` does not reject.

    Agresti and Min 2001, "On small-sample confidence intervals for parameters in discrete distributions": one
    two-sided test inverted. Coverage is at least the nominal one at every pair of shares. The p-value is not monotone
    in the difference, so each end is looked for from outside, and gaps inside are closed.
    """
    alpha = 1 - confidence
    estimate = counts.difference
    outer = score_interval(counts, 1 - alpha / 1e4)
    return (
        _outermost(counts, alpha, outer[0], -1.0, estimate),
        _outermost(counts, alpha, outer[1], 1.0, estimate),
    )


def clopper_pearson_interval(counts: Counted, confidence: float) -> tuple[float, float]:
    """Return a conservative interval of any size of arms: the differences of two Clopper-Pearson intervals' ends.

    Each arm's interval holds with sqrt(confidence), so both hold together with `confidence`, and the difference is in
    between (statsmodels' `proportion_confint(method="beta")`). Wider than `exact_interval`.
    """
    from statsmodels.stats.proportion import proportion_confint

    alpha = 1 - float(np.sqrt(confidence))
    low_control, high_control = proportion_confint(counts.hits_control, counts.n_control, alpha, method="beta")
    low, high = proportion_confint(counts.hits_treatment, counts.n_treatment, alpha, method="beta")
    return float(low - high_control), float(high - low_control)


def _binomial(n: int, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chances (S, n + 1) of 0 to n hits: scipy's `binom.pmf` without its checks of every argument."""
    from scipy import special

    hits = np.arange(n + 1.0)
    ways = special.gammaln(n + 1) - special.gammaln(hits + 1) - special.gammaln(n - hits + 1)
    p = shares[:, None]
    return np.asarray(np.exp(ways + special.xlogy(hits, p) + special.xlog1py(n - hits, -p)))


def _outermost(counts: Counted, alpha: float, start: float, bound: float, estimate: float) -> float:
    if exact_p(counts, start) > alpha:
        start = bound
        if exact_p(counts, start) > alpha:
            return bound
    outside = inside = start
    for value in np.linspace(start, estimate, 49)[1:]:
        inside = float(value)
        if inside == estimate or exact_p(counts, inside) > alpha:
            break
        outside = inside
    for _ in range(30):
        middle = (outside + inside) / 2
        if exact_p(counts, middle) > alpha:
            inside = middle
        else:
            outside = middle
    # The side that is still rejected: never short of the interval's true end.
    return outside

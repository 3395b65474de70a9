"""Score tests of two shares against any difference, ratio or odds ratio, and their intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.stats.estimates import quantile
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.inversion import accepted

LARGEST_LOG = 30.0
"""Ratios and odds ratios are looked for between exp(-30) and exp(30); an end beyond is given as 0 or infinity."""


def score_statistic(
    hits_treatment: ArrayLike,
    n_treatment: int,
    hits_control: ArrayLike,
    n_control: int,
    difference: float = 0.0,
) -> NDArray[np.float64]:
    """Return the score statistic of H0: treatment's share - control's = `difference`, hits of any shape.

    The variance is that of the shares most likely under H0 (Farrington and Manning 1990, appendix), times N / (N - 1)
    (Miettinen and Nurminen 1985, eq. 8). Written out, since statsmodels up to 0.15 has a wrong coefficient here
    (its issue 10269: shares that are not the most likely ones wherever `difference` is not 0), and no answer for
    tables with empty cells. Where no spread is left the statistic is 0, or infinite with the difference's sign.
    """
    treated, base = np.asarray(hits_treatment, dtype=np.float64), np.asarray(hits_control, dtype=np.float64)
    control = _share_under(treated, n_treatment, base, n_control, difference)
    treatment = control + difference
    variance = treatment * (1 - treatment) / n_treatment + control * (1 - control) / n_control
    return _standardised(treated / n_treatment - base / n_control - difference, variance, n_treatment + n_control)


def ratio_statistic(counts: Counted, ratio: float) -> float:
    """Return the score statistic of H0: treatment's share = `ratio` x control's (Miettinen and Nurminen 1985, eq. 10).

    The same as statsmodels' `score_test_proportions_2indep(compare="ratio")`, in a form that stays exact at any ratio.
    """
    n, hits = counts.n_treatment + counts.n_control, counts.hits_treatment + counts.hits_control
    b = counts.n_treatment * ratio + counts.hits_treatment + counts.n_control + counts.hits_control * ratio
    control = 2 * hits / (b + np.sqrt(max(b * b - 4 * n * ratio * hits, 0.0)))
    treatment = min(control * ratio, 1.0)
    variance = treatment * (1 - treatment) / counts.n_treatment
    variance += ratio**2 * control * (1 - control) / counts.n_control
    # Ratios are of any size: gap and error are both divided by 1 + ratio.
    size = 1 + ratio
    gap = (counts.share_treatment - ratio * counts.share_control) / size
    return float(_standardised(np.asarray(gap), np.asarray(max(variance, 0.0) / size**2), n))


def odds_statistic(counts: Counted, odds: float) -> float:
    """Return the score statistic of H0: treatment's odds = `odds` x control's (Miettinen and Nurminen 1985, eq. 14).

    The same as statsmodels' `score_test_proportions_2indep(compare="odds-ratio")`, also where cells are empty.
    """
    n_t, n_c = counts.n_treatment, counts.n_control
    n, hits = n_t + n_c, counts.hits_treatment + counts.hits_control
    if 2 * hits > n:
        # Of a share near 1 only its distance from 1 is known exactly: ask for misses.
        return -odds_statistic(Counted(n_c - counts.hits_control, n_c, n_t - counts.hits_treatment, n_t), 1 / odds)
    b = n_t * odds + n_c - hits * (odds - 1)
    root = np.sqrt(b * b + 4 * n_c * (odds - 1) * hits)
    # Two forms of one root; each cancels where the other does not.
    control = 2 * hits / (b + root) if b >= 0 else (root - b) / (2 * n_c * (odds - 1))
    below = 1 + control * (odds - 1)
    treatment, missed = control * odds / below, (1 - control) / below
    cells = n_t * treatment * missed, n_c * control * (1 - control)
    gap = counts.hits_treatment - n_t * treatment
    if min(cells) <= 0:
        return 0.0 if abs(gap) < 1e-9 else float(np.sign(gap) * np.inf)
    return float(gap * np.sqrt((1 / cells[0] + 1 / cells[1]) * (n - 1) / n))


def score_interval(counts: Counted, confidence: float) -> tuple[float, float]:
    """Return the differences in [-1, 1] that the score test does not reject, two-sided at 1 - confidence."""

    def statistic(difference: float) -> float:
        return float(
            score_statistic(
                counts.hits_treatment, counts.n_treatment, counts.hits_control, counts.n_control, difference
            )
        )

    return accepted(statistic, counts.difference, -1.0, 1.0, quantile(confidence, None))


def on_log_scale(
    statistic: Callable[[Counted, float], float], counts: Counted, estimate: float | None, confidence: float
) -> tuple[float, float]:
    """Return the ratios that `statistic` does not reject, around `estimate` (None: infinite), from 0 to infinity."""
    edge = LARGEST_LOG
    start = edge if estimate is None else -edge if estimate == 0 else float(np.log(estimate))
    low, high = accepted(
        lambda log_ratio: statistic(counts, float(np.exp(log_ratio))), start, -edge, edge, quantile(confidence, None)
    )
    return (0.0 if low == -edge else float(np.exp(low))), (float("inf") if high == edge else float(np.exp(high)))


def _standardised(gap: NDArray[np.float64], variance: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    # A gap or a spread of rounding size is none: both are of the size of shares.
    gap = np.where(np.abs(gap) < 1e-14, 0.0, gap)
    variance = np.maximum(variance, 0.0) * n / max(n - 1, 1)
    spread = variance > 1e-18 / n
    certain = np.where(gap == 0, 0.0, np.where(gap > 0, np.inf, -np.inf))
    return np.asarray(np.where(spread, gap / np.sqrt(np.where(spread, variance, 1.0)), certain))


def _share_under(
    treated: NDArray[np.float64], n_treatment: int, base: NDArray[np.float64], n_control: int, difference: float
) -> NDArray[np.float64]:
    """Return the control's most likely share where the treatment's is higher by `difference`: a cubic's root."""
    n, hits = n_treatment + n_control, treated + base
    if difference == 0:
        return np.asarray(hits / n)
    b = ((n_treatment + 2 * n_control) * difference - n - hits) / n
    c = ((n_control * difference - n - 2 * base) * difference + hits) / n
    d = base * difference * (1 - difference) / n
    q = (b / 3) ** 3 - b * c / 6 + d / 2
    p = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum((b / 3) ** 2 - c / 3, 0.0))
    cubed = np.where(p == 0, 1.0, p**3)
    angle = (np.pi + np.arccos(np.clip(np.where(p == 0, 0.0, q / cubed), -1, 1))) / 3
    root = 2 * p * np.cos(angle) - b / 3
    return np.asarray(np.clip(root, max(0.0, -difference), min(1.0, 1.0 - difference)))

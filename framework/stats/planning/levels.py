"""The level of each test of a family: shares of alpha, Bonferroni and Holm's first step, Dunnett."""

from __future__ import annotations

import math

import numpy as np

from framework.stats.planning.arguments import check_above, check_level, check_option, check_share
from framework.stats.planning.statistic import error_scales

CORRECTIONS = ("none", "bonferroni", "holm", "dunnett")


def control_share(treatments: int) -> float:
    """Return the control's share of all units that makes the comparisons with `treatments` equal arms sharpest.

    A control sqrt(k) times as large as each of k treatments: 1 / (1 + sqrt(k)) of all (Dunnett 1955).

    Raises:
        TrialError: fewer than 1 treatment.
    """
    check_above("treatments", treatments, 1, included=True)
    return 1 / (1 + math.sqrt(treatments))


def level_each(
    alpha: float = 0.05,
    *,
    treatments: int = 1,
    metrics: int = 1,
    correction: str = "holm",
    share: float = 1.0,
    ratio: float = 1.0,
) -> float:
    """Return the level at which one comparison of the family must be planned, so that the family keeps alpha.

    `share` is the part of alpha that this family has. "bonferroni" and "holm" divide it by treatments x metrics: Holm
    may test at more, once others are shown, so that a plan at its first step holds in the worst case. "dunnett" uses
    that comparisons share their control (`ratio` treatment units per control unit), normal reference, and divides by
    metrics only. "none" leaves the share whole.

    Raises:
        TrialError: a share outside (0, 1], fewer than 1 treatment or metric, an unknown correction.
    """
    from scipy import stats

    check_level(alpha)
    check_share("share", share, one=True)
    check_above("treatments", treatments, 1, included=True)
    check_above("metrics", metrics, 1, included=True)
    check_above("ratio", ratio)
    check_option("correction", correction, CORRECTIONS)
    mine = alpha * share
    if correction == "none":
        return mine
    if correction == "dunnett" and treatments > 1:
        critical = dunnett_critical(treatments, alpha=mine / metrics, ratio=ratio)
        return float(2 * stats.norm.sf(critical))
    return mine / (treatments * metrics)


def dunnett_critical(treatments: int, *, alpha: float = 0.05, ratio: float = 1.0, df: float | None = None) -> float:
    """Return the |t| that none of `treatments` comparisons with one control exceeds with probability 1 - alpha.

    Two-sided, equal treatments of `ratio` units per control unit; `df` None is the normal reference (Dunnett 1955,
    1964; the double integral by quadrature).

    Raises:
        TrialError: fewer than 1 treatment, alpha outside (0, 1), ratio or df not above 0.
    """
    from scipy import optimize, stats

    check_level(alpha)
    check_above("treatments", treatments, 1, included=True)
    check_above("ratio", ratio)
    low, high = float(stats.norm.isf(alpha / 2)), float(stats.norm.isf(alpha / 2 / treatments)) + 1e-9
    if df is not None:
        check_above("df", df)
        low, high = float(stats.t.isf(alpha / 2, df)), float(stats.t.isf(alpha / 2 / treatments, df)) + 1e-9
    still = np.zeros(treatments)
    return float(optimize.brentq(lambda c: 1 - alpha - _all_within(c, still, ratio, df), low - 1e-9, high, xtol=1e-10))


def power_any_all(
    noncentralities: np.ndarray, critical: float, *, ratio: float = 1.0, df: float | None = None
) -> tuple[float, float]:
    """Return the power to show at least one, and all, of k comparisons with one control at a common |t| `critical`.

    `noncentralities` (k,) are the true differences in standard errors. Single-step: Holm and step-down Dunnett show
    any as often, and all at least as often.

    Raises:
        TrialError: critical, ratio or df not above 0.
    """
    check_above("critical", critical)
    check_above("ratio", ratio)
    shifts = np.asarray(noncentralities, dtype=np.float64)
    return 1 - _all_within(critical, shifts, ratio, df), _all_within(critical, shifts, ratio, df, beyond=True)


def _all_within(critical: float, shifts: np.ndarray, ratio: float, df: float | None, *, beyond: bool = False) -> float:
    """Return the chance that all |t| stay within `critical`, or all lie beyond (independent given the control)."""
    from scipy import stats

    correlation = ratio / (1 + ratio)
    common, density = np.polynomial.hermite_e.hermegauss(100)
    density = density / density.sum()
    scales, weights = (np.ones(1), np.ones(1)) if df is None else error_scales(df, 301)
    bounds = critical * scales[:, None, None]
    centre = shifts[None, None, :] + math.sqrt(correlation) * common[None, :, None]
    rest = math.sqrt(1 - correlation)
    inside = stats.norm.cdf((bounds - centre) / rest) - stats.norm.cdf((-bounds - centre) / rest)
    chance = np.prod(1 - inside if beyond else inside, axis=2)
    return float(weights @ chance @ density)

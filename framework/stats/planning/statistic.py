"""The power of a statistic with a normal or a t reference: what every plan comes down to."""

from __future__ import annotations

import math

import numpy as np

from framework.stats.planning.arguments import check_above, check_level, check_option

SIDES = (1, 2)


def power_of_statistic(noncentrality: float, df: float | None = None, alpha: float = 0.05, sides: int = 2) -> float:
    """Return the power of a test whose statistic has mean `noncentrality` in standard errors (noncentral t with `df`).

    `df` None means a normal reference. Two-sided: both tails count, as in statsmodels. One-sided: large statistics
    reject, and `noncentrality` keeps its sign. A one-sided test at alpha / 2 is the two-sided one without its far
    tail: the textbook's (z + z)^2 (Cohen 1988; statsmodels ttest_power).

    Raises:
        TrialError: alpha outside (0, 1), df not above 0, sides neither 1 nor 2.
    """
    from scipy import stats
    from statsmodels.stats.power import ttest_power

    check_level(alpha)
    check_option("sides", sides, SIDES)
    shift = abs(noncentrality) if sides == 2 else noncentrality
    if df is not None:
        check_above("df", df)
        found = float(ttest_power(shift, 1, alpha, df=df, alternative="two-sided" if sides == 2 else "larger"))
        # scipy's noncentral t is nan here and there, in one tail or far out.
        return found if math.isfinite(found) else _by_tails(shift, df, alpha, sides)
    critical = float(stats.norm.isf(alpha / sides))
    far = float(stats.norm.cdf(-critical - shift)) if sides == 2 else 0.0
    return float(stats.norm.sf(critical - shift)) + far


def power_of_difference(difference: float, standard_error: float, alpha: float = 0.05) -> float:
    """Return the two-sided power against a true difference, normal approximation; both tails count.

    Raises:
        TrialError: a standard error that is not above 0, or alpha outside (0, 1).
    """
    check_above("standard error", standard_error)
    return power_of_statistic(difference / standard_error, None, alpha)


def power_between(low: float, high: float, df: float | None = None, alpha: float = 0.05) -> float:
    """Return the power of two one-sided tests at `alpha` each to show that a difference lies between two limits.

    `low` and `high` are the limits less the true difference, in standard errors: low < 0 < high where the truth lies
    within. Normal: exact. t: exact, by integrating over the estimated error, as Owen's Q does (Schuirmann 1987;
    Owen 1965; R's PowerTOST, method "exact").

    Raises:
        TrialError: alpha outside (0, 0.5), df not above 0.
    """
    from scipy import stats

    check_level(alpha)
    if df is None:
        critical = stats.norm.isf(alpha)
        return max(0.0, float(stats.norm.cdf(high - critical) - stats.norm.cdf(low + critical)))
    check_above("df", df)
    scale, weight = error_scales(df)
    critical = stats.t.isf(alpha, df) * scale
    inside = stats.norm.cdf(high - critical) - stats.norm.cdf(low + critical)
    # Both tests can reject only where the limits leave room between them.
    return float(np.sum(weight * np.where(high - critical > low + critical, inside, 0.0)))


def error_scales(df: float, points: int = 2001) -> tuple[np.ndarray, np.ndarray]:
    """Return values of the estimated over the true standard error, sqrt(chi2 / df), and their weights, which add to 1.

    A fine grid over all but 1e-13 of the distribution: sums over it are integrals by the trapezoid rule.
    """
    from scipy import stats

    low, high = (math.sqrt(float(q) / df) for q in (stats.chi2.ppf(1e-13, df), stats.chi2.isf(1e-13, df)))
    scale = np.linspace(low, high, points)
    density = scale * stats.chi2.pdf(df * scale**2, df)
    density[[0, -1]] /= 2
    return scale, density / density.sum()


def _by_tails(shift: float, df: float, alpha: float, sides: int) -> float:
    """Return the power of a t test tail by tail, each by the noncentral t where that is a number."""
    from scipy import stats

    critical = float(stats.t.isf(alpha / sides, df))
    near, far = float(stats.nct.sf(critical, df, shift)), 0.0 if sides == 1 else math.nan
    if not (math.isfinite(near) and math.isfinite(far)):
        # The normal test's tails, averaged over the estimated error.
        scale, weight = error_scales(df)
        near = near if math.isfinite(near) else float(weight @ stats.norm.sf(critical * scale - shift))
        far = far if math.isfinite(far) else float(weight @ stats.norm.cdf(-critical * scale - shift))
    return near + far

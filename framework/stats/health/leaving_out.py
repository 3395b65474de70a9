"""A comparison without the most extreme units of each arm, and one with them drawn in."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from framework.stats.designs.independent import independent_mean, independent_ratio, satterthwaite
from framework.stats.designs.paired import paired_mean, paired_ratio
from framework.stats.estimates import Estimate, floored, quantile, two_sided
from framework.stats.moments.measure import ROUNDING
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import arms_of, columns_of, measure_of
from framework.stats.moments.shape import contributions_of
from framework.stats.samples import UnitValues

ESTIMATORS = {
    ("independent", "mean"): independent_mean,
    ("independent", "ratio"): independent_ratio,
    ("paired", "mean"): paired_mean,
    ("paired", "ratio"): paired_ratio,
}


def contributions(values: UnitValues) -> NDArray[np.float64]:
    """Return (n,) contributions to the arm's value with mean 0: deviations, linearised for a ratio; no rounding."""
    columns = columns_of(values)
    found = contributions_of(measure_of(values, "values"), Moments.of(columns), columns)
    return np.where(np.abs(found) <= rounding(values), 0.0, found)


def rounding(values: UnitValues) -> float:
    """Return the size, in the metric's unit, below which a contribution is rounding only."""
    largest = float(np.abs(values.numerator).max())
    return ROUNDING * (largest if values.denominator is None else largest / float(values.denominator.mean()))


def as_given(control: UnitValues, treatment: UnitValues, *, design: str, confidence: float) -> Estimate:
    """Return the comparison of all units: the estimator that `compare` takes for this design and kind."""
    arms = arms_of(control, treatment, metric="values", design=design)
    return ESTIMATORS[design, control.kind](arms, confidence).single()


def without_rows(
    control: UnitValues,
    treatment: UnitValues,
    rows: tuple[NDArray[np.intp], NDArray[np.intp]],
    *,
    design: str,
    confidence: float,
) -> Estimate:
    """Return the comparison of the units that stay once the most extreme `rows` of each arm are left out.

    A trimmed comparison (Yuen 1974, "The two-sample trimmed t for unequal population variances"): which units go is
    itself chance, so the error rests on the values with the extremes drawn in to the nearest that stays, and not on the
    spread of those that stay, which is too small. Equal to scipy's `ttest_ind(trim=...)` where the tails are cut alike.
    In a paired design both entries of `rows` are the same pairs.
    """
    if design == "paired":
        kept = np.delete(np.arange(control.numerator.size), rows[0])
        difference = _value(treatment, kept) - _value(control, kept)
        z = _recentred(treatment, kept) - _recentred(control, kept)
        variance = _drawn_in_variance(z, kept, rounding(control) + rounding(treatment))
        return _said(difference, variance, kept.size - 1.0, confidence, "paired trimmed t", 2.0 ** (1 - kept.size))
    values, variances, sizes = [], [], []
    for arm, out in zip((control, treatment), rows, strict=True):
        kept = np.delete(np.arange(arm.numerator.size), out)
        values.append(_value(arm, kept))
        variances.append(_drawn_in_variance(_recentred(arm, kept), kept, rounding(arm)))
        sizes.append(kept.size)
    return trimmed_difference(values, variances, sizes, confidence)


def trimmed_difference(values: list[float], variances: list[float], sizes: list[int], confidence: float) -> Estimate:
    """Return treatment minus control of two trimmed values with the variances of these values and the units kept."""
    x, y = np.asarray(variances[1]), np.asarray(variances[0])
    df = float(satterthwaite(x, np.asarray(sizes[1]), y, np.asarray(sizes[0])))
    splits = math.lgamma(sum(sizes) + 1) - sum(math.lgamma(size + 1) for size in sizes)
    difference = values[1] - values[0]
    return _said(difference, sum(variances), df, confidence, "trimmed t, Yuen-Welch", 2 * math.exp(-splits))


def drawn_in(
    control: UnitValues, treatment: UnitValues, share: float, *, design: str, confidence: float
) -> tuple[Estimate, float, float]:
    """Return the winsorised comparison, and the two limits, in the metric's unit.

    Values (numerators, of a ratio) beyond the pooled arms' quantiles `share` and 1 - `share` are set to these: the same
    limits in both arms, so that drawing in cannot make a difference of its own. The limits count as given.
    """
    pooled = np.concatenate([control.numerator, treatment.numerator])
    low, high = (float(limit) for limit in np.quantile(pooled, [share, 1 - share]))
    arms = [UnitValues(arm.kind, np.clip(arm.numerator, low, high), arm.denominator) for arm in (control, treatment)]
    return as_given(arms[0], arms[1], design=design, confidence=confidence), low, high


def _value(values: UnitValues, kept: NDArray[np.intp]) -> float:
    if values.denominator is None:
        return float(values.numerator[kept].mean())
    return float(values.numerator[kept].sum() / values.denominator[kept].sum())


def _recentred(values: UnitValues, kept: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return all units' contributions around the value of those that stay."""
    value = _value(values, kept)
    if values.denominator is None:
        return np.asarray(values.numerator - value)
    return np.asarray((values.numerator - value * values.denominator) / values.denominator[kept].mean())


def _drawn_in_variance(z: NDArray[np.float64], kept: NDArray[np.intp], noise: float) -> float:
    inside = z[kept]
    if float(inside.max() - inside.min()) <= noise:
        return 0.0
    drawn = np.clip(z, inside.min(), inside.max())
    return float(drawn.var(ddof=1) * (z.size - 1) / (kept.size * (kept.size - 1)))


def _said(difference: float, variance: float, df: float, confidence: float, method: str, flat_p: float) -> Estimate:
    """Return an estimate with a t interval; where nothing varies, a point and the exact test's p."""
    error = math.sqrt(variance)
    if error == 0:
        p_value = 1.0 if difference == 0 else floored(flat_p)
        return Estimate(difference, 0.0, difference, difference, p_value, None, method)
    width = quantile(confidence, df) * error
    return Estimate(
        difference=difference,
        standard_error=error,
        ci_low=difference - width,
        ci_high=difference + width,
        p_value=two_sided(difference / error, df),
        df=df,
        method=method,
    )

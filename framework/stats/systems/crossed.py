"""The variance of a mean over crossed users and seeds, its parts, and the interval that they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.stats.estimates import SMALLEST_P, Estimate, floored, quantile, two_sided
from framework.stats.systems.scores import varies


@dataclass(frozen=True)
class Block:
    """Scores (n users, S seeds) whose columns share one set of random draws, named `source`."""

    source: str
    runs: NDArray[np.float64]


@dataclass(frozen=True)
class VariancePart:
    """What one source adds to the variance of a mean difference (metric's unit squared).

    It has `levels` users or seeds and is estimated on `df`; `share` is of the whole. `deviation` is the standard
    deviation from one trained model to the next of a mean over all users of the population; None for the users' part.
    A part that was estimated below 0 is 0.
    """

    source: str
    levels: int
    variance: float
    share: float
    df: float
    deviation: float | None = None


@dataclass(frozen=True)
class Crossed:
    """A mean difference with its `variance`, the first of whose `parts` is the users'.

    `df` are Satterthwaite's; None where the critical value is the parts' weighted one.
    """

    difference: float
    variance: float
    parts: tuple[VariancePart, ...]
    df: float | None


def crossed(
    averages: NDArray[np.float64], blocks: Sequence[Block], scale: float, *, conservative: bool = False
) -> Crossed:
    """Return the mean of `averages` (n,), users' values averaged over seeds, and its variance over users and seeds.

    `blocks` are the independent sets of seeds that the averages were made of; one with a single seed has no part.
    Formulas: `seeds.seeded_difference`. `scale` is the size of the scores, below whose rounding nothing varies.
    """
    n = averages.size
    users = float(averages.var(ddof=1)) / n if varies(averages, scale) else 0.0
    found = [("users", n, users, float(n - 1))]
    squares = [(users, float(n - 1))]
    for block in blocks:
        seeds = block.runs.shape[1]
        if seeds == 1:
            continue
        means = block.runs.mean(axis=0)
        between = float(means.var(ddof=1)) / seeds if varies(means, scale) else 0.0
        residuals = block.runs - block.runs.mean(axis=1, keepdims=True) - (means - means.mean())
        within = float((residuals**2).sum()) / ((n - 1) * (seeds - 1)) / (n * seeds)
        squares += [(between, seeds - 1.0), (within, (n - 1.0) * (seeds - 1.0))]
        part = between if conservative else max(0.0, between - within)
        found.append((block.source, seeds, part, seeds - 1.0))
    variance = sum(part for _, _, part, _ in found)
    parts = tuple(
        VariancePart(
            source=source,
            levels=levels,
            variance=part,
            share=part / variance if variance > 0 else 0.0,
            df=df,
            deviation=None if source == "users" else float(np.sqrt(part * levels)),
        )
        for source, levels, part, df in found
    )
    df = None
    if not conservative and variance > 0:
        # Shares of the variance, not variances: squares of squares would leave the range of floats in small units.
        spread = sum((square / variance) ** 2 / square_df for square, square_df in squares)
        df = max(1 / spread, min(part.df for part in parts))
    return Crossed(float(averages.mean()), variance, parts, df)


def interval_of(found: Crossed, confidence: float) -> tuple[float, float]:
    """Return the two-sided interval around the difference."""
    width = _critical(found, 1 - confidence) * float(np.sqrt(found.variance))
    return found.difference - width, found.difference + width


def judged(found: Crossed, confidence: float, warnings: tuple[str, ...]) -> Estimate:
    """Return the estimate of a difference that varies: interval, and the p-value at which the interval meets 0."""
    error = float(np.sqrt(found.variance))
    statistic = found.difference / error
    low, high = interval_of(found, confidence)
    if found.df is not None:
        p_value, df, how = two_sided(statistic, found.df), found.df, "Satterthwaite t"
    else:
        p_value, df, how = _p_of(found, abs(statistic)), _df_of(found, confidence), "Cochran-Cox t"
    return Estimate(found.difference, error, low, high, p_value, df, f"users x seeds, {how}", warnings)


def _critical(found: Crossed, alpha: float) -> float:
    """Return Satterthwaite's critical value, or the parts' own weighted by their shares (Cochran and Cox 1950)."""
    if found.df is not None:
        return quantile(1 - alpha, found.df)
    from scipy import stats

    return sum(part.share * float(stats.t.isf(alpha / 2, part.df)) for part in found.parts)


def _p_of(found: Crossed, statistic: float) -> float:
    from scipy import optimize

    def excess(log_p: float) -> float:
        return _critical(found, float(np.exp(log_p))) - statistic

    lowest = float(np.log(SMALLEST_P))
    if statistic == 0 or excess(lowest) <= 0:
        return 1.0 if statistic == 0 else SMALLEST_P
    return floored(float(np.exp(optimize.bisect(excess, lowest, 0.0, xtol=1e-10))))


def _df_of(found: Crossed, confidence: float) -> float:
    """Return the degrees of freedom whose t has the weighted critical value, so that a record's df says its width."""
    from scipy import optimize

    critical = _critical(found, 1 - confidence)
    fewest, most = (pick(part.df for part in found.parts if part.share > 0) for pick in (min, max))
    if critical <= quantile(confidence, most):
        return most
    if critical >= quantile(confidence, fewest):
        return fewest
    return float(optimize.brentq(lambda df: quantile(confidence, df) - critical, fewest, most))

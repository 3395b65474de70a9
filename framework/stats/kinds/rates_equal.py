"""Do K arms share one rate? The chi-square test, for one experiment or for thousands at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.estimates import SMALLEST_P

SMALL_EXPECTED = 5.0
"""Expected hits, or misses, of an arm below which the chi-square distribution is rough (Cochran 1954)."""


@dataclass(frozen=True)
class EqualRates:
    """The chi-square test that all arms hit at one rate; `smallest_expected` is the smallest expected cell."""

    statistic: float
    df: int
    p_value: float
    arms: int
    rate: float
    smallest_expected: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ManyEqualRates:
    """The same for E experiments: every array is (E,), in the order of `experiment`, which is sorted.

    `cautious` marks experiments whose smallest expected cell is below `SMALL_EXPECTED`, or with fewer than two arms
    that have units, or without any hit or miss: p is 1 in the last two, as nothing could differ.
    """

    experiment: NDArray[Any]
    statistic: NDArray[np.float64]
    df: NDArray[np.int64]
    p_value: NDArray[np.float64]
    arms: NDArray[np.int64]
    rate: NDArray[np.float64]
    smallest_expected: NDArray[np.float64]
    cautious: NDArray[np.bool_]


def rates_equal(hits: Sequence[float], n: Sequence[float]) -> EqualRates:
    """Test H0: all K arms have the same rate, from hits (K,) among units (K,): Pearson's chi-square, K - 1 df.

    Equals scipy's `chi2_contingency(correction=False)` of the K x 2 table, and with two arms the pooled z test. Arms
    without units count for nothing. p is never 0, and 1 where all units agree.

    Raises:
        TrialError: fewer than two arms with units, counts that are negative, or more hits than units.
    """
    found = rates_equal_many(hits, n, np.zeros(np.size(np.asarray(hits)), dtype=np.int64))
    arms = int(found.arms[0]) if found.arms.size else 0
    if arms < 2:
        raise TrialError(f"equal rates need two arms with units, got {arms}")
    warnings = []
    rate, smallest = float(found.rate[0]), float(found.smallest_expected[0])
    if rate in {0.0, 1.0}:
        warnings.append("All units of all arms have the same outcome: p is 1.")
    elif smallest < SMALL_EXPECTED:
        warnings.append(f"An arm expects only {smallest:.1f} hits or misses: the chi-square p-value is rough.")
    return EqualRates(
        statistic=float(found.statistic[0]),
        df=int(found.df[0]),
        p_value=float(found.p_value[0]),
        arms=arms,
        rate=rate,
        smallest_expected=smallest,
        warnings=tuple(warnings),
    )


def rates_equal_many(hits: ArrayLike, n: ArrayLike, experiment: ArrayLike) -> ManyEqualRates:
    """Test equal rates within every experiment at once: row i is an arm of `experiment[i]`, all three (R,).

    One pass, no loop over experiments. The p-values are raw: correct them over the family that was asked.

    Raises:
        TrialError: arrays of different length, counts that are negative or not finite, or more hits than units.
    """
    from scipy import stats

    clicked, units = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    labels = np.asarray(experiment)
    if not (clicked.shape == units.shape == labels.shape and clicked.ndim == 1):
        raise TrialError(
            f"hits {clicked.shape}, units {units.shape} and experiments {labels.shape} do not match",
            allowed="one value an arm in each, shape (arms,)",
        )
    _refuse(clicked, units)
    names, where = np.unique(labels, return_inverse=True)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(where, weights=values, minlength=names.size), dtype=np.float64)

    all_units = total(units)
    rate = np.divide(total(clicked), all_units, out=np.zeros(names.size), where=all_units > 0)
    spread = units * (rate * (1 - rate))[where]
    gaps = (clicked - units * rate[where]) ** 2
    statistic = total(np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 0))
    arms = total((units > 0).astype(np.float64)).astype(np.int64)
    df = np.maximum(arms - 1, 0)
    testable = (df > 0) & (rate > 0) & (rate < 1)
    tails = stats.chi2.sf(statistic, np.maximum(df, 1))
    smallest = np.full(names.size, np.inf)
    cells = np.where(units > 0, units * np.minimum(rate, 1 - rate)[where], np.inf)
    np.minimum.at(smallest, where, cells)
    return ManyEqualRates(
        experiment=names,
        statistic=np.where(testable, statistic, 0.0),
        df=df,
        p_value=np.where(testable, np.clip(tails, SMALLEST_P, 1.0), 1.0),
        arms=arms,
        rate=rate,
        smallest_expected=smallest,
        cautious=~testable | (smallest < SMALL_EXPECTED),
    )


def _refuse(hits: NDArray[np.float64], n: NDArray[np.float64]) -> None:
    wrong = ~(np.isfinite(hits) & np.isfinite(n) & (hits >= 0) & (hits <= n))
    if bool(wrong.any()):
        row = int(np.flatnonzero(wrong)[0])
        raise TrialError(
            f"arm in row {row} has {hits[row]:g} hits among {n[row]:g} units", allowed="0 <= hits <= units"
        )

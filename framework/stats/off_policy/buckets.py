"""The bootstrap of a statistic of sums, in one pass over any number of rows: rows in buckets, buckets drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError

BUCKETS = 1000
ROWS_AT_ONCE = 1 << 18
"""Rows hashed and added up at one time: their arrays stay in the processor's cache."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From sums (..., C) to values (...)."""


@dataclass(frozen=True)
class BucketSums:
    """Sums of C columns over the rows of each of B buckets, (B, C)."""

    sums: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        columns: Sequence[NDArray[np.float64]],
        *,
        unit: NDArray[np.integer] | None = None,
        buckets: int = BUCKETS,
    ) -> BucketSums:
        """Add up columns, each (n,), by bucket; all rows of one `unit` (n,) are in one bucket.

        A bucket is the top of a unit's (else a row's) number times 2^64 / golden ratio (Knuth, volume 3, section 6.4),
        which spreads neighbours far apart: what hangs together in time is not what hangs together in a bucket.

        Raises:
            TrialError: no columns, columns of different length, fewer than 2 buckets.
        """
        lengths = {column.shape[0] for column in columns} | ({unit.shape[0]} if unit is not None else set())
        if len(lengths) != 1:
            raise TrialError(f"columns of {sorted(lengths)} rows", allowed="one or more columns of equal length")
        if buckets < 2:
            raise TrialError(f"{buckets} bucket(s)", allowed="2 or more")
        (n,) = lengths
        sums = np.zeros((len(columns), buckets))
        for start in range(0, n, ROWS_AT_ONCE):
            rows = slice(start, min(start + ROWS_AT_ONCE, n))
            place = _bucket(np.arange(rows.start, rows.stop) if unit is None else unit[rows], buckets)
            for c, column in enumerate(columns):
                sums[c] += np.bincount(place, weights=column[rows], minlength=buckets)
        return cls(np.ascontiguousarray(sums.T))

    def total(self) -> NDArray[np.float64]:
        """Return the sums over all rows (C,)."""
        return np.asarray(self.sums.sum(axis=0))

    def resampled(self, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the sums in `resamples` draws of B buckets with replacement (R, C)."""
        buckets = len(self.sums)
        counts = rng.multinomial(buckets, np.full(buckets, 1.0 / buckets), size=resamples)
        return np.asarray(counts.astype(np.float64) @ self.sums)


@dataclass(frozen=True)
class Bootstrapped:
    """A statistic, its bootstrap standard error and percentile interval, and what each resample gave (R,)."""

    value: float
    standard_error: float
    ci_low: float
    ci_high: float
    draws: NDArray[np.float64]


def bootstrapped(
    sums: BucketSums,
    statistic: Statistic,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Bootstrapped:
    """Return a statistic of sums with its percentile interval over draws of buckets.

    Buckets are random groups of rows (or units), so drawing buckets is drawing rows a group at a time (Chamandy,
    Muralidharan, Najmi and Naidu 2012, "Estimating uncertainty for massive data streams"). Same rng state, same draws.

    Raises:
        TrialError: some resample has no value.
    """
    draws = np.asarray(statistic(sums.resampled(resamples, rng)), dtype=np.float64)
    if not bool(np.isfinite(draws).all()):
        raise TrialError("some bootstrap samples of buckets have nothing to divide by", hint="Use fewer buckets.")
    return percentiles(float(statistic(sums.total()[None, :])[0]), draws, confidence)


def percentiles(value: float, draws: NDArray[np.float64], confidence: float) -> Bootstrapped:
    """Return a value with its resamples' standard deviation and percentile interval.

    The ends are the order statistics at (R + 1) times the tail, which leave that much outside on average however few
    resamples there are; between them the default of `np.quantile` leaves out 3.4 instead of 2.5 % of 100 draws.
    """
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(draws, tails, method="weibull")
    return Bootstrapped(value, float(draws.std(ddof=1)), float(low), float(high), draws)


def mean_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return first sum over second: a mean, where the second column is ones; a ratio (SNIPS) of w r and w."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1])


def corrected_mean_of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the first column plus a ratio (SNDR), of the sums of q, 1, w (r - q), w."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1] + sums[..., 2] / sums[..., 3])


def _bucket(number: NDArray[np.integer], buckets: int) -> NDArray[np.intp]:
    mixed = number.astype(np.int64).view(np.uint64) * _SPREAD
    return ((mixed >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)).astype(np.intp)

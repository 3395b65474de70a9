"""Re-randomising the blocks of a switchback: the p-value of every assignment that could have been."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.designs.switchback_periods import Floats, Rows
from framework.stats.estimates import floored
from framework.stats.moments.measure import ROUNDING

RANDOMISED = ("coin", "fixed")
"""How blocks got their arm: each by a fair coin, or a fixed number of them drawn for the treatment."""
EQUAL = 1e-9
"""Statistics closer than this share of each other are ties: sums in another order differ in their last digits."""
AT_ONCE = 2_000_000
"""Numbers held at once: 16 MB of float64."""


def randomised(rows: Rows, how: str, rng: np.random.Generator | None, draws: int) -> tuple[float, str]:
    """Return the p-value of |t| over re-randomised blocks of the periods that are kept, and in words which.

    As `switchback.switchback` explains. Same rng state, same p-value.

    Raises:
        TrialError: where assignments must be drawn and there is no generator.
    """
    arms = rows.arms
    k = arms.size
    sums = np.array([np.bincount(rows.block, weights=values) for values in (rows.numerator, rows.denominator)])
    possible = 2**k if how == "coin" else math.comb(k, int(arms.sum()))
    exact = possible <= draws + 1
    if not exact and rng is None:
        raise TrialError(
            f"{k} blocks have too many assignments to take each, and there is no random generator",
            hint="Pass rng=numpy's default_rng(seed).",
        )
    observed = _statistics(arms[None], sums)[0]
    extreme = total = 0
    for assigned in _all_assignments(k, arms, how) if exact else _some_assignments(k, arms, how, draws, rng):
        statistics = _statistics(assigned, sums)
        statistics = statistics[~np.isnan(statistics)]
        extreme += int((statistics >= observed * (1 - EQUAL)).sum())
        total += statistics.size
    if exact:
        return floored(extreme / total), f"all {total:,} assignments of {k} blocks"
    return floored((extreme + 1) / (total + 1)), f"{total:,} random assignments of {k} blocks"


def _statistics(assigned: NDArray[np.bool_], sums: Floats) -> Floats:
    """Return (R,) |t| with the block error under assignments (R, k); nan where an arm keeps fewer than 2 blocks.

    `sums` (2, k) are the blocks' numerators and denominators.
    """
    top, below = sums
    ratios, variances = [], []
    usable = np.ones(assigned.shape[0], dtype=bool)
    for arm in (False, True):
        own = assigned == arm
        blocks = own.sum(axis=1)
        totals = np.where(own, below, 0.0).sum(axis=1)
        usable &= (blocks >= 2) & (totals > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(own, top, 0.0).sum(axis=1) / totals
            off = np.where(own, top - ratio[:, None] * below, 0.0)
            off[np.abs(off) <= ROUNDING * np.abs(top).max()] = 0.0
            variances.append((off**2).sum(axis=1) / totals**2 * blocks / (blocks - 1))
        ratios.append(ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(ratios[1] - ratios[0])
        gap[gap <= ROUNDING * np.maximum(*np.abs(ratios))] = 0.0
        found = np.where(gap == 0, 0.0, gap / np.sqrt(variances[0] + variances[1]))
    return np.where(usable, found, np.nan)


def _all_assignments(k: int, arms: NDArray[np.bool_], how: str) -> Iterator[NDArray[np.bool_]]:
    size = max(1, AT_ONCE // k)
    if how == "coin":
        for start in range(0, 2**k, size):
            numbers = np.arange(start, min(start + size, 2**k))
            yield (numbers[:, None] >> np.arange(k)) & 1 == 1
        return
    drawn = combinations(range(k), int(arms.sum()))
    while chosen := list(islice(drawn, size)):
        assigned = np.zeros((len(chosen), k), dtype=bool)
        np.put_along_axis(assigned, np.array(chosen), True, axis=1)
        yield assigned


def _some_assignments(
    k: int, arms: NDArray[np.bool_], how: str, draws: int, rng: np.random.Generator | None
) -> Iterator[NDArray[np.bool_]]:
    if rng is None:
        return
    size = max(1, AT_ONCE // k)
    for start in range(0, draws, size):
        shape = (min(size, draws - start), k)
        yield rng.random(shape) < 0.5 if how == "coin" else rng.permuted(np.broadcast_to(arms, shape), axis=1)

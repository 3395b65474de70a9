"""The largest statistic's distribution by re-randomisation: corrections that know how comparisons hang together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError, did_you_mean

Floats = NDArray[np.float64]

STEPS = {"down": "step-down", "single": "single-step"}
BLOCK = 2_000_000
"""Numbers held at once while re-randomising: 16 MB of float64."""
EQUAL = 1e-9
"""Statistics closer than this share of each other are ties: sums in another order differ in their last digits."""


@dataclass(frozen=True)
class MaxT:
    """Comparisons adjusted together: mean differences, statistics, raw and adjusted p-values, one each a comparison.

    `draws` is the number of re-randomisations; `exact` says that they are all there are, each once. Otherwise a
    p-value is (b + 1) / (draws + 1) and its Monte-Carlo standard error about sqrt(p (1 - p) / draws).
    """

    differences: tuple[float, ...]
    statistics: tuple[float, ...]
    p_values: tuple[float, ...]
    p_adjusted: tuple[float, ...]
    draws: int
    exact: bool
    correction: str


def max_t(
    differences: ArrayLike,
    *,
    rng: np.random.Generator,
    draws: int = 9_999,
    step: str = "down",
    clusters: ArrayLike | None = None,
) -> MaxT:
    """Return p-values adjusted by the largest |t| under sign flips of whole units (Westfall and Young 1993, 4.1).

    `differences` (n, m) holds treatment minus control of n units in m comparisons; all of a unit's differences flip
    together, so the correlation of the comparisons enters by itself. With `clusters` (n,), units of one label flip
    together: the units of randomisation are then the clusters' sums. `step` is "down" (rejects no less) or "single".
    The family-wise error is kept where, under the null, a unit's differences have a distribution symmetric about 0.
    Each comparison's t is on its own scale, so metrics of different units may stand side by side.

    Where 2^n sign patterns are no more than draws + 1, all are taken and `rng` is not used. Same seed, same p-values.
    Time grows with draws x n x m; memory stays below 100 MB plus the differences.

    Raises:
        TrialError: for fewer than 2 units or clusters, values that are not finite, labels of another length, an
            unknown step, fewer than 1 draw.
    """
    if step not in STEPS:
        raise TrialError(f"step '{step}' is unknown", allowed=STEPS, hint=did_you_mean(step, STEPS))
    rows = _checked(differences, draws, "differences", "(units, comparisons)")
    estimates = rows.mean(axis=0)
    unit = "units"
    if clusters is not None:
        rows, unit = _cluster_sums(rows, np.asarray(clusters)), "clusters"
    n = rows.shape[0]
    # Sign flips keep a column's sum of squares, so |t| rises with |sum| / root of that: no variance need be taken.
    size = np.sqrt((rows**2).sum(axis=0))
    directions = np.divide(rows, size, out=np.zeros_like(rows), where=size > 0)
    observed = np.abs(directions.sum(axis=0))
    order = np.argsort(-observed, kind="stable")
    exact = n < 60 and 2**n <= draws + 1
    single, joint, total = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), 0
    threshold = (observed * (1 - EQUAL))[order]
    for signs in _all_signs(n) if exact else _random_signs(n, draws, max(rows.shape), rng):
        flipped = np.abs(signs @ directions)[:, order]
        single += (flipped >= threshold).sum(axis=0)
        largest = np.maximum.accumulate(flipped[:, ::-1], axis=1)[:, ::-1]
        joint += ((largest if step == "down" else largest[:, :1]) >= threshold).sum(axis=0)
        total += signs.shape[0]
    how = f"{total:,} sign flips of {n:,} {unit}" if not exact else f"all {total:,} sign flips of {n:,} {unit}"
    return MaxT(
        differences=tuple(estimates.tolist()),
        statistics=tuple((np.sign(estimates) * _t_of(observed, n)).tolist()),
        p_values=_back(_share(single, total, exact), order),
        p_adjusted=_back(np.maximum.accumulate(_share(joint, total, exact)), order),
        draws=total,
        exact=exact,
        correction=f"max-T {STEPS[step]} over {rows.shape[1]} comparisons, {how}",
    )


def randomised_tukey(scores: ArrayLike, *, rng: np.random.Generator, draws: int = 9_999) -> MaxT:
    """Return all pairs of systems adjusted by the range of means when systems are shuffled within units.

    `scores` (n, k) holds n units' scores of k systems on one metric; pairs are in the order of `pairs_of`. A pair's
    statistic is its mean difference, held against the largest difference between any two of the shuffled systems
    (Carterette 2012, randomised Tukey HSD; Smucker et al. 2007 for one pair). Single-step; p is (b + 1) / (draws + 1).
    Not studentised: a pair with noisy differences sets the yardstick for all, and the error for some pairs equal while
    others differ is kept only where the systems scatter alike. `max_t` over `differences_of(scores)` needs neither.

    Raises:
        TrialError: for fewer than 2 units or 2 systems, values that are not finite, fewer than 1 draw.
    """
    values = _checked(scores, draws, "scores", "(units, systems)")
    n, k = values.shape
    columns = pairs_of(k)
    left, right = (list(side) for side in zip(*columns, strict=True))
    estimates = values.mean(axis=0)[right] - values.mean(axis=0)[left]
    centred = values - values.mean(axis=1, keepdims=True)
    threshold = np.abs(estimates) * (1 - EQUAL)
    single, joint = np.zeros(len(columns)), np.zeros(len(columns))
    for size in _blocks(draws, n * k):
        shuffled = rng.permuted(np.broadcast_to(centred, (size, n, k)), axis=2).mean(axis=1)
        single += (np.abs(shuffled[:, right] - shuffled[:, left]) >= threshold).sum(axis=0)
        joint += (np.ptp(shuffled, axis=1)[:, None] >= threshold).sum(axis=0)
    return MaxT(
        differences=tuple(estimates.tolist()),
        statistics=tuple(estimates.tolist()),
        p_values=tuple(_share(single, draws, False).tolist()),
        p_adjusted=tuple(_share(joint, draws, False).tolist()),
        draws=draws,
        exact=False,
        correction=f"randomised Tukey over {len(columns)} pairs, {draws:,} shuffles of {k} systems in {n:,} units",
    )


def pairs_of(systems: int) -> tuple[tuple[int, int], ...]:
    """Return all pairs (i, j) with i < j, row by row: the order of comparisons of a scores matrix.

    Raises:
        TrialError: for fewer than 2 systems.
    """
    if systems < 2:
        raise TrialError(f"{systems} system(s) make no pair", allowed="2 systems or more, one a column")
    return tuple((i, j) for i in range(systems) for j in range(i + 1, systems))


def differences_of(scores: ArrayLike, *, control: int | None = None) -> Floats:
    """Return per-unit differences (n, comparisons) of scores (n, k): second minus first of each pair of `pairs_of`.

    With `control`, the column of the control arm, they are each other system minus the control, in column order.

    Raises:
        TrialError: for fewer than 2 systems, or a control that is no column.
    """
    values = np.asarray(scores, dtype=np.float64)
    k = values.shape[1] if values.ndim == 2 else 0
    columns = pairs_of(k)
    if control is None:
        return np.column_stack([values[:, j] - values[:, i] for i, j in columns])
    if not 0 <= control < k:
        raise TrialError(f"control is column {control} of {k} systems", allowed=f"0 to {k - 1}")
    return np.asarray(np.delete(values - values[:, [control]], control, axis=1), dtype=np.float64)


def _checked(values: ArrayLike, draws: int, name: str, shape: str) -> Floats:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 1:
        raise TrialError(f"{name} have shape {rows.shape}", allowed=f"shape {shape}, 2 units or more")
    bad = int(rows.size - np.isfinite(rows).sum())
    if bad:
        raise TrialError(
            f"{bad} of {rows.size} {name} are missing or infinite",
            allowed="finite numbers",
            hint="Leave out units that were not measured in every comparison.",
        )
    if draws < 1:
        raise TrialError(f"draws is {draws}", allowed="1 or more; 9,999 tells p 0.01 to within 0.001")
    return rows


def _cluster_sums(rows: Floats, labels: NDArray[np.generic]) -> Floats:
    if labels.shape != (rows.shape[0],):
        raise TrialError(f"clusters have shape {labels.shape} for {rows.shape[0]} units", allowed="one label a unit")
    names, index = np.unique(labels, return_inverse=True)
    if names.size < 2:
        raise TrialError("all units are in one cluster", allowed="2 clusters or more; 20 or more are worth having")
    return np.column_stack([np.bincount(index, weights=column, minlength=names.size) for column in rows.T])


def _blocks(draws: int, numbers_each: int) -> Iterator[int]:
    """Split draws so that a block holds at most `BLOCK` numbers; depends on shapes alone, so seeds reproduce."""
    size = max(1, BLOCK // max(1, numbers_each))
    for start in range(0, draws, size):
        yield min(size, draws - start)


def _random_signs(n: int, draws: int, numbers_each: int, rng: np.random.Generator) -> Iterator[Floats]:
    for size in _blocks(draws, numbers_each):
        yield np.subtract(1.0, 2.0 * rng.integers(0, 2, size=(size, n), dtype=np.int8), dtype=np.float64)


def _all_signs(n: int) -> Iterator[Floats]:
    """Yield all 2^n sign patterns, in blocks."""
    start = 0
    for size in _blocks(2**n, n):
        patterns = np.arange(start, start + size)[:, None] >> np.arange(n)
        start += size
        yield np.subtract(1.0, 2.0 * (patterns & 1), dtype=np.float64)


def _share(count: Floats, total: int, exact: bool) -> Floats:
    return count / total if exact else (count + 1) / (total + 1)


def _t_of(cosine: Floats, n: int) -> Floats:
    """Return |t| of the one-sample test from |sum| / sqrt(sum of squares)."""
    share = np.minimum(1.0, cosine**2 / n)
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt((n - 1) * share / (1 - share)), dtype=np.float64)


def _back(sorted_values: Floats, order: NDArray[np.intp]) -> tuple[float, ...]:
    values = np.empty_like(sorted_values)
    values[order] = sorted_values
    return tuple(values.tolist())

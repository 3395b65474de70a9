"""Units that find segments and units that test them, kept apart: the same outcomes cannot do both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.estimates import Estimate, quantile, two_sided

GUIDANCE = {
    "before": (
        "Segments come from what was known before the trial: their effects may be tested on all units, corrected over "
        "segments."
    ),
    "split": (
        "Segments were learned from one half of the units and are tested on the other: the tests hold for these "
        "segments, at the price of half the units. Split by a hash of the unit's id with a salt of its own, never the "
        "one that assigns arms."
    ),
    "forward": (
        "Each fold's segments were learned from the folds before it: all units but the first fold's are tested. The "
        "tests hold for the way of finding segments, on average over folds, and not for one list of segments."
    ),
    "cross-fit": (
        "Each unit's segment was learned from the other folds. Folds that learn from each other are not independent: "
        "where nothing differs, an average over them that takes them so rejects too often. Read it with the wider "
        "error, or learn forward."
    ),
    "same": (
        "Segments were learned from the very outcomes that test them: the best one looks good by chance, and neither "
        "p-values nor intervals hold. Learn them on one half and test on the other, or cross-fit."
    ),
}
"""What may be claimed, by where the segments come from."""

LEARNED_FROM = ("earlier", "others")


def guidance(source: str) -> str:
    """Return what may be claimed of segments: `source` is a key of `GUIDANCE`.

    Raises:
        TrialError: another source.
    """
    if source not in GUIDANCE:
        raise TrialError(f"segments from '{source}'", allowed=GUIDANCE)
    return GUIDANCE[source]


def folds(hashes: NDArray[np.floating], count: int = 2) -> NDArray[np.int64]:
    """Return each unit's fold (n,), 0 to count - 1, from hashes of unit ids as numbers in [0, 1).

    Equal parts of [0, 1): a unit keeps its fold whoever else is there, and sizes differ by chance only. The hash must
    be salted by itself: with the salt that assigns arms, a fold would hold one arm only.

    Raises:
        TrialError: hashes outside [0, 1), or fewer than 2 folds.
    """
    numbers = np.asarray(hashes, dtype=np.float64)
    if count < 2:
        raise TrialError(f"{count} folds", allowed="2 or more")
    if numbers.ndim != 1 or not bool(((numbers >= 0) & (numbers < 1)).all()):
        raise TrialError("hashes of unit ids", allowed="one number a unit, from 0 to below 1")
    return np.minimum(np.floor(numbers * count), count - 1).astype(np.int64)


def learning_half(hashes: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which units (n,) find the segments; the others test them."""
    return np.asarray(folds(hashes, 2) == 0)


def cross_fitted(
    fold: NDArray[np.integer],
    learn: Callable[[NDArray[np.bool_]], Callable[[NDArray[np.bool_]], NDArray[np.generic]]],
) -> NDArray[np.generic]:
    """Return each unit's segment (n,), learned from the other folds only.

    `learn(rows)` learns from a mask (n,) of units and returns a function from a mask of other units to their labels.
    Labels must mean the same in every fold, such as ranks of the predicted effect (Chernozhukov, Demirer, Duflo and
    Fernandez-Val 2018, "Generic machine learning inference", sorted groups).

    Raises:
        TrialError: fewer than 2 folds with units, or labels that are not one a unit.
    """
    parts = [_labels(fold != number, fold == number, learn) for number in _used(fold)]
    return _joined(parts, fold.size)


def forward_fitted(
    fold: NDArray[np.integer],
    learn: Callable[[NDArray[np.bool_]], Callable[[NDArray[np.bool_]], NDArray[np.generic]]],
) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Return the segments of the units that are tested, in their order, and which units (n,) these are.

    Each fold's segments are learned from the folds before it, so the first fold is not tested. Given what came before,
    each fold's estimate has its own error and no bias, so estimates of different folds are uncorrelated, whatever was
    learned (Luedtke and van der Laan 2016, "Statistical inference for the mean outcome under a possibly non-unique
    optimal treatment strategy"). `learn` and errors as in `cross_fitted`.
    """
    parts = [_labels(fold < number, fold == number, learn) for number in _used(fold)[1:]]
    tested = np.asarray(fold > fold.min())
    return _joined(parts, fold.size)[tested], tested


def over_folds(
    estimates: Sequence[float],
    standard_errors: Sequence[float],
    sizes: Sequence[int],
    *,
    learned_from: str = "others",
    confidence: float = 0.95,
) -> Estimate:
    """Return one segment's effect over folds: the folds' effects (F,) averaged by the segment's units in them.

    `learned_from` "earlier" (`forward_fitted`): variances add. "others" (`cross_fitted`): folds that learned from each
    other are correlated where nothing differs, by how much is unknown, so errors are added as if they moved together:
    safe, and no better than one half. Normal reference.

    Raises:
        TrialError: arrays of different length, no fold, errors or sizes not above 0, another `learned_from`.
    """
    if learned_from not in LEARNED_FROM:
        raise TrialError(f"segments learned from '{learned_from}' folds", allowed=LEARNED_FROM)
    y, error, n = (np.asarray(numbers, dtype=np.float64) for numbers in (estimates, standard_errors, sizes))
    if not (y.ndim == 1 and y.size and y.shape == error.shape == n.shape):
        raise TrialError(f"{y.size} estimates, {error.size} errors, {n.size} sizes", allowed="one of each a fold")
    if not (np.isfinite(y).all() and (error > 0).all() and (n > 0).all()):
        raise TrialError("a fold without estimate, error or units", allowed="errors and sizes above 0")
    weights = n / n.sum()
    apart = learned_from == "earlier"
    difference, spread = float(weights @ y), float(np.sqrt(weights**2 @ error**2) if apart else weights @ error)
    width = quantile(confidence, None) * spread
    p_value = two_sided(difference / spread, None)
    return Estimate(difference, spread, difference - width, difference + width, p_value, None, "average over folds")


def _used(fold: NDArray[np.integer]) -> NDArray[np.integer]:
    found = np.unique(fold)
    if found.size < 2:
        raise TrialError(f"{found.size} folds have units", allowed="2 or more")
    return found


def _labels(
    learning: NDArray[np.bool_],
    rows: NDArray[np.bool_],
    learn: Callable[[NDArray[np.bool_]], Callable[[NDArray[np.bool_]], NDArray[np.generic]]],
) -> tuple[NDArray[np.bool_], NDArray[np.generic]]:
    labels = np.asarray(learn(learning)(rows))
    if labels.shape != (int(rows.sum()),):
        raise TrialError(f"labels of shape {labels.shape} for {int(rows.sum())} units", allowed="one a unit")
    return rows, labels


def _joined(parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.generic]]], units: int) -> NDArray[np.generic]:
    joined = np.zeros(units, dtype=np.result_type(*(labels.dtype for _, labels in parts)))
    for rows, labels in parts:
        joined[rows] = labels
    return joined

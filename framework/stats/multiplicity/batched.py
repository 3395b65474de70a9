"""The corrections of `families.correct` over replications: the same effects with thousands of sets of p-values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.stats.effects import Effect
from framework.stats.multiplicity.adjust import adjust
from framework.stats.multiplicity.families import MAX_T, SEGMENTS, WORDS, Corrections, correct, families_of

Floats = NDArray[np.float64]
SCIPY = {"benjamini_hochberg": "bh", "benjamini_yekutieli": "by"}
"""Corrections of `adjust` that are scipy's, which takes an axis of replications."""


def correct_batch(
    effects: Sequence[Effect], p_values: Floats, alpha: float = 0.05, corrections: Corrections | None = None
) -> tuple[Floats, NDArray[np.int64]]:
    """Return `p_adjusted` and `family` (E, R) as `correct` gives them for each column of `p_values` (E, R).

    The effects say what each row is; their own p-values are not read. Where p is nan the effect was not measured in
    that replication: it is in no family there. `p_adjusted` is nan and `family` 0 where nothing is tested.

    Raises:
        TrialError: as `correct`.
    """
    chosen = corrections or Corrections()
    p = np.asarray(p_values, dtype=np.float64)
    p_adjusted, family = np.full(p.shape, np.nan), np.zeros(p.shape, dtype=np.int64)
    if p.shape[1] == 0:
        return p_adjusted, family
    missing, pattern = np.unique(np.isnan(p), axis=1, return_inverse=True)
    for number in range(missing.shape[1]):
        columns = np.flatnonzero(pattern.ravel() == number)
        rows = np.flatnonzero(~missing[:, number])
        measured = [effects[int(row)] for row in rows]
        if chosen.gatekeeping or chosen.shares:
            found = [_one(measured, p[rows, column], alpha, chosen) for column in columns]
            p_adjusted[np.ix_(rows, columns)] = np.array([own for own, _ in found]).reshape(len(columns), len(rows)).T
            family[np.ix_(rows, columns)] = np.array([own for _, own in found]).reshape(len(columns), len(rows)).T
            continue
        for method, members in _families(measured, chosen):
            at = np.ix_(rows[members], columns)
            p_adjusted[at] = _adjusted(p[at], method, alpha)
            family[at] = len(members)
    return p_adjusted, family


def _families(effects: Sequence[Effect], chosen: Corrections) -> list[tuple[str, list[int]]]:
    """Return each family's method and members, as `correct` forms them."""
    overall = "holm" if chosen.overall == MAX_T else chosen.overall
    return [
        (chosen.segments if name == SEGMENTS else overall, members)
        for (_, name), members in families_of(effects).items()
        if name in WORDS
    ]


def _adjusted(p: Floats, method: str, alpha: float) -> Floats:
    if method in SCIPY:
        from scipy import stats

        return np.asarray(stats.false_discovery_control(p, axis=0, method=SCIPY[method]))
    return np.array([adjust(column, method, alpha=alpha) for column in p.T]).T


def _one(effects: Sequence[Effect], p: Floats, alpha: float, chosen: Corrections) -> tuple[list[float], list[int]]:
    own = [replace(effect, p_value=float(value)) for effect, value in zip(effects, p, strict=True)]
    corrected = correct(own, alpha, chosen)
    return (
        [np.nan if effect.p_adjusted is None else effect.p_adjusted for effect in corrected],
        [effect.family or 0 for effect in corrected],
    )

"""What uplift learners say of units, learned forward: a fold's scores and groups come from the folds before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.kinds import FormsGroups

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Build = Callable[[], Any]


@dataclass(frozen=True)
class Pair:
    """The units (n,) of one treatment and the control, as learners take them; `fold` from 0."""

    features: Floats
    treated: NDArray[np.bool_]
    outcome: Floats
    propensity: Floats
    fold: NDArray[np.int64]


@dataclass(frozen=True)
class Learned:
    """One learner on one treatment: `score` (n,) by the folds before the own one, nan in the first, which only teaches.

    `labels` holds for each fold but the first the groups of all units (n,), as learned from the folds before it, 0 the
    highest uplift. `score_of_all` (n,) and `groups_of_all` (n,) come from a learner that saw every unit: for whoever is
    treated next, not for estimates. `rules` say the groups in words where the learner forms its own.
    """

    score: Floats
    labels: dict[int, Labels]
    score_of_all: Floats
    groups_of_all: Labels
    rules: tuple[str, ...] = ()
    split: tuple[Labels, NDArray[np.bool_]] | None = None
    """Of learners with rules: the groups (n,) that `rules` names, and which units (n,) did not teach them."""


def learn(build: Build, pair: Pair, names: tuple[str, ...], groups: int, seed: list[int]) -> Learned:
    """Return what a learner says, `build` giving a fresh one each time.

    Groups are `groups` equal parts by score, by rank within the fold; units that taught are ranked by learners that saw
    the other half of the teachers, since a learner flatters what it saw. A learner that forms its own groups is asked
    for those.
    """
    score = np.full(pair.outcome.size, np.nan)
    labels: dict[int, Labels] = {}
    folds = int(pair.fold.max()) + 1
    for number in range(1, folds):
        teachers = pair.fold < number
        learner = _fitted(build, pair, teachers, [*seed, number])
        rows = pair.fold == number
        score[rows] = learner.effect(pair.features[rows])
        if isinstance(learner, FormsGroups):
            labels[number] = learner.groups(pair.features).astype(np.int64)
        else:
            scores = _of_teachers(build, pair, teachers, [*seed, number])
            scores[~teachers] = learner.effect(pair.features[~teachers])
            labels[number] = np.zeros(score.size, dtype=np.int64)
            for part in (teachers, *(pair.fold == other for other in range(number, folds))):
                labels[number][part] = equal_groups(scores[part], groups)
    whole = _fitted(build, pair, np.ones(score.size, dtype=bool), [*seed, folds])
    of_all = whole.effect(pair.features)
    if not isinstance(whole, FormsGroups):
        return Learned(score, labels, of_all, equal_groups(of_all, groups))
    teachers = pair.fold < (folds + 1) // 2
    half = _fitted(build, pair, teachers, [*seed, folds + 1])
    parts = half.groups(pair.features).astype(np.int64)
    return Learned(score, labels, of_all, parts, half.rules(names), (parts, ~teachers))


def equal_groups(score: Floats, groups: int) -> Labels:
    """Return each unit's group (n,) of equal size by score, 0 the highest.

    Ties are broken by chance, always the same: a file may be sorted by arm.
    """
    place = np.empty(score.size, dtype=np.int64)
    chance = np.random.default_rng(score.size).permutation(score.size)
    place[np.lexsort((chance, -score))] = np.arange(score.size)
    return place * groups // max(1, score.size)


def _of_teachers(build: Build, pair: Pair, teachers: NDArray[np.bool_], seed: list[int]) -> Floats:
    """Return scores (n,) of the teachers by learners that saw the other half of them; 0 elsewhere."""
    scores = np.zeros(teachers.size)
    half = np.zeros(teachers.size, dtype=np.int64)
    rng = np.random.default_rng([*seed, 1])
    for arm in (pair.treated, ~pair.treated):
        places = np.flatnonzero(teachers & arm)
        half[rng.permutation(places)] = np.arange(places.size) % 2
    for side in (0, 1):
        learner = _fitted(build, pair, teachers & (half != side), [*seed, 2 + side])
        rows = teachers & (half == side)
        scores[rows] = learner.effect(pair.features[rows])
        # Learners of different halves may differ in level: ranks within each half are what counts.
        scores[rows] = np.argsort(np.argsort(scores[rows], kind="stable")) / max(1, int(rows.sum()))
    return scores


def _fitted(build: Build, pair: Pair, rows: NDArray[np.bool_], seed: list[int]) -> Any:
    learner = build()
    learner.fit(
        pair.features[rows],
        pair.treated[rows],
        pair.outcome[rows],
        pair.propensity[rows],
        np.random.default_rng(seed),
    )
    return learner

"""A reward model of logged decisions: one regression a place, cross-fitted, so that no row is foretold by itself.

A logistic regression where rewards are 0 and 1, else ridge; on what was known when deciding and what is known of the
action (an indicator of each action where nothing is). As in Saito et al., "Open Bandit Dataset and Pipeline", NeurIPS
2021: scikit-learn's LogisticRegression, penalty C = 1, folds over shuffled rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.records import LoggedDecisions

CELLS_AT_ONCE = 1 << 22
"""Answers (row, action) held at one time: 32 MB."""


@dataclass(frozen=True)
class RewardModel:
    """What the model answers, kept as its parts: `row` (n,) of the context, `effect` (F, P, A) of action and place.

    The answer for row i and action a is row_i + effect[fold_i, position_i, a], through the logistic function where
    `logistic`. So n rows take n numbers, whatever the number of actions.
    """

    row: NDArray[np.float64]
    effect: NDArray[np.float64]
    fold: NDArray[np.intp]
    position: NDArray[np.intp]
    action: NDArray[np.intp]
    logistic: bool

    def predicted(self, rows: slice | NDArray[np.intp] = slice(None)) -> NDArray[np.float64]:
        """Return the reward foretold of every action at each row's own place, (rows, A)."""
        return self._linked(self.row[rows, None] + self.effect[self.fold[rows], self.position[rows]])

    def fitted(self) -> NDArray[np.float64]:
        """Return the reward foretold of each row's logged action (n,)."""
        return self._linked(self.row + self.effect[self.fold, self.position, self.action])

    def expected(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over a policy's actions (n,), a block of rows at a time.

        `target` (A, positions) holds the policy's probabilities at each place, or (n, A) each row's own; what does not
        add up to 1 is scaled to.

        Raises:
            TrialError: another shape, or a place at which the policy does nothing.
        """
        actions, places = self.effect.shape[2], self.effect.shape[1]
        by_place = target.shape == (actions, places)
        if not by_place and target.shape != (len(self.row), actions):
            allowed = f"({actions}, {places}) by place or ({len(self.row)}, {actions}) by row"
            raise TrialError(f"a policy of shape {target.shape}", allowed=allowed)
        found = np.empty(len(self.row))
        for rows in _blocks(len(self.row), actions):
            own = target.T[self.position[rows]] if by_place else target[rows]
            total = own.sum(axis=1)
            if not bool((total > 0).all()):
                raise TrialError("the policy gives some place no action at all")
            found[rows] = (self.predicted(rows) * own).sum(axis=1) / total
        return found

    def _linked(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        if not self.logistic:
            return score
        from scipy import special

        return np.asarray(special.expit(score))


def fit_reward_model(
    decisions: LoggedDecisions, folds: int = 3, seed: int = 12345, counts: NDArray[np.float64] | None = None
) -> RewardModel:
    """Fit one regression a fold and place on the rows of the other folds, and return what all of them answer.

    Folds are of shuffled rows (scikit-learn's KFold), of whole units where the log names them. `counts` (n,) says how
    often each row counts (a resample): a row stays in one fold, however often it was drawn. Where the other folds have
    one kind of reward only at a place, or nothing, the model is their mean. Same seed, same numbers.

    Raises:
        ConfigError: folds below 2, or more folds than units.
        TrialError: counts of another length.
    """
    from sklearn.model_selection import KFold

    n = len(decisions)
    unit = np.arange(n) if decisions.unit is None else np.unique(decisions.unit, return_inverse=True)[1]
    units = int(unit.max()) + 1 if n else 0
    if not 2 <= folds <= units:
        raise ConfigError(f"a reward model with {folds} folds", allowed=f"from 2 to the number of units, {units}")
    weight = np.ones(n) if counts is None else np.asarray(counts, dtype=np.float64)
    if weight.shape != (n,):
        raise TrialError(f"counts of shape {weight.shape}", allowed=f"({n},), one a row")
    context = np.zeros((n, 0)) if decisions.context is None else np.asarray(decisions.context, dtype=np.float64)
    features = (
        np.eye(len(decisions.actions))
        if decisions.action_features is None
        else np.asarray(decisions.action_features, dtype=np.float64)
    )
    logistic = bool(np.isin(decisions.reward, (0.0, 1.0)).all())
    fold_of_unit = np.empty(units, dtype=np.intp)
    for fold, (_, held_out) in enumerate(KFold(folds, shuffle=True, random_state=seed).split(np.arange(units))):
        fold_of_unit[held_out] = fold
    fold_of = fold_of_unit[unit]
    row, effect = np.zeros(n), np.zeros((folds, decisions.positions, len(decisions.actions)))
    for fold in range(folds):
        for place in range(decisions.positions):
            at_place = decisions.position == place
            learn = np.flatnonzero(at_place & (fold_of != fold) & (weight > 0))
            design = np.hstack([context[learn], features[decisions.action[learn]]])
            slopes, constant = _fitted(design, decisions.reward[learn], weight[learn], logistic, seed)
            answer = at_place & (fold_of == fold)
            row[answer] = context[answer] @ slopes[: context.shape[1]]
            effect[fold, place] = features @ slopes[context.shape[1] :] + constant
    position, action = decisions.position.astype(np.intp), decisions.action.astype(np.intp)
    return RewardModel(row, effect, fold_of, position, action, logistic)


def _fitted(
    design: NDArray[np.float64],
    reward: NDArray[np.float64],
    weight: NDArray[np.float64],
    logistic: bool,
    seed: int,
) -> tuple[NDArray[np.float64], float]:
    """Return slopes and constant of the regression; no slopes where there is nothing to tell rewards apart."""
    if reward.size == 0:
        return np.zeros(design.shape[1]), -math.inf if logistic else 0.0
    if np.ptp(reward) == 0:
        mean = float(reward[0])
        return np.zeros(design.shape[1]), float(np.copysign(math.inf, mean - 0.5)) if logistic else mean
    from sklearn.linear_model import LogisticRegression, Ridge

    if logistic:
        model = LogisticRegression(max_iter=1000, random_state=seed).fit(design, reward, sample_weight=weight)
        return np.asarray(model.coef_[0]), float(model.intercept_[0])
    ridge = Ridge().fit(design, reward, sample_weight=weight)
    return np.asarray(ridge.coef_), float(ridge.intercept_)


def _blocks(n: int, actions: int) -> Iterator[slice]:
    step = max(1, CELLS_AT_ONCE // max(actions, 1))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))

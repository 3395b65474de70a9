"""What each unit would have brought under each action: augmented inverse-probability values of a test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.uplift.ranked import Floats


def action_values(outcome: Floats, action: NDArray[np.integer], propensity: Floats, predicted: Floats) -> Floats:
    """Return values (n, A) whose mean over any group is without bias the group's mean outcome under each action.

    m_a(x) + 1{action = a} / propensity (outcome - m_a(x)) (Robins, Rotnitzky and Zhao 1994; for policies Dudik,
    Langford and Li 2011).

    Args:
        outcome: (n,), of any unit.
        action: (n,), 0 to A - 1, what each unit got.
        propensity: (n,), the probability of that action for that unit, known from the test's design.
        predicted: (n, A), outcomes under each action, of a model that did not see the unit. A bad model costs width,
            never truth.

    Raises:
        TrialError: shapes that differ, probabilities outside (0, 1], an action beyond A, numbers that are not finite.
    """
    n = outcome.shape[0]
    if outcome.shape != (n,) or action.shape != (n,) or propensity.shape != (n,) or predicted.shape[:1] != (n,):
        shapes = [array.shape for array in (outcome, action, propensity, predicted)]
        raise TrialError(f"arrays of shapes {shapes}", allowed="one row a unit")
    if not bool(((propensity > 0) & (propensity <= 1)).all()):
        raise TrialError("probabilities of actions outside (0, 1]", allowed="the probability of what each unit got")
    if not (np.isfinite(outcome).all() and np.isfinite(predicted).all()):
        raise TrialError("outcomes or predictions that are not finite")
    if n and not 0 <= int(action.min()) <= int(action.max()) < predicted.shape[1]:
        raise TrialError(f"actions from {action.min()} to {action.max()}", allowed=f"0 to {predicted.shape[1] - 1}")
    values = predicted.astype(np.float64)
    rows = np.arange(n)
    values[rows, action] += (outcome - values[rows, action]) / propensity
    return values


def forward_predictions(
    features: Floats, outcome: Floats, action: NDArray[np.integer], fold: NDArray[np.integer], *, penalty: float = 1.0
) -> Floats:
    """Return outcomes under each action (n, A), each fold's by ridge regressions on the folds before it.

    One regression an action, on standardised features (n, d). The first fold has none before it: its two halves predict
    each other. So what stands for a fold hangs on no later fold, and what is learned from the first k folds' action
    values has seen nothing of the others.
    """
    actions = int(action.max()) + 1
    found = np.zeros((outcome.size, actions))
    numbers = np.unique(fold)
    first = np.flatnonzero(fold == numbers[0])
    halves = (first[::2], first[1::2])
    steps = [(halves[1], halves[0]), (halves[0], halves[1])]
    steps += [(np.flatnonzero(fold < number), np.flatnonzero(fold == number)) for number in numbers[1:]]
    for learning, rows in steps:
        for number in range(actions):
            own = learning[action[learning] == number]
            found[rows, number] = _ridge(features[own], outcome[own], features[rows], penalty)
    return found


def _ridge(X: Floats, y: Floats, wanted: Floats, penalty: float) -> Floats:
    if y.size == 0:
        return np.zeros(len(wanted))
    centre, spread = X.mean(axis=0), X.std(axis=0)
    scale = np.where(spread > 1e-12 * (1 + np.abs(centre)), spread, np.inf)
    Z = (X - centre) / scale
    slopes = np.linalg.solve(Z.T @ Z + penalty * np.eye(Z.shape[1]), Z.T @ (y - y.mean()))
    # Far beyond what was seen a line leads anywhere: no further than 4 standard deviations.
    return np.asarray(y.mean() + np.clip((wanted - centre) / scale, -4, 4) @ slopes)

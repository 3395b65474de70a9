"""Fitted Q evaluation: the policy's value of every state and action, learned backwards from what followed.

Q_0 = 0; Q_i+1 is the ridge regression of r + discount sum_a pi_e(a | s') Q_i(s', a) on the state, one for each action;
at the end of a trajectory nothing follows. The value is the mean over first states of sum_a pi_e(a | s) Q(s, a).
Reference: Le, Voloshin, Yue, "Batch policy learning under constraints", ICML 2019; Ernst, Geurts, Wehenkel, JMLR 2005.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.records import PolicyValue, WeightedTrajectories
from shop_estimators.given import checked_trajectories


@dataclass(frozen=True)
class FittedQConfig:
    """How Q is fitted.

    `discount`: what a reward loses with each step. `penalty`: ridge's, on all but the constant. `iterations`: at most
    so many regressions; `tolerance`: stop where no answer moves further than this, as a share of the largest.
    """

    discount: float = 0.99
    penalty: float = 1e-6
    iterations: int = 2000
    tolerance: float = 1e-10

    def __post_init__(self) -> None:
        if not 0.0 < self.discount <= 1.0:
            raise ConfigError(f"fitted_q's discount is {self.discount:g}", allowed="above 0, at most 1")
        if self.penalty < 0 or self.tolerance < 0 or self.iterations < 1:
            raise ConfigError(
                f"fitted_q has penalty {self.penalty:g}, tolerance {self.tolerance:g}, iterations {self.iterations}",
                allowed="penalty and tolerance of 0 or more, 1 iteration or more",
            )


class FittedQ:
    """Serves long trajectories, where products of weights fail; needs no propensities, and is as right as Q is linear.

    Exact for states of one-hot kind (a table). Terms are first states' values: they leave out Q's own error, so an
    interval needs Q fitted anew in resamples. An action that the log never shows is foretold nothing: 0.
    """

    Config = FittedQConfig
    label: str = "fitted_q"
    takes: str = "trajectories"
    needs_reward_model: bool = False
    uses_weights: bool = False

    def __init__(self, config: FittedQConfig) -> None:
        self.config = config

    def estimate(self, logged: WeightedTrajectories) -> PolicyValue:
        """Return the mean value of first states; `details` says how many regressions it took, and the last change.

        Raises:
            TrialError: states, actions or the policy's distributions are missing, or Q grows without bounds.
        """
        found = checked_trajectories(logged, self.label, states=True)
        state, action, target = np.asarray(found.state), np.asarray(found.action), np.asarray(found.target)
        n, steps = found.reward.shape
        if not bool(found.there[:, 0].all()):
            raise TrialError(f"{self.label}: a trajectory has no decision at all")
        row, step = np.nonzero(found.there)
        goes_on = np.zeros((n, steps), dtype=bool)
        goes_on[:, :-1] = found.there[:, 1:]
        if found.cut_off is not None:
            goes_on[np.arange(n), found.there.sum(axis=1) - 1] = found.cut_off
        after = goes_on[row, step]
        here = _with_constant(state[row, step])
        there = _with_constant(state[row[after], step[after] + 1])
        there_target = target[row[after], step[after] + 1]
        solvers = [
            _solver(here[action[row, step] == a], action[row, step] == a, self.config.penalty)
            for a in range(target.shape[2])
        ]
        reward = found.reward[row, step]
        q = np.zeros((here.shape[1], target.shape[2]))
        change, iterations = np.inf, 0
        while iterations < self.config.iterations:
            iterations += 1
            goal = reward.copy()
            goal[after] += self.config.discount * ((there @ q) * there_target).sum(axis=1)
            again = np.column_stack([solver @ goal[own] for own, solver in solvers])
            change = float(np.abs(here @ (again - q)).max(initial=0.0))
            q = again
            if not np.isfinite(change):
                raise TrialError(f"{self.label}: Q grows without bounds", hint="Lower discount, or raise penalty.")
            if change <= self.config.tolerance * max(1.0, float(np.abs(here @ q).max(initial=0.0))):
                break
        terms = ((_with_constant(state[:, 0]) @ q) * target[:, 0]).sum(axis=1)
        return PolicyValue(float(terms.mean()), terms, {"iterations": float(iterations), "last_change": change})


def _with_constant(state: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([np.ones((len(state), 1)), state])


def _solver(
    design: NDArray[np.float64], own: NDArray[np.bool_], penalty: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return an action's rows and the matrix (S + 1, rows) that takes their goals to ridge's coefficients.

    By singular values of the centred states: a table's columns add up to the constant, and squares would lose digits.
    """
    rows, width = design.shape
    if rows == 0:
        return own, np.zeros((width, 0))
    centre = design[:, 1:].mean(axis=0)
    left, values, right = np.linalg.svd(design[:, 1:] - centre, full_matrices=False)
    kept = values > values.max(initial=0.0) * 1e-12
    shrunk = np.divide(values, values**2 + penalty, out=np.zeros_like(values), where=kept)
    slopes = (right.T * shrunk) @ left.T
    return own, np.vstack([1.0 / rows - centre @ slopes, slopes])

"""Exact values of finite Markov decision processes over a finite horizon, by dynamic programming.

Reference: Puterman, "Markov Decision Processes" (1994), section 4.5 (backward induction). What agents are held to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError


@dataclass(frozen=True)
class FiniteModel:
    """`moves` (S, A, S) are the chances to go on to each state, what is missing to 1 ends the episode.

    `rewards` (S, A) are expected rewards, `start` (S,) the chances to begin in each state.
    """

    moves: NDArray[np.float64]
    rewards: NDArray[np.float64]
    start: NDArray[np.float64]

    @staticmethod
    def of(environment: Any) -> FiniteModel:
        """Return the model of a toy-text environment of Gymnasium, from its table `P` of transitions.

        Raises DataError where an environment keeps none.
        """
        bare = environment.unwrapped
        table, start = getattr(bare, "P", None), getattr(bare, "initial_state_distrib", None)
        if table is None or start is None:
            raise DataError(f"{bare} has no table P of transitions", hint="Gymnasium's toy-text environments have one.")
        states, actions = len(table), len(table[0])
        moves, rewards = np.zeros((states, actions, states)), np.zeros((states, actions))
        for state, row in table.items():
            for action, outcomes in row.items():
                for chance, next_state, reward, ended in outcomes:
                    rewards[state, action] += chance * reward
                    if not ended:
                        moves[state, action, next_state] += chance
        return FiniteModel(moves, rewards, np.asarray(start, dtype=np.float64))

    def optimal(self, horizon: int, gamma: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return the best values (S,) with `horizon` steps to go, and what to do (horizon, S), the first step first."""
        values = np.zeros(len(self.rewards))
        plan = np.zeros((horizon, len(values)), dtype=np.intp)
        for step in reversed(range(horizon)):
            worth = self.rewards + gamma * (self.moves @ values)
            plan[step] = worth.argmax(axis=1)
            values = worth.max(axis=1)
        return values, plan

    def values_of(self, policy: NDArray[np.float64], horizon: int, gamma: float = 1.0) -> NDArray[np.float64]:
        """Return the values (S,) of a stationary policy (S, A) of action probabilities, with `horizon` steps to go."""
        values = np.zeros(len(self.rewards))
        moves = np.einsum("sa,sat->st", policy, self.moves)
        rewards = (policy * self.rewards).sum(axis=1)
        for _ in range(horizon):
            values = rewards + gamma * (moves @ values)
        return values

    def value_of_greedy(self, actions: NDArray[np.intp], horizon: int, gamma: float = 1.0) -> float:
        """Return what always doing `actions` (S,) earns from the start, in expectation."""
        policy = np.eye(self.rewards.shape[1])[actions]
        return float(self.start @ self.values_of(policy, horizon, gamma))

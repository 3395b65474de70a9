"""Q-learning: values of the best that can be done next, whatever is done.

    Q(S, A) <- Q(S, A) + alpha (R + gamma max_a Q(S', a) - Q(S, A))

Reference: Watkins, "Learning from delayed rewards" (1989); Sutton and Barto, "Reinforcement Learning" (2018),
section 6.5.
"""

# ruff: noqa: ARG001 (agents are called alike, whatever they look at)
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shop_policies.reinforcement.tabular_policy import TabularPolicy
from shop_policies.reinforcement.tabular_training import Table


def q_learning_update(
    table: Table,
    state: int,
    action: int,
    reward: float,
    next_state: int,
    next_action: int,
    ended: bool,
    alpha: float,
    gamma: float,
    epsilon: float,
) -> None:
    """Learn from one step, by the equation above."""
    best = 0.0 if ended else max(table[next_state])
    table[state][action] += alpha * (reward + gamma * best - table[state][action])


def q_learning_next_values(
    tried: NDArray[np.float64], steps: int, epsilon: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the highest value, once for each of `steps` steps."""
    return np.full(steps, tried.max())


class QLearning(TabularPolicy):
    """Q-learning: values of the best that can be done next, whatever is done.

    Orders candidates by the values of their items in the user's state (segment, and what came of the last page), and
    explores as epsilon_greedy does.
    """

    next_values = staticmethod(q_learning_next_values)

"""Expected SARSA: values of what is done next on average, exploration included.

    Q(S, A) <- Q(S, A) + alpha (R + gamma sum_a pi(a | S') Q(S', a) - Q(S, A))

Reference: van Seijen, van Hasselt, Whiteson, Wiering, "A theoretical and empirical analysis of expected Sarsa" (ADPRL
2009); Sutton and Barto, "Reinforcement Learning" (2018), section 6.6.
"""

# ruff: noqa: ARG001 (agents are called alike, whatever they look at)
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shop_policies.reinforcement.tabular_policy import TabularPolicy
from shop_policies.reinforcement.tabular_training import Table


def expected_sarsa_update(
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
    following = 0.0
    if not ended:
        values = table[next_state]
        following = (1.0 - epsilon) * max(values) + epsilon * sum(values) / len(values)
    table[state][action] += alpha * (reward + gamma * following - table[state][action])


def expected_sarsa_next_values(
    tried: NDArray[np.float64], steps: int, epsilon: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean value under epsilon-greedy choice, once for each of `steps` steps."""
    return np.full(steps, (1.0 - epsilon) * tried.max() + epsilon * tried.mean())


class ExpectedSarsa(TabularPolicy):
    """Expected SARSA: values of what is done next on average, exploration included.

    Orders candidates by the values of their items in the user's state (segment, and what came of the last page), and
    explores as epsilon_greedy does.
    """

    next_values = staticmethod(expected_sarsa_next_values)

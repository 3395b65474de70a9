"""SARSA: values of what is really done next, exploration included.

    Q(S, A) <- Q(S, A) + alpha (R + gamma Q(S', A') - Q(S, A))

Reference: Rummery and Niranjan, "On-line Q-learning using connectionist systems" (1994); Sutton and Barto,
"Reinforcement Learning" (2018), section 6.4.
"""

# ruff: noqa: ARG001 (agents are called alike, whatever they look at)
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shop_policies.reinforcement.tabular_policy import TabularPolicy
from shop_policies.reinforcement.tabular_training import Table


def sarsa_update(
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
    following = 0.0 if ended else table[next_state][next_action]
    table[state][action] += alpha * (reward + gamma * following - table[state][action])


def sarsa_next_values(
    tried: NDArray[np.float64], steps: int, epsilon: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the values of actions drawn epsilon-greedily, once for each of `steps` steps."""
    # The next page of a user is made later: its action is drawn as the policy would draw it now.
    explores = rng.random(steps) < epsilon
    drawn = np.where(explores, rng.integers(len(tried), size=steps), tried.argmax())
    return np.asarray(tried[drawn])


class Sarsa(TabularPolicy):
    """SARSA: values of what is really done next, exploration included.

    Orders candidates by the values of their items in the user's state (segment, and what came of the last page), and
    explores as epsilon_greedy does.
    """

    next_values = staticmethod(sarsa_next_values)

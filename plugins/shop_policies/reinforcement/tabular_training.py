"""The training loop that tabular agents share: epsilon-greedy episodes on any Gymnasium environment with finite spaces.

Reference: Sutton and Barto, "Reinforcement Learning" (2018), chapter 6. An agent is its update; `q_learning.py`,
`sarsa.py` and `expected_sarsa.py` have one each.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError

Table = list[list[float]]
"""Action values, one row a state. Lists, as single entries of an array take Python three times as long."""


class Update(Protocol):
    """What tells one tabular agent from another: `table` is changed for one step from `state`.

    `next_action` is what is done next, `ended` says that nothing is; `epsilon` is that of the behaviour.
    """

    def __call__(
        self,
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
        """Learn from one step."""
        ...


@dataclass(frozen=True)
class TabularTraining:
    """How a table is learned.

    `alpha`: step size; `gamma`: discount; `epsilon`: share of random actions. After each episode alpha and epsilon are
    multiplied by their decay, down to their floor. `initial`: the value of what was never tried. `longest`: steps
    after which an episode is cut off (None: when the environment does), which is no end: the value of the state it
    stops in still counts.
    """

    episodes: int = 500
    alpha: float = 0.5
    gamma: float = 1.0
    epsilon: float = 0.1
    alpha_decay: float = 1.0
    epsilon_decay: float = 1.0
    alpha_floor: float = 0.0
    epsilon_floor: float = 0.0
    initial: float = 0.0
    longest: int | None = None

    def __post_init__(self) -> None:
        for name in ("alpha", "gamma", "epsilon", "alpha_decay", "epsilon_decay", "alpha_floor", "epsilon_floor"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"{name} is {getattr(self, name)}", allowed="a number from 0 to 1")
        for name in ("episodes", "longest"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}", allowed="an integer from 1")


@dataclass(frozen=True)
class Trained:
    """Action values (S, A), and the undiscounted return of each training episode (episodes,)."""

    values: NDArray[np.float64]
    returns: NDArray[np.float64]

    @property
    def greedy(self) -> NDArray[np.intp]:
        """The best action of each state (S,), the first among equals."""
        best: NDArray[np.intp] = self.values.argmax(axis=1)
        return best


def train(
    environment: Any, update: Update, training: TabularTraining, rng: np.random.Generator, *, looks_ahead: bool = False
) -> Trained:
    """Return what an agent learns of an environment with discrete observations and actions.

    `looks_ahead`: whether the next action is chosen before the update, as SARSA needs, or after it. Same `rng` state,
    same result. Raises ConfigError for spaces that are not discrete, or do not start at 0.
    """
    states, actions = _size(environment.observation_space, "observations"), _size(environment.action_space, "actions")
    table: Table = [[training.initial] * actions for _ in range(states)]
    draw = random.Random(int(rng.integers(2**63)))  # noqa: S311 - seeded by rng, and quicker for single numbers
    alpha, epsilon = training.alpha, training.epsilon
    returns = np.zeros(training.episodes)
    seed: int | None = int(rng.integers(2**31))
    longest = training.longest or np.inf
    for episode in range(training.episodes):
        state, _ = environment.reset(seed=seed)
        seed, total, steps = None, 0.0, 0
        action = epsilon_greedy(table[state], epsilon, draw)
        over = False
        while not over:
            next_state, reward, ended, truncated, _ = environment.step(action)
            steps += 1
            next_action = epsilon_greedy(table[next_state], epsilon, draw) if looks_ahead else -1
            update(table, state, action, float(reward), next_state, next_action, ended, alpha, training.gamma, epsilon)
            total += float(reward)
            over = ended or truncated or steps >= longest
            state = next_state
            action = next_action if looks_ahead else epsilon_greedy(table[state], epsilon, draw)
        returns[episode] = total
        alpha = max(alpha * training.alpha_decay, training.alpha_floor)
        epsilon = max(epsilon * training.epsilon_decay, training.epsilon_floor)
    return Trained(np.array(table), returns)


def epsilon_greedy(values: list[float], epsilon: float, draw: random.Random) -> int:
    """Return a random action with probability `epsilon`, else one of the best, all equally likely."""
    if epsilon and draw.random() < epsilon:
        return int(draw.random() * len(values))
    best = max(values)
    if values.count(best) == 1:
        return values.index(best)
    return draw.choice([action for action, value in enumerate(values) if value == best])


def greedy_return(environment: Any, values: NDArray[np.float64], longest: int = 200, seed: int = 0) -> float:
    """Return what the greedy policy earns in one episode of at most `longest` steps, undiscounted."""
    state, _ = environment.reset(seed=seed)
    total = 0.0
    for _ in range(longest):
        state, reward, ended, truncated, _ = environment.step(int(values[state].argmax()))
        total += float(reward)
        if ended or truncated:
            break
    return total


def _size(space: Any, what: str) -> int:
    size, start = getattr(space, "n", None), getattr(space, "start", 0)
    if size is None or np.ndim(size) or start != 0:
        raise ConfigError(
            f"the environment's {what} are {space}",
            allowed="gymnasium.spaces.Discrete from 0",
            hint="A tabular agent has one row a state; for vectors use dqn.",
        )
    return int(size)

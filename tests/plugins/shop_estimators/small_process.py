"""A Markov decision process of three states and two actions, logged by chance; its values are a linear system's."""

import numpy as np

from framework.records import WeightedTrajectories

STATES, ACTIONS, DISCOUNT = 3, 2, 0.8
MOVES = np.array(  # (state, action) to next state; what is missing to 1 ends the trajectory
    [[[0.3, 0.4, 0.2], [0.1, 0.1, 0.6]], [[0.5, 0.1, 0.1], [0.0, 0.6, 0.3]], [[0.2, 0.2, 0.2], [0.0, 0.3, 0.1]]]
)
EARNS = np.array([[0.2, 0.9], [0.5, 0.1], [0.0, 0.7]])
TARGET = np.array([[0.2, 0.8], [0.7, 0.3], [0.1, 0.9]])
LOGGING = np.full((STATES, ACTIONS), 0.5)
FIRST = np.array([0.5, 0.3, 0.2])


def exact_value(moves, earns, first, steps=None):
    """Return the target's value of a trajectory: by a linear system, or backwards over so many steps."""
    chain, reward = np.einsum("sa,sat->st", TARGET, moves), (TARGET * earns).sum(axis=1)
    if steps is None:
        return float(first @ np.linalg.solve(np.eye(STATES) - DISCOUNT * chain, reward))
    value = np.zeros(STATES)
    for _ in range(steps):
        value = reward + DISCOUNT * chain @ value
    return float(first @ value)


def log(n, steps, seed=0, policy=LOGGING):
    rng = np.random.default_rng(seed)
    state = np.zeros((n, steps + 1), dtype=int)
    action = np.zeros((n, steps), dtype=np.int32)
    reward, there = np.zeros((n, steps)), np.zeros((n, steps), dtype=bool)
    now, alive = rng.choice(STATES, n, p=FIRST), np.ones(n, dtype=bool)
    for t in range(steps):
        state[:, t], there[:, t] = now, alive
        action[:, t] = (rng.random(n) >= policy[now, 0]).astype(np.int32)
        reward[:, t] = np.where(alive, rng.random(n) < EARNS[now, action[:, t]], 0.0)
        ahead = MOVES[now, action[:, t]].cumsum(axis=1)
        draw = rng.random(n)[:, None]
        alive &= draw[:, 0] < ahead[:, -1]
        now = np.minimum((draw >= ahead).sum(axis=1), STATES - 1)
    state[:, -1] = now
    taken = state[:, :-1], action
    weight = np.where(there, TARGET[taken] / policy[taken], 1.0)
    return WeightedTrajectories(
        reward, weight, there, np.eye(STATES)[state], action, TARGET[state], cut_off=alive if alive.any() else None
    )

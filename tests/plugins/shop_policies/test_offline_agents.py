"""Learning from a fixed log of a mediocre policy, where the optimum is known: small random problems, valued exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from framework.config import TrainerConfig
from framework.testing.tiny import tiny_context
from shop_policies.reinforcement.bcq_module import BcqModule
from shop_policies.reinforcement.behaviour_cloning_module import BehaviourCloningModule
from shop_policies.reinforcement.discrete_cql_module import DiscreteCqlModule
from shop_policies.reinforcement.dqn_module import DqnModule, QLearner
from shop_policies.reinforcement.engine_training import LogTraining, preferred, train_on_log
from shop_policies.reinforcement.finite_models import FiniteModel
from shop_policies.reinforcement.transitions import Transitions

STATES, ACTIONS, GAMMA, LONG = 8, 4, 0.8, 100
LEARNER = QLearner(STATES, ACTIONS, (32,), gamma=GAMMA, learning_rate=5e-3, target_every=40, dueling=False)
TRAINING = LogTraining(epochs=2, batches=300, batch_size=128)
QUIET = TrainerConfig(accelerator="cpu", patience=None)
KINDS: dict[str, Callable[[], DqnModule]] = {
    "cloning": lambda: BehaviourCloningModule(LEARNER),
    "cql": lambda: DiscreteCqlModule(LEARNER, conservatism=0.05),
    "bcq": lambda: BcqModule(LEARNER, threshold=0.2),
}


def problem(rng: np.random.Generator) -> FiniteModel:
    """Return a problem in which each action leads to three places, and rewards lie from 0 to 1."""
    moves = np.zeros((STATES, ACTIONS, STATES))
    for state in range(STATES):
        for action in range(ACTIONS):
            moves[state, action, rng.choice(STATES, 3, replace=False)] = rng.dirichlet(np.ones(3))
    return FiniteModel(moves, rng.random((STATES, ACTIONS)), np.full(STATES, 1 / STATES))


def mediocre(model: FiniteModel) -> NDArray[np.float64]:
    """Return a policy (S, A) that takes the second worst action half of the time, the others alike."""
    values, _ = model.optimal(LONG, GAMMA)
    order = np.argsort(model.rewards + GAMMA * (model.moves @ values), axis=1)
    likely = np.full((STATES, ACTIONS), 0.5 / (ACTIONS - 1))
    likely[np.arange(STATES), order[:, 1]] = 0.5
    return likely


def log_of(model: FiniteModel, likely: NDArray[np.float64], steps: int, rng: np.random.Generator) -> Transitions:
    state = np.zeros(steps + 1, dtype=np.intp)
    action = np.zeros(steps, dtype=np.int64)
    for step in range(steps):
        action[step] = rng.choice(ACTIONS, p=likely[state[step]])
        state[step + 1] = rng.choice(STATES, p=model.moves[state[step], action[step]])
    one = np.eye(STATES, dtype=np.float32)
    reward = model.rewards[state[:-1], action].astype(np.float32)
    return Transitions(one[state[:-1]], action, reward, one[state[1:]], np.zeros(steps, dtype=np.bool_))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_values_beat_the_logger_and_its_clone(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    model = problem(rng)
    likely = mediocre(model)
    log = log_of(model, likely, 4000, rng)
    best = float(model.start @ model.optimal(LONG, GAMMA)[0])
    logger = float(model.start @ model.values_of(likely, LONG, GAMMA))
    found = {}
    for name, build in KINDS.items():
        module, _ = train_on_log(build, log, tiny_context(tmp_path, seed), TRAINING, QUIET)
        greedy = preferred(module, np.eye(STATES, dtype=np.float32))
        found[name] = model.value_of_greedy(greedy, LONG, GAMMA)
        if name == "cloning":
            np.testing.assert_array_equal(greedy, likely.argmax(axis=1))
    share = {name: (value - logger) / (best - logger) for name, value in found.items()}
    # Of what the optimum is better than the logger, nearly all is found, and none of it by cloning.
    assert share["cloning"] < 0.2, share
    assert min(share["cql"], share["bcq"]) > 0.9, share

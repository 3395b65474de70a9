"""Deep Q-learning balances the pole: all of three seeds, a hundred evaluation episodes each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import pytest

from framework.testing.tiny import tiny_context
from shop_policies.reinforcement.dqn_module import QLearner
from shop_policies.reinforcement.engine_training import evaluate, train_on_environment


def cart_pole() -> Any:
    return gymnasium.make("CartPole-v1", disable_env_checker=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_the_pole_is_balanced(seed: int, tmp_path: Path) -> None:
    learner = QLearner(features=4, actions=2, hidden=(128, 128), learning_rate=2.3e-3, target_every=128)
    module, record = train_on_environment(cart_pole, learner, tiny_context(tmp_path, seed))
    assert record.epochs == 20
    # Seeds that neither training nor the choice of the best epoch has seen.
    assert evaluate(cart_pole, module, 100, seed=10_000_000).mean() >= 475

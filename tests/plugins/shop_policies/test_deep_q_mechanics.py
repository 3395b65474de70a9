"""Deep Q-learning by hand: targets, the dueling identity, penalties, replay, what an epoch steps."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces

from framework.config import TrainerConfig
from framework.errors import ConfigError, DataError
from framework.testing.tiny import tiny_context
from shop_policies.reinforcement.bcq_module import BcqModule
from shop_policies.reinforcement.behaviour_cloning_module import BehaviourCloningModule
from shop_policies.reinforcement.discrete_cql_module import DiscreteCqlModule
from shop_policies.reinforcement.dqn_module import DqnModule, QLearner, tensors
from shop_policies.reinforcement.engine_training import (
    EnvironmentSteps,
    LogTraining,
    ReplayTraining,
    evaluate,
    train_on_environment,
    train_on_log,
)
from shop_policies.reinforcement.q_network_module import QNetwork
from shop_policies.reinforcement.transitions import Replay, Transitions

LEARNER = QLearner(features=3, actions=4, hidden=(8,), gamma=0.9, target_every=3)


def steps(n: int = 6, seed: int = 0) -> Transitions:
    rng = np.random.default_rng(seed)
    return Transitions(
        rng.normal(size=(n, 3)).astype(np.float32),
        rng.integers(4, size=n),
        rng.normal(size=n).astype(np.float32),
        rng.normal(size=(n, 3)).astype(np.float32),
        rng.random(n) < 0.4,
    )


def apart(module: DqnModule) -> DqnModule:
    """Give the target network other weights than the learned one."""
    torch.manual_seed(9)
    for weight in module.target.parameters():
        weight.data.normal_()
    return module


@pytest.mark.parametrize("double", [False, True])
def test_targets_step_by_step(double: bool) -> None:
    torch.manual_seed(0)
    module = apart(DqnModule(QLearner(3, 4, (8,), gamma=0.9, double=double)))
    log = steps(30)
    found = module.targets(*tensors(log)[2:]).numpy()
    differ = 0
    for row in range(len(log)):
        state = torch.from_numpy(log.next_state[row : row + 1])
        valued = module.target(state)[0].detach().numpy()
        chosen = module.network(state)[0].detach().numpy()
        following = valued[chosen.argmax()] if double else valued.max()
        differ += chosen.argmax() != valued.argmax()
        expected = log.reward[row] + (0.0 if log.ended[row] else 0.9 * following)
        assert found[row] == pytest.approx(expected, rel=1e-5)
    assert differ > 5
    module.known[:] = torch.tensor([False, True, False, False])
    only = module.target(torch.from_numpy(log.next_state))[:, 1].detach().numpy()
    expected = log.reward + 0.9 * np.where(log.ended, 0.0, only)
    np.testing.assert_allclose(module.targets(*tensors(log)[2:]).numpy(), expected, rtol=1e-5)


def test_loss_is_huber_s() -> None:
    module = DqnModule(LEARNER)
    values = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5.0]])
    loss = module.bellman_loss(values, torch.tensor([0, 3]), torch.tensor([1.5, 1.0]))
    assert float(loss) == pytest.approx((0.5 * 0.5**2 + (4.0 - 0.5)) / 2)


def test_dueling_values_are_state_plus_centred_advantage() -> None:
    torch.manual_seed(0)
    network = QNetwork(3, 4, (8,), dueling=True)
    states = torch.randn(5, 3)
    trunk = network.trunk(states)
    assert network.value is not None
    value, advantage = network.value(trunk), network.advantage(trunk)
    torch.testing.assert_close(network(states).mean(dim=1, keepdim=True), value)
    centred = advantage - advantage.mean(dim=1, keepdim=True)
    torch.testing.assert_close(network(states) - value, centred)
    assert QNetwork(3, 4, (8,)).value is None


def test_the_target_network_is_renewed_every_so_often() -> None:
    module = apart(DqnModule(LEARNER))
    for step in range(1, 7):
        same = torch.equal(module.target.advantage.weight, module.network.advantage.weight)
        module.stepped()
        now = torch.equal(module.target.advantage.weight, module.network.advantage.weight)
        assert now == (step % 3 == 0)
        assert not same
        if now:
            apart(module)
    assert all(weight.requires_grad for weight in module.network.parameters())
    assert not any(weight.requires_grad for weight in module.target.parameters())


def test_conservatism_by_hand() -> None:
    torch.manual_seed(0)
    module = DiscreteCqlModule(LEARNER, conservatism=2.0)
    plain = DqnModule(LEARNER)
    plain.load_state_dict(module.state_dict())
    log = steps()
    values = module.network(torch.from_numpy(log.state)).detach().numpy()
    gap = np.log(np.exp(values).sum(axis=1)) - values[np.arange(6), log.action]
    np.testing.assert_allclose(module.gap(torch.from_numpy(values), torch.from_numpy(log.action)), gap, rtol=1e-5)
    expected = plain.loss(*tensors(log)).item() + 2.0 * gap.mean()
    assert module.loss(*tensors(log)).item() == pytest.approx(expected, rel=1e-5)
    # Its gradient moves a value by the softmax less the share that the log took it: Kumar et al., after equation 4.
    tensor = torch.from_numpy(values).requires_grad_()
    module.gap(tensor, torch.from_numpy(log.action)).sum().backward()
    softmax = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tensor.grad.numpy(), softmax - np.eye(4)[log.action], atol=1e-6)


def test_bcq_chooses_among_what_is_likely() -> None:
    torch.manual_seed(0)
    states = torch.randn(50, 3)
    module = apart(BcqModule(LEARNER, threshold=0.9))
    chance = torch.softmax(module.behaviour(states), dim=1).detach().numpy()
    values = module.network(states).detach().numpy()
    allowed = chance / chance.max(axis=1, keepdims=True) >= 0.9
    assert 50 < allowed.sum() < 150
    np.testing.assert_array_equal(torch.isinf(module.permitted(states, torch.from_numpy(values))).numpy(), ~allowed)
    preferred = module(states).detach().numpy()
    np.testing.assert_array_equal(preferred.argmax(axis=1), np.where(allowed, values, -np.inf).argmax(axis=1))
    # Behind those that are allowed come the others by their chance.
    for row in range(50):
        order = np.argsort(-preferred[row])
        rest = [action for action in order if not allowed[row, action]]
        assert rest == sorted(rest, key=lambda action: -chance[row, action])
        assert all(allowed[row, action] for action in order[: allowed[row].sum()])
    module.threshold = 0.0
    np.testing.assert_allclose(module(states).detach().numpy(), values)
    module.threshold = 1.0
    np.testing.assert_array_equal(module(states).argmax(dim=1).numpy(), chance.argmax(axis=1))


def test_replay_keeps_the_latest_and_draws_them_alike() -> None:
    replay = Replay(5, 3)
    with pytest.raises(DataError, match="none to learn from"):
        replay.sample(1, np.random.default_rng(0))
    log = steps(13)
    replay.add(log.take(np.arange(3)))
    assert len(replay) == 3
    for row in range(3, 6):
        step = log.take(np.array([row]))
        replay.add_step(
            step.state[0], int(step.action[0]), float(step.reward[0]), step.next_state[0], bool(step.ended[0])
        )
    replay.add(log.take(np.arange(6, 13)))
    assert len(replay) == 5
    drawn = replay.sample(10_000, np.random.default_rng(1))
    place = np.array([np.flatnonzero(log.reward == reward)[0] for reward in drawn.reward])
    share = np.bincount(place, minlength=13) / 10_000
    assert not share[:8].any()
    np.testing.assert_allclose(share[8:], 0.2, atol=5 * np.sqrt(0.2 * 0.8 / 10_000))
    for name in Transitions.names():
        np.testing.assert_array_equal(getattr(drawn, name), getattr(log, name)[place])
    other = Replay(5, 3)
    other.restore(copy.deepcopy(replay.state()))
    same = other.sample(50, np.random.default_rng(1))
    np.testing.assert_array_equal(same.reward, replay.sample(50, np.random.default_rng(1)).reward)


def test_transitions_are_written_and_read(tmp_path: Path) -> None:
    log = steps()
    log.save(tmp_path / "log.npz")
    again = Transitions.load(tmp_path / "log.npz")
    for name in Transitions.names():
        np.testing.assert_array_equal(getattr(again, name), getattr(log, name))
    (tmp_path / "other.npz").write_text("nothing")
    with pytest.raises(DataError, match="cannot be read"):
        Transitions.load(tmp_path / "other.npz")
    with pytest.raises(DataError, match="do not fit"):
        Transitions(log.state, log.action[:2], log.reward, log.next_state, log.ended)


class Corridor(gymnasium.Env[Any, int]):
    """Five places in a row; going right from the last earns 1 and ends, each step costs 0.01; cut off after 20."""

    observation_space = spaces.Box(0, 1, (5,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.place, self.made = 0, 0
        return np.eye(5, dtype=np.float32)[0], {}

    def step(self, action: int) -> Any:
        self.place, self.made = max(self.place + (1 if action else -1), 0), self.made + 1
        ended = self.place == 5
        seen = np.eye(5, dtype=np.float32)[min(self.place, 4)]
        return seen, -0.01 + float(ended), ended, self.made >= 20, {}


SHORT = ReplayTraining(
    steps=1200, epochs=3, warm_up=100, act_steps=40, gradient_steps=20, batch_size=32, capacity=1000, looks=2
)


def test_an_epoch_acts_and_learns_as_often_as_said() -> None:
    module = DqnModule(QLearner(5, 2, (8,)))
    loader = EnvironmentSteps(Corridor, module, SHORT, seed=0)
    assert len(loader) == 200
    batches = list(loader)
    assert len(batches) == 200
    assert loader.replay.kept == 100 + 400
    assert [len(part) for part in batches[0]] == [32] * 5
    assert loader.exploration(0) == 1.0
    assert loader.exploration(1200) == loader.exploration(300) == pytest.approx(0.04)
    assert loader.exploration(96) == pytest.approx(1 - 0.96 / 2)
    # What an epoch draws hangs on its number alone, given what is kept.
    again = list(EnvironmentSteps(Corridor, module, SHORT, seed=0))
    for first, second in zip(batches, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    with pytest.raises(ConfigError, match="fewer an epoch"):
        ReplayTraining(steps=100, epochs=10)


QUIET = TrainerConfig(accelerator="cpu", patience=None)


def test_the_engine_trains_an_agent_to_the_end_of_the_corridor(tmp_path: Path) -> None:
    learner = QLearner(5, 2, (16,), gamma=0.9, learning_rate=5e-3, target_every=20)
    module, record = train_on_environment(Corridor, learner, tiny_context(tmp_path), SHORT, QUIET)
    assert record.epochs == 3
    np.testing.assert_allclose(evaluate(Corridor, module, 2, seed=0), 1.0 - 0.05)
    # What is known of the last step: 1 - 0.01, discounted once for each step before.
    values = module(torch.eye(5)).detach().numpy()
    expected = [0.9**n * 0.99 - 0.01 * sum(0.9**k for k in range(n)) for n in (4, 3, 2, 1, 0)]
    np.testing.assert_allclose(values[:, 1], expected, atol=0.1)


def test_a_log_is_cloned(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    state = np.eye(3, dtype=np.float32)[rng.integers(3, size=3000)]
    likely = np.array([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.5, 0.0]])
    action = np.array([rng.choice(4, p=likely[place]) for place in state.argmax(axis=1)])
    log = Transitions(state, action, np.zeros(3000, np.float32), state, np.ones(3000, np.bool_))
    learner = QLearner(3, 4, (16,), learning_rate=0.01)
    training = LogTraining(epochs=1, batches=300, batch_size=256)
    module, _ = train_on_log(lambda: BehaviourCloningModule(learner), log, tiny_context(tmp_path), training, QUIET)
    found = torch.softmax(module(torch.eye(3)), dim=1).detach().numpy()
    np.testing.assert_allclose(found, likely, atol=0.05)

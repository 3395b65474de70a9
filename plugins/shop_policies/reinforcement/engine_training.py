"""Agents with networks as the engine trains them: on an environment that they step themselves, or on a fixed log.

Lightning's Trainer is the engine's. An agent here hands over its module and a loader: of batches out of a replay that
grows while the epoch runs, or of batches out of the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from framework.config import TrainerConfig
from framework.errors import ConfigError
from framework.records import Context, Training
from framework.training.fit import fit
from framework.training.record import FitRecord
from shop_policies.reinforcement.dqn_module import DqnModule, QLearner, tensors
from shop_policies.reinforcement.transitions import Replay, Transitions

Make = Callable[[], Any]
"""Makes a Gymnasium environment with vectors to observe and discrete actions."""


@dataclass(frozen=True)
class ReplayTraining:
    """How an agent acts while it learns. Defaults are for CartPole, after the tuned settings of RL Baselines3 Zoo.

    `steps`: of the environment, in `epochs` equal parts, each begun with a fresh episode; `warm_up`: random steps
    before the first gradient; after every `act_steps` steps come `gradient_steps` of them on batches of `batch_size`.
    epsilon falls from 1 to `epsilon` over the first `exploring` of all steps. `replay`: False keeps the last
    `act_steps` steps only. `looks`: greedy episodes after each epoch, on seeds of their own; the epoch with the best
    mean return is kept.
    """

    steps: int = 50_000
    epochs: int = 20
    warm_up: int = 1_000
    act_steps: int = 256
    gradient_steps: int = 128
    batch_size: int = 64
    capacity: int = 100_000
    epsilon: float = 0.04
    exploring: float = 0.16
    replay: bool = True
    looks: int = 20

    def __post_init__(self) -> None:
        if self.steps // self.epochs < self.act_steps:
            raise ConfigError(
                f"steps is {self.steps} in {self.epochs} epochs, fewer an epoch than act_steps, {self.act_steps}",
                hint="Take fewer epochs or smaller act_steps.",
            )


class EnvironmentSteps(IterableDataset[tuple[Tensor, ...]]):
    """Steps an environment by the module's own values and gives batches out of what is kept."""

    def __init__(self, make: Make, module: DqnModule, training: ReplayTraining, seed: int) -> None:
        self.environment, self.module, self.training, self.seed = make(), module, training, seed
        kept = training.capacity if training.replay else training.act_steps
        module.replay = Replay(kept, module.learner.features)
        self.replay = module.replay
        self.epoch = self.round = 0

    @property
    def rounds(self) -> int:
        """How often an epoch acts and then learns."""
        return self.training.steps // self.training.epochs // self.training.act_steps

    def __len__(self) -> int:
        return self.rounds * self.training.gradient_steps

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next: what it draws hangs on its number and the seed alone."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        observation, _ = self.environment.reset(seed=int(rng.integers(2**31)))
        self.round = 0
        if self.epoch == 0:
            observation = self._act(observation, self.training.warm_up, rng, random=True)
        for number in range(self.rounds):
            self.round = number
            observation = self._act(observation, self.training.act_steps, rng)
            for _ in range(self.training.gradient_steps):
                yield tensors(self.replay.sample(self.training.batch_size, rng))

    def exploration(self, step: int) -> float:
        """Return epsilon at a step of the whole training."""
        part = min(step / max(self.training.exploring * self.training.steps, 1.0), 1.0)
        return 1.0 + part * (self.training.epsilon - 1.0)

    def _act(self, observation: Any, steps: int, rng: np.random.Generator, *, random: bool = False) -> Any:
        actions = self.module.learner.actions
        done = (self.epoch * self.rounds + self.round) * self.training.act_steps
        for step in range(steps):
            state = np.asarray(observation, dtype=np.float32)
            if random or rng.random() < self.exploration(done + step):
                action = int(rng.integers(actions))
            else:
                action = int(preferred(self.module, state[None])[0])
            observation, reward, ended, truncated, _ = self.environment.step(action)
            self.replay.add_step(state, action, float(reward), np.asarray(observation, dtype=np.float32), bool(ended))
            if ended or truncated:
                observation, _ = self.environment.reset(seed=int(rng.integers(2**31)))
        return observation


class LogBatches(IterableDataset[tuple[Tensor, ...]]):
    """Batches drawn from a fixed log, `batches` an epoch."""

    def __init__(self, log: Transitions, batches: int, batch_size: int, seed: int) -> None:
        self.log, self.batches, self.batch_size, self.seed = log, batches, batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        for _ in range(self.batches):
            yield tensors(self.log.take(rng.integers(len(self.log), size=self.batch_size)))


@dataclass(frozen=True)
class LogTraining:
    """How an agent learns from a log: `epochs` of `batches` batches of `batch_size` steps drawn from it."""

    epochs: int = 20
    batches: int = 500
    batch_size: int = 64


class EnvironmentAgent:
    """What the engine trains on an environment; `build` makes the module."""

    Config = ReplayTraining

    def __init__(self, make: Make, build: Callable[[], DqnModule], training: ReplayTraining) -> None:
        self.make, self.build, self.config = make, build, training

    def training(self, data: Any, context: Context) -> Training:  # noqa: ARG002 - the environment is what it learns of
        """Return the module, made afresh, and the loader that steps the environment."""
        self.module = self.build()
        steps = EnvironmentSteps(self.make, self.module, self.config, int(context.rng.integers(2**31)))
        loader: DataLoader[Any] = DataLoader(steps, batch_size=None)
        return Training(self.module, loader, self.config.epochs, steps.set_epoch, gradient_clip=10.0)

    def learned(self) -> None:
        """Nothing is kept outside the module."""


class LogAgent:
    """What the engine trains on a fixed log; `build` makes the module."""

    Config = LogTraining

    def __init__(self, build: Callable[[], DqnModule], training: LogTraining) -> None:
        self.build, self.config = build, training

    def training(self, data: Any, context: Context) -> Training:
        """Return the module, made afresh, and the loader of the log's batches."""
        self.module = self.build()
        config = self.config
        steps = LogBatches(data, config.batches, config.batch_size, int(context.rng.integers(2**31)))
        loader: DataLoader[Any] = DataLoader(steps, batch_size=None)
        return Training(self.module, loader, config.epochs, steps.set_epoch)

    def learned(self) -> None:
        """Nothing is kept outside the module."""


def train_on_environment(
    make: Make,
    learner: QLearner,
    context: Context,
    training: ReplayTraining | None = None,
    settings: TrainerConfig | None = None,
) -> tuple[DqnModule, FitRecord]:
    """Return a module that learned by acting, with its best epoch's weights, and how that went.

    Evaluation episodes are seeded apart from those that it learns from. Same state of `context.rng`, same weights on
    one machine's CPU.
    """
    training = training or ReplayTraining()
    agent = EnvironmentAgent(make, lambda: DqnModule(learner), training)
    seed = int(context.rng.integers(2**31))
    validation = (lambda: evaluate(make, agent.module, training.looks, seed).mean()) if training.looks else None
    record = fit(
        agent,
        cast("Any", repr(make())),
        context,
        settings or TrainerConfig(accelerator="cpu", patience=None),
        validation=cast("Any", validation),
        identity=repr(learner),
    )
    return agent.module, record


def train_on_log(
    build: Callable[[], DqnModule],
    log: Transitions,
    context: Context,
    training: LogTraining | None = None,
    settings: TrainerConfig | None = None,
) -> tuple[DqnModule, FitRecord]:
    """Return a module that learned from a log alone, as it is after the last epoch, and how that went."""
    agent = LogAgent(build, training or LogTraining())
    settings = settings or TrainerConfig(accelerator="cpu", patience=None)
    record = fit(agent, cast("Any", log), context, settings, identity=type(build()).__name__)
    return agent.module, record


@torch.no_grad()
def preferred(module: DqnModule, states: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the known action that the module prefers in each state (n,)."""
    values = module(torch.from_numpy(states)).masked_fill(~module.known, -torch.inf)
    best: NDArray[np.intp] = values.argmax(dim=1).numpy()
    return best


def evaluate(make: Make, module: DqnModule, episodes: int, seed: int, longest: int = 10_000) -> NDArray[np.float64]:
    """Return the greedy returns (episodes,) of episodes seeded seed, seed + 1, ..., played side by side."""
    environments = [make() for _ in range(episodes)]
    observations = [one.reset(seed=seed + place)[0] for place, one in enumerate(environments)]
    returns, running = np.zeros(episodes), list(range(episodes))
    for _ in range(longest):
        actions = preferred(module, np.array([observations[place] for place in running], dtype=np.float32))
        still = []
        for place, action in zip(running, actions.tolist(), strict=True):
            observations[place], reward, ended, truncated, _ = environments[place].step(action)
            returns[place] += float(reward)
            if not (ended or truncated):
                still.append(place)
        running = still
        if not running:
            break
    return returns

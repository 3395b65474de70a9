"""Pages by a network of action values: what is known of a user goes in, a value for each item comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.contexts import contexts_of
from shop_policies.bandits.epsilon_greedy import EpsilonGreedy, EpsilonGreedyConfig
from shop_policies.bandits.reward_sums import Reward
from shop_policies.reinforcement.one_thread import one_thread
from shop_policies.reinforcement.tabular_policy import by_value, check_policy
from shop_policies.reinforcement.transitions import Replay, Transitions
from shop_policies.reinforcement.visit_steps import STANDINGS, ItemSteps, Standings

if TYPE_CHECKING:
    from shop_policies.reinforcement.dqn_module import DqnModule, QLearner

_CELLS = 1 << 24


@dataclass(frozen=True)
class NeuralPolicyConfig:
    """What is learned, by which network, and how a page is made of it.

    `epsilon`: probability with which a position explores; `gamma`: what the next page counts beside this one.
    `reward`: "bought", "clicked" or "amount"; rewards are divided by the root mean square of the first that came.
    `items`: how many items the network has an output for, at least the catalogue's. `hidden`: sizes of its layers;
    `dueling` and `double` as in the papers. Each batch of feedback goes into a replay of the latest `capacity` steps,
    and `updates` gradient steps of Adam at `learning_rate`, on batches of `batch_size` out of it, follow; the target
    network is renewed every `target_every`. `trust`: a candidate of rank r is shown as if its value were
    trust / log2(1 + r) higher. `log`: a file of logged steps (`ItemSteps.save`), learned from beforehand with
    `log_updates` gradient steps. `seed`: of the weights and of what learning draws.
    """

    epsilon: float = 0.1
    gamma: float = 0.9
    reward: Reward = "bought"
    items: int = 1000
    hidden: Sequence[int] = (64, 64)
    dueling: bool = True
    double: bool = True
    learning_rate: float = 1e-3
    batch_size: int = 256
    updates: int = 200
    target_every: int = 50
    capacity: int = 100_000
    trust: float = 0.0
    log: str | None = None
    log_updates: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        check_policy(self.epsilon, self.gamma, self.trust)
        for name, least in (
            ("items", 1),
            ("batch_size", 1),
            ("updates", 0),
            ("log_updates", 0),
            ("target_every", 1),
            ("capacity", 1),
            ("seed", 0),
        ):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}", allowed=f"an integer from {least}")
        if not self.learning_rate > 0.0:
            raise ConfigError(f"learning_rate is {self.learning_rate}", allowed="a number above 0")
        if not list(self.hidden) or min(self.hidden) < 1:
            raise ConfigError(f"hidden is {list(self.hidden)}", allowed="one size or more, each from 1")


class NeuralPolicy:
    """Orders candidates by what the network prefers, as the recommender did where they tie, and explores.

    What it sees: a constant, the user's features (their segment where a trial gives none), and what came of the last
    page. Before it learned anything it follows the recommender. An item that no step has shown yet counts as `untried`.
    Given the feedback, propensities are exact; on one machine's CPU equal feedback gives equal weights.
    """

    Config: ClassVar[type[NeuralPolicyConfig]] = NeuralPolicyConfig
    untried: ClassVar[float] = 0.0

    def __init__(self, config: NeuralPolicyConfig) -> None:
        self.config = config
        self._standings, self._batches, self._scale = Standings(), 0, 0.0
        self._explorer = EpsilonGreedy(EpsilonGreedyConfig(config.epsilon))
        self._module: DqnModule | None = None
        self._replay: Replay | None = None
        if config.log is not None:
            self.warm_start(ItemSteps.load(Path(config.log).expanduser()))

    def make_module(self, learner: QLearner) -> DqnModule:
        """Return what learns, with fresh weights."""
        raise NotImplementedError

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates with their marginal propensities; -1 with propensity 1 where there are none."""
        values = self.values(queries, slates.items) if self._module is not None else np.zeros(slates.items.shape)
        return self._explorer.act(queries, by_value(slates, values, self.config.trust), rng)

    def values(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return what the network prefers (n, C) among candidates; 0 in empty places. It must have learned."""
        import torch

        module = self._ready(_states(contexts_of(queries), self._standings.of(queries)))
        self._check_items(items)
        states = _states(contexts_of(queries), self._standings.of(queries))
        distinct, row = np.unique(states, axis=0, return_inverse=True)
        row = row.reshape(-1)
        found = np.zeros(items.shape)
        step = max(1, _CELLS // self.config.items)
        with torch.no_grad(), one_thread():
            for start in range(0, len(distinct), step):
                rows = np.flatnonzero((row >= start) & (row < start + step))
                preferred = module(torch.from_numpy(distinct[start : start + step]))
                table = preferred.masked_fill(~module.known, self.untried).double().numpy()
                found[rows] = table[(row[rows] - start)[:, None], items[rows].clip(min=0)]
        return np.where(items >= 0, found, 0.0)

    def learn(self, feedback: Feedback) -> None:
        """Take gradient steps after every item that a visitor saw, and remember how the visitors stand now."""
        self._learn(ItemSteps.of(feedback, self._standings), self.config.updates)
        self._standings.note(feedback)

    def warm_start(self, steps: ItemSteps) -> None:
        """Learn from logged steps, with `log_updates` gradient steps."""
        self._learn(steps, self.config.log_updates)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned; Adam's own averages are not kept between batches of feedback."""
        found: dict[str, NDArray[Any]] = {
            "standings": self._standings.by_user.copy(),
            "batches": np.array(self._batches),
            "scale": np.array(self._scale),
        }
        if self._module is not None and self._replay is not None:
            found |= {f"module.{name}": value.numpy().copy() for name, value in self._module.state_dict().items()}
            found |= {f"replay.{name}": value.copy() for name, value in self._replay.state().items()}
        return found

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        import torch

        self._standings.by_user = np.array(state["standings"], dtype=np.int8)
        self._batches, self._scale = int(state["batches"]), float(state["scale"])
        if "replay.state" in state:
            module = self._ready(np.asarray(state["replay.state"])[:1])
            parts = {name: np.array(value) for name, value in state.items()}
            weights = {name[7:]: torch.as_tensor(part) for name, part in parts.items() if name.startswith("module.")}
            module.load_state_dict(weights)
            assert self._replay is not None  # noqa: S101 - made with the module
            self._replay.restore({name[7:]: part for name, part in parts.items() if name.startswith("replay.")})

    def _learn(self, steps: ItemSteps, updates: int) -> None:
        if not len(steps):
            return
        import torch

        from shop_policies.reinforcement.dqn_module import tensors

        self._check_items(steps.item)
        reward = steps.reward(self.config.reward)
        if not self._scale:
            self._scale = float(np.sqrt(np.mean(reward**2)))
        state = _states(steps.context, steps.standing.astype(np.intp))
        module = self._ready(state)
        transitions = Transitions(
            state,
            steps.item.astype(np.int64),
            (reward / (self._scale or 1.0)).astype(np.float32),
            _states(steps.context, steps.next_standing.astype(np.intp)),
            np.zeros(len(steps), dtype=np.bool_),
        )
        assert self._replay is not None  # noqa: S101 - made with the module
        self._replay.add(transitions)
        module.known[torch.from_numpy(np.unique(transitions.action))] = True
        rng = np.random.default_rng([self.config.seed, self._batches])
        self._batches += 1
        optimizer = module.configure_optimizers()
        module.train()
        with one_thread():
            for _ in range(updates):
                optimizer.zero_grad()
                loss = module.loss(*tensors(self._replay.sample(self.config.batch_size, rng)))
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                module.stepped()
        module.eval()

    def _ready(self, states: NDArray[np.float32]) -> DqnModule:
        """Return the module, made at the first states it meets; raises TrialError for states of another width."""
        width = states.shape[1]
        if self._module is None:
            import torch

            from shop_policies.reinforcement.dqn_module import QLearner

            config = self.config
            learner = QLearner(
                features=width,
                actions=config.items,
                hidden=tuple(config.hidden),
                gamma=config.gamma,
                learning_rate=config.learning_rate,
                target_every=config.target_every,
                double=config.double,
                dueling=config.dueling,
            )
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                self._module = self.make_module(learner).eval()
            self._module.known[:] = False
            self._replay = Replay(config.capacity, width)
        elif self._module.learner.features != width:
            raise TrialError(
                f"a user is described by {width} numbers and was by {self._module.learner.features} before",
                hint="A log must come of users with the same features, or of a trial with the same segments.",
            )
        return self._module

    def _check_items(self, items: NDArray[np.int32]) -> None:
        last = int(items.max(initial=-1))
        if last >= self.config.items:
            raise ConfigError(
                f"the network has outputs for {self.config.items} items, and item {last} is a candidate",
                hint=f"Set the policy's params.items to the catalogue's size, at least {last + 1}.",
            )


def _states(contexts: NDArray[Any], standing: NDArray[np.intp]) -> NDArray[np.float32]:
    return np.concatenate([contexts, np.eye(len(STANDINGS))[standing]], axis=1).astype(np.float32)

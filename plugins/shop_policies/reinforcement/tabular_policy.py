"""Pages by a table of action values: a row a segment and standing of the user, a column an item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.epsilon_greedy import EpsilonGreedy, EpsilonGreedyConfig
from shop_policies.bandits.reward_sums import Reward
from shop_policies.reinforcement.visit_steps import STANDINGS, ItemSteps, Standings


class NextValues(Protocol):
    """What a next state is worth to an agent: (steps,), out of the values of the actions tried there, one or more."""

    def __call__(
        self, tried: NDArray[np.float64], steps: int, epsilon: float, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return one value for each of `steps` steps that lead there."""
        ...


@dataclass(frozen=True)
class TabularPolicyConfig:
    """What is learned, and how a page is made of it.

    `epsilon`: probability with which a position explores; `alpha`: step size, null for 1 / n at the n-th show of an
    item in a state; `gamma`: what the next page counts beside this one. `reward`: "bought", "clicked" or "amount"
    (minor units). `by_segment`: segments have rows of their own. `trust`: a candidate of rank r is shown as if its
    value were trust / log2(1 + r) higher; 0 lets the recommender choose the candidates and break ties alone. `log`: a
    file of logged steps (`ItemSteps.save`) to learn from beforehand. `seed`: of what learning draws.
    """

    epsilon: float = 0.1
    alpha: float | None = None
    gamma: float = 0.9
    reward: Reward = "bought"
    by_segment: bool = True
    trust: float = 0.0
    log: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_policy(self.epsilon, self.gamma, self.trust)
        if self.alpha is not None and not 0.0 < self.alpha <= 1.0:
            raise ConfigError(f"alpha is {self.alpha}", allowed="a number above 0 and at most 1, or null")


class TabularPolicy:
    """Orders candidates by their values in the user's state, as the recommender did where they tie, and explores.

    The values of items never shown in a state are 0. Given the feedback, propensities are exact. A batch is learned at
    once: all targets are of the values before it.
    """

    Config = TabularPolicyConfig
    next_values: ClassVar[NextValues]

    def __init__(self, config: TabularPolicyConfig) -> None:
        self.config = config
        self.values, self.counts = np.zeros((0, 0)), np.zeros((0, 0), dtype=np.int64)
        self._standings, self._batches = Standings(), 0
        self._explorer = EpsilonGreedy(EpsilonGreedyConfig(config.epsilon))
        if config.log is not None:
            self.warm_start(ItemSteps.load(Path(config.log).expanduser()))

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates with their marginal propensities; -1 with propensity 1 where there are none."""
        states = self._states(queries.segment, self._standings.of(queries))
        items = slates.items
        found = np.zeros(items.shape)
        met = (items >= 0) & (items < self.values.shape[1]) & (states < len(self.values))[:, None]
        found[met] = self.values[np.broadcast_to(states[:, None], items.shape)[met], items[met]]
        return self._explorer.act(queries, by_value(slates, found, self.config.trust), rng)

    def learn(self, feedback: Feedback) -> None:
        """Learn from every item that a visitor saw, and remember how the visitors stand now."""
        self.warm_start(ItemSteps.of(feedback, self._standings))
        self._standings.note(feedback)

    def warm_start(self, steps: ItemSteps) -> None:
        """Learn from logged steps as from one batch of feedback."""
        if not len(steps):
            return
        states = self._states(steps.segment, steps.standing.astype(np.intp))
        following = self._states(steps.segment, steps.next_standing.astype(np.intp))
        self._grow(int(max(states.max(), following.max())) + 1, int(steps.item.max()) + 1)
        targets = steps.reward(self.config.reward) + self.config.gamma * self._worth(following)
        width = self.values.shape[1]
        cells, cell = np.unique(states * width + steps.item, return_inverse=True)
        shows = np.bincount(cell)
        mean = np.bincount(cell, weights=targets) / shows
        place = np.unravel_index(cells, self.values.shape)
        self.counts[place] += shows
        # So many steps of size alpha towards one target, which here is the batch's mean.
        alpha = self.config.alpha
        share = shows / self.counts[place] if alpha is None else 1.0 - (1.0 - alpha) ** shows
        self.values[place] += share * (mean - self.values[place])

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return {
            "values": self.values.copy(),
            "counts": self.counts.copy(),
            "standings": self._standings.by_user.copy(),
            "batches": np.array(self._batches),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self.values, self.counts = np.array(state["values"]), np.array(state["counts"])
        self._standings.by_user = np.array(state["standings"], dtype=np.int8)
        self._batches = int(state["batches"])

    def _worth(self, following: NDArray[np.intp]) -> NDArray[np.float64]:
        rng = np.random.default_rng([self.config.seed, self._batches])
        self._batches += 1
        worth = np.zeros(len(following))
        for state in np.unique(following):
            tried = self.values[state][self.counts[state] > 0]
            if len(tried):
                rows = np.flatnonzero(following == state)
                worth[rows] = type(self).next_values(tried, len(rows), self.config.epsilon, rng)
        return worth

    def _states(self, segment: NDArray[np.int32], standing: NDArray[np.intp]) -> NDArray[np.intp]:
        if not self.config.by_segment:
            return standing
        return (np.maximum(segment, -1).astype(np.intp) + 1) * len(STANDINGS) + standing

    def _grow(self, height: int, width: int) -> None:
        old_height, old_width = self.values.shape
        missing = ((0, max(height - old_height, 0)), (0, max(width - old_width, 0)))
        self.values, self.counts = np.pad(self.values, missing), np.pad(self.counts, missing)


def by_value(slates: Slates, values: NDArray[np.float64], trust: float) -> Slates:
    """Return the slates with candidates in the order of values (n, C) and trust; ties by rank, empty places last."""
    ranked = values + trust / np.log2(2.0 + np.arange(values.shape[1]))
    order = np.argsort(np.where(slates.items < 0, np.inf, -ranked), axis=1, kind="stable")
    return replace(slates, items=np.take_along_axis(slates.items, order, axis=1))


def check_policy(epsilon: float, gamma: float, trust: float) -> None:
    """Raise ConfigError for what no agent can explore, discount or trust with."""
    for name, value in (("epsilon", epsilon), ("gamma", gamma)):
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"{name} is {value}", allowed="a number from 0 to 1")
    if not (trust >= 0.0 and np.isfinite(trust)):
        raise ConfigError(f"trust is {trust}", allowed="a number from 0")

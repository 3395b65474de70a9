"""Epsilon-greedy round what was learned: the items that brought most so far, and at times any other.

Reference: Sutton and Barto, "Reinforcement Learning" (2018), sections 2.2 and 2.4: sample averages, constant epsilon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.epsilon_greedy import EpsilonGreedy, EpsilonGreedyConfig
from shop_policies.bandits.reward_sums import Reward, RewardSums, check_numbers


@dataclass(frozen=True)
class EpsilonGreedyMeansConfig:
    """How much is explored, and what a mean is made of.

    `epsilon`: probability with which a position explores, from 0 to 1. `reward`: "bought", "clicked" or "amount" (minor
    units). `by_segment`: one mean an item and segment, rather than one an item. Every item starts as if it had brought
    `prior_mean` in `prior_weight` earlier shows, so a new one is tried while others do worse than that.
    """

    epsilon: float = 0.1
    reward: Reward = "bought"
    by_segment: bool = False
    prior_mean: float = 0.05
    prior_weight: float = 20.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.epsilon <= 1.0:
            raise ConfigError(f"epsilon_greedy_means' epsilon is {self.epsilon}", allowed="a number from 0 to 1")
        check_numbers(
            "epsilon_greedy_means",
            positive={"prior_weight": self.prior_weight},
            others={"prior_mean": self.prior_mean},
        )


class EpsilonGreedyMeans:
    """Orders the candidates by their mean rewards, equal ones as the recommender did, and explores as epsilon_greedy.

    Given the feedback, propensities are exact.
    """

    Config = EpsilonGreedyMeansConfig

    def __init__(self, config: EpsilonGreedyMeansConfig) -> None:
        self.config = config
        self._sums = RewardSums(by_segment=config.by_segment)
        self._explorer = EpsilonGreedy(EpsilonGreedyConfig(config.epsilon))

    def learn(self, feedback: Feedback) -> None:
        """Count what every item that a visitor saw has brought."""
        self._sums.add(feedback, self.config.reward)

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates with their marginal propensities; -1 with propensity 1 where there are none."""
        count, total, _ = self._sums.read(slates.items, self._sums.rows(queries)[:, None])
        prior = self.config.prior_weight
        mean = (prior * self.config.prior_mean + total) / (prior + count)
        order = np.argsort(np.where(slates.items < 0, np.inf, -mean), axis=1, kind="stable")
        ordered = replace(slates, items=np.take_along_axis(slates.items, order, axis=1))
        return self._explorer.act(queries, ordered, rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._sums.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._sums.restore(state)

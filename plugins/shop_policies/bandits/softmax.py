"""Softmax (Boltzmann) exploration: the better an item looks, the more often it is shown, by a temperature.

References: Luce, "Individual Choice Behavior", 1959; Sutton and Barto, "Reinforcement Learning" (2018), section 2.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.plackett_luce import plackett_luce_pages
from shop_policies.bandits.reward_sums import Reward, RewardSums, check_draws, check_numbers


@dataclass(frozen=True)
class SoftmaxConfig:
    """What looks good, and how strictly the page goes by it.

    `over`: the recommender's "scores", or the "means" of the rewards seen so far. `temperature` is in the unit of what
    it divides: standard deviations of a slate's scores where `standardise` is set, else scores; for means the reward's
    unit. `reward`: "bought", "clicked" or "amount" (minor units); `by_segment`: one mean an item and segment; every
    item starts as if it had brought `prior_mean` in `prior_weight` earlier shows; scores leave all of these alone.
    `propensity_draws`: pages drawn for the propensities of the second position and those after it.
    """

    over: Literal["scores", "means"] = "scores"
    temperature: float = 1.0
    standardise: bool = True
    reward: Reward = "bought"
    by_segment: bool = False
    prior_mean: float = 0.05
    prior_weight: float = 20.0
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        check_numbers(
            "softmax",
            positive={"temperature": self.temperature, "prior_weight": self.prior_weight},
            others={"prior_mean": self.prior_mean},
        )
        check_draws("softmax", self.propensity_draws)


class Softmax:
    """Draws one position after the other from the candidates left, with chances exp(value / temperature).

    The propensity of the first position is exact; those after it average over the pages that may stand before.
    """

    Config = SoftmaxConfig

    def __init__(self, config: SoftmaxConfig) -> None:
        self.config = config
        self._sums = RewardSums(by_segment=config.by_segment)

    def learn(self, feedback: Feedback) -> None:
        """Count what every item that a visitor saw has brought; scores need none of it."""
        if self.config.over == "means":
            self._sums.add(feedback, self.config.reward)

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates; -1 with propensity 1 where there are none. Same `rng` state, same actions."""
        if self.config.over == "means":
            count, total, _ = self._sums.read(slates.items, self._sums.rows(queries)[:, None])
            prior = self.config.prior_weight
            value = (prior * self.config.prior_mean + total) / (prior + count)
        else:
            value = _comparable(slates) if self.config.standardise else slates.scores.astype(np.float64)
        weights = value / self.config.temperature
        return plackett_luce_pages(queries, slates, weights, self.config.propensity_draws, rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._sums.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._sums.restore(state)


def _comparable(slates: Slates) -> NDArray[np.float64]:
    """Return the scores of each slate in its own standard deviations; 0 where all are equal."""
    there = slates.items >= 0
    scores = np.where(there, slates.scores, 0.0).astype(np.float64)
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    centred = np.where(there, scores - scores.sum(axis=1, keepdims=True) / count, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
    scale = np.abs(scores).max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-9 * scale))

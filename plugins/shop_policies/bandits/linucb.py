"""LinUCB: show what could still be the best for this visitor, by a linear model of the reward for each item.

Reference: Li, Chu, Langford and Schapire, "A contextual-bandit approach to personalized news article recommendation",
WWW 2010, algorithm 1 (disjoint linear models). Its regret: Chu, Li, Reyzin and Schapire, AISTATS 2011.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.contexts import contexts_of
from shop_policies.bandits.pages_by_index import pages_by_index
from shop_policies.bandits.reward_sums import Reward, check_numbers, reward_of, seen_places
from shop_policies.bandits.ridge_arms import RidgeArms


@dataclass(frozen=True)
class LinucbConfig:
    """`alpha` times the width sqrt(x' A^-1 x) is added to an item's mean x' theta, `regularization` is the ridge of A.

    `reward`: "bought", "clicked" or "amount" (minor units); `alpha` is in its unit. With 0 nothing is explored but
    ties.
    """

    alpha: float = 0.5
    regularization: float = 1.0
    reward: Reward = "bought"

    def __post_init__(self) -> None:
        check_numbers("linucb", positive={"regularization": self.regularization})
        if not (self.alpha >= 0.0 and np.isfinite(self.alpha)):
            raise ConfigError(f"linucb's alpha is {self.alpha}", allowed="a number from 0")


class Linucb:
    """Shows the candidates with the highest index, best first; items never shown have theta 0 and the widest width.

    The context x is a constant and the visitor's features, or segments where a trial gives no features. The index
    follows from the feedback, so between two batches of it chance only orders candidates of equal index, and
    propensities say that exactly: 1 where none tie.
    """

    Config = LinucbConfig

    def __init__(self, config: LinucbConfig) -> None:
        self.config = config
        self._arms = RidgeArms(config.regularization)

    def learn(self, feedback: Feedback) -> None:
        """Add what every item that a visitor saw has brought to its regression."""
        add_seen(self._arms, feedback, contexts_of(feedback.queries), self.config.reward)

    def index(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return x' theta + alpha sqrt(x' A^-1 x) of items (n, C)."""
        mean, width = self._arms.read(items, contexts_of(queries))
        return mean + self.config.alpha * width

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates; -1 with propensity 1 where there are none. Same `rng` state, same actions."""
        return pages_by_index(queries, slates, self.index(queries, slates.items), rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._arms.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._arms.restore(state)


def add_seen(arms: RidgeArms, feedback: Feedback, contexts: NDArray[np.float64], reward: Reward) -> None:
    """Add every item that a visitor saw, with the visitor's context (n, d) and its reward."""
    seen = seen_places(feedback)
    row, _ = np.nonzero(seen)
    arms.add(feedback.actions.items[seen], contexts[row], reward_of(feedback.responses, reward)[seen])

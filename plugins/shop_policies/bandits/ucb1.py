"""UCB1: show what could still be the best, by the upper end of a confidence interval.

Reference: Auer, Cesa-Bianchi and Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning
2002, figure 1. A page of several positions takes the highest indices, as CUCB does (Chen, Wang and Yuan, ICML 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.pages_by_index import pages_by_index
from shop_policies.bandits.reward_sums import RewardSums, check_numbers


@dataclass(frozen=True)
class Ucb1Config:
    """`exploration` times the width sqrt(2 ln t / n) is added to a mean; 1 is UCB1, less explores less.

    `reward`: "bought" or "clicked", as the bound holds for rewards from 0 to 1. `by_segment`: every segment is a bandit
    of its own.
    """

    exploration: float = 1.0
    reward: Literal["bought", "clicked"] = "bought"
    by_segment: bool = False

    def __post_init__(self) -> None:
        check_numbers("ucb1", positive={"exploration": self.exploration})


class Ucb1:
    """Shows the candidates with the highest index, best first; what was never shown comes before all others.

    The index follows from the feedback, so between two batches of it all equal queries get the same page: chance only
    orders candidates of equal index, and propensities say that exactly (1 where none tie). A log of it shows little but
    the best, which off-policy estimates cannot make up for.
    """

    Config = Ucb1Config

    def __init__(self, config: Ucb1Config) -> None:
        self.config = config
        self._sums = RewardSums(by_segment=config.by_segment)

    def learn(self, feedback: Feedback) -> None:
        """Count what every item that a visitor saw has brought."""
        self._sums.add(feedback, self.config.reward)

    def index(self, items: NDArray[np.int32], rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the index of items (n, C) in rows of sums (n,): infinite where an item was never shown."""
        count, total, _ = self._sums.read(items, rows[:, None])
        shown = np.maximum(self._sums.shown(rows), 1)[:, None]
        seen = np.maximum(count, 1)
        width = self.config.exploration * np.sqrt(2.0 * np.log(shown) / seen)
        return np.where(count > 0, total / seen + width, np.inf)

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates; -1 with propensity 1 where there are none. Same `rng` state, same actions."""
        return pages_by_index(queries, slates, self.index(slates.items, self._sums.rows(queries)), rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._sums.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._sums.restore(state)

"""Linear Thompson sampling: each visitor is shown the items that are best under one draw of their linear models.

Reference: Agrawal and Goyal, "Thompson sampling for contextual bandits with linear payoffs", ICML 2013, algorithm 1,
with a model of its own for each item (disjoint): theta ~ N(A^-1 b, v^2 A^-1). As an item's value x' theta is all that a
draw is asked for, x' theta ~ N(x' A^-1 b, v^2 x' A^-1 x) is drawn itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.contexts import contexts_of, keys_of
from shop_policies.bandits.linucb import add_seen
from shop_policies.bandits.pages_from_draws import pages_from_draws
from shop_policies.bandits.reward_sums import Reward, check_draws, check_numbers
from shop_policies.bandits.ridge_arms import RidgeArms


@dataclass(frozen=True)
class LinThompsonConfig:
    """`v` scales the draws, in the reward's unit; `regularization` is the ridge of A.

    With v the standard deviation of a reward round its mean, draws are from the posterior under Gaussian noise and the
    prior N(0, v^2 / regularization); the bound on the regret asks for more (v^2 = 9 d ln(t / delta) times as much).
    `reward`: "bought", "clicked" or "amount" (minor units). `propensity_draws`: Monte Carlo draws behind every
    propensity.
    """

    v: float = 0.3
    regularization: float = 1.0
    reward: Reward = "bought"
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        check_numbers("lin_thompson", positive={"v": self.v, "regularization": self.regularization})
        check_draws("lin_thompson", self.propensity_draws)


class LinThompson:
    """Shows each query the candidates with the highest draws of x' theta, best first.

    The context x is a constant and the visitor's features, or segments where a trial gives no features. Propensities
    are Monte Carlo estimates, as those of `thompson`.
    """

    Config = LinThompsonConfig

    def __init__(self, config: LinThompsonConfig) -> None:
        self.config = config
        self._arms = RidgeArms(config.regularization)

    def learn(self, feedback: Feedback) -> None:
        """Add what every item that a visitor saw has brought to its regression."""
        add_seen(self._arms, feedback, contexts_of(feedback.queries), self.config.reward)

    def posterior(self, queries: Queries, items: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and the standard deviation of x' theta of items (n, C)."""
        mean, width = self._arms.read(items, contexts_of(queries))
        return mean, self.config.v * width

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates; -1 with propensity 1 where there are none. Same `rng` state, same actions."""
        contexts = contexts_of(queries)

        def posterior(rows: NDArray[np.intp], candidates: NDArray[np.int32]) -> tuple[NDArray[np.float64], ...]:
            return self._arms.read(candidates, contexts[rows])

        def sample(
            rng: np.random.Generator, own: tuple[NDArray[np.float64], ...], size: tuple[int, ...] | None
        ) -> NDArray[np.float64]:
            mean, width = own
            return mean + self.config.v * width * rng.standard_normal(mean.shape if size is None else size)

        draws = self.config.propensity_draws
        return pages_from_draws(queries, slates, keys_of(contexts), posterior, sample, draws, rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._arms.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._arms.restore(state)

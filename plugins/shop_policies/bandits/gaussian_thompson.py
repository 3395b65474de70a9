"""Thompson sampling for any reward, money above all: a Gaussian likelihood of unknown mean and variance.

The conjugate prior is normal-inverse-gamma: variance ~ IG(a, b), mean ~ N(m, variance / k). After n rewards x
    k' = k + n,   m' = (k m + sum x) / k',   a' = a + n / 2,
    b' = b + (sum x^2 - n xbar^2) / 2 + k n (xbar - m)^2 / (2 k'),
and the mean is m' + sqrt(b' / (a' k')) times Student's t of 2 a' degrees of freedom. Reference: Murphy, "Conjugate
Bayesian analysis of the Gaussian distribution", 2007, section 3; Honda and Takemura, AISTATS 2014, on its regret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.pages_from_draws import pages_from_draws
from shop_policies.bandits.reward_sums import Reward, RewardSums, check_draws, check_numbers


@dataclass(frozen=True)
class GaussianThompsonConfig:
    """What is believed of an item's reward before the trial, and what the reward is.

    `prior_mean` counts as `prior_weight` shows (k above), `prior_spread` is the standard deviation expected of a single
    reward, believed as firmly as 2 `prior_shape` shows would make it (a = prior_shape, b = prior_shape prior_spread^2);
    all in the unit of the reward: "amount" is money in minor units, "bought" and "clicked" are 0 or 1. Too small a
    spread stops looking at items that sold nothing in a few shows. `warm_start` adds to the mean of the first
    candidate, and 1 / log2(1 + r) of it to that of rank r. `by_segment`: one posterior an item and segment, rather than
    one an item. `propensity_draws`: Monte Carlo draws behind every propensity.
    """

    reward: Reward = "amount"
    prior_mean: float = 0.0
    prior_weight: float = 1.0
    prior_spread: float = 1000.0
    prior_shape: float = 1.0
    warm_start: float = 0.0
    by_segment: bool = False
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        positive = {
            "prior_weight": self.prior_weight,
            "prior_spread": self.prior_spread,
            "prior_shape": self.prior_shape,
        }
        check_numbers("gaussian_thompson", positive=positive, others={"prior_mean": self.prior_mean})
        if not (self.warm_start >= 0.0 and np.isfinite(self.warm_start)):
            raise ConfigError(f"gaussian_thompson's warm_start is {self.warm_start}", allowed="a number from 0")
        check_draws("gaussian_thompson", self.propensity_draws)


class GaussianThompson:
    """Shows each query the candidates with the highest draws of their mean reward, best first.

    Propensities are Monte Carlo estimates, as those of `thompson`.
    """

    Config = GaussianThompsonConfig

    def __init__(self, config: GaussianThompsonConfig) -> None:
        self.config = config
        self._sums = RewardSums(by_segment=config.by_segment)

    def learn(self, feedback: Feedback) -> None:
        """Count what every item that a visitor saw has brought."""
        self._sums.add(feedback, self.config.reward)

    def posterior(
        self, items: NDArray[np.int32], segment: NDArray[np.int32] | int = -1
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return m', k', a' and b' of items in a segment (-1: users without one), broadcast against each other."""
        count, total, square = self._sums.read(items, self._sums.row(np.asarray(segment, dtype=np.int32)))
        config = self.config
        weight = config.prior_weight + count
        mean = (config.prior_weight * config.prior_mean + total) / weight
        sample = total / np.maximum(count, 1)
        within = np.maximum(square - count * sample**2, 0.0)
        between = config.prior_weight * count / weight * (sample - config.prior_mean) ** 2
        rate = config.prior_shape * config.prior_spread**2 + 0.5 * (within + between)
        return mean, weight, config.prior_shape + 0.5 * count, rate

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates; -1 with propensity 1 where there are none. Same `rng` state, same actions."""
        warm = self.config.warm_start / np.log2(2.0 + np.arange(slates.items.shape[1]))
        keys = self._sums.rows(queries).astype(np.int32)[:, None]

        def posterior(rows: NDArray[np.intp], candidates: NDArray[np.int32]) -> tuple[NDArray[np.float64], ...]:
            mean, weight, shape, rate = self.posterior(candidates, queries.segment[rows][:, None])
            return mean + warm, np.sqrt(rate / (shape * weight)), 2.0 * shape

        return pages_from_draws(queries, slates, keys, posterior, student_t, self.config.propensity_draws, rng)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._sums.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._sums.restore(state)


def student_t(
    rng: np.random.Generator, parameters: tuple[NDArray[np.float64], ...], size: tuple[int, ...] | None
) -> NDArray[np.float64]:
    """Return draws of Student's t with these means, scales and degrees of freedom."""
    mean, scale, freedom = parameters
    return np.asarray(mean + scale * rng.standard_t(freedom, size=freedom.shape if size is None else size))

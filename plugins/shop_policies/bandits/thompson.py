"""Thompson sampling: every item's chance to sell is a Beta posterior, and each page shows the best of one draw.

References: Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 1933; Chapelle and
Li, "An empirical evaluation of Thompson sampling", NIPS 2011, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates
from shop_policies.bandits.pages_from_draws import pages_from_draws
from shop_policies.bandits.reward_sums import RewardSums, check_draws, check_numbers


@dataclass(frozen=True)
class ThompsonConfig:
    """What is believed before the trial, what counts as success, and how propensities are found.

    `prior_a` and `prior_b`: the Beta prior of every item; the default expects one success in twenty. `warm_start`:
    successes that the first candidate of a slate is credited with beforehand; rank r gets 1 / log2(1 + r) of them, so
    the recommender's order holds until feedback outweighs it; 0 forgets the order. `by_segment`: one posterior an item
    and segment, rather than one an item. `reward`: "bought" or "clicked". `propensity_draws`: Monte Carlo draws behind
    every propensity.
    """

    prior_a: float = 1.0
    prior_b: float = 19.0
    warm_start: float = 0.0
    by_segment: bool = False
    reward: Literal["bought", "clicked"] = "bought"
    propensity_draws: int = 100

    def __post_init__(self) -> None:
        check_numbers("thompson", positive={"prior_a": self.prior_a, "prior_b": self.prior_b})
        if not (self.warm_start >= 0.0 and np.isfinite(self.warm_start)):
            raise ConfigError(f"thompson's warm_start is {self.warm_start}", allowed="a number from 0")
        check_draws("thompson", self.propensity_draws)


class Thompson:
    """Shows each query the candidates with the highest draws from their posteriors, best first.

    Propensities are Monte Carlo estimates, (1 + hits) / (1 + draws): the share of `propensity_draws` further draws
    that put the item at its position, the page shown counted among them, so none is 0. Their standard error is at most
    0.5 / sqrt(draws). Queries with equal candidates and posteriors share the draws.
    """

    Config = ThompsonConfig

    def __init__(self, config: ThompsonConfig) -> None:
        self.config = config
        self._sums = RewardSums(by_segment=config.by_segment)

    def learn(self, feedback: Feedback) -> None:
        """Count a success or a failure for every item that a visitor saw; pages that nobody visited teach nothing."""
        self._sums.add(feedback, self.config.reward)

    def posterior(
        self, items: NDArray[np.int32], segment: NDArray[np.int32] | int = -1
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the Beta parameters (a, b) of items in a segment (-1: users without one), without the warm start.

        `items` and `segment` are broadcast against each other; without `by_segment` the segment makes no difference.
        """
        count, total, _ = self._sums.read(items, self._sums.row(np.asarray(segment, dtype=np.int32)))
        return self.config.prior_a + total, self.config.prior_b + (count - total)

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates by their posterior draws.

        Positions beyond a query's candidates hold -1, with propensity 1. Same feedback and `rng` state, same actions.
        """
        warm = self.config.warm_start / np.log2(2.0 + np.arange(slates.items.shape[1]))
        keys = self._sums.rows(queries).astype(np.int32)[:, None]

        def posterior(rows: NDArray[np.intp], candidates: NDArray[np.int32]) -> tuple[NDArray[np.float64], ...]:
            a, b = self.posterior(candidates, queries.segment[rows][:, None])
            return a + warm, b

        return pages_from_draws(
            queries,
            slates,
            keys,
            posterior,
            _beta,
            self.config.propensity_draws,
            rng,
        )

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned."""
        return self._sums.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what an equal policy learned."""
        self._sums.restore(state)


def _beta(
    rng: np.random.Generator, parameters: tuple[NDArray[np.float64], ...], size: tuple[int, ...] | None
) -> NDArray[np.float64]:
    a, b = parameters
    return np.asarray(rng.beta(a, b, size=size))

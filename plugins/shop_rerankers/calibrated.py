"""Calibrated recommendations: a list whose categories have the shares in which the user, or the segment, takes them.

Items are chosen one after the other, each time the candidate i with the largest
(1 - weight) * relevance(i) - weight * KL(p | q), with KL(p | q) = sum over categories g of p_g log(p_g / q_g),
where p is the mix to be met and q = (1 - smoothing) * (mix of the list with i) + smoothing * p. Reference: Steck,
"Calibrated recommendations", RecSys 2018. For lists of one length the sum is submodular, so that the greedy list
reaches at least 1 - 1/e of the best one's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, Dataset
from framework.errors import ConfigError
from framework.records import Context, Queries, Slates
from shop_rerankers.category_mix import CategoryMix, Whose
from shop_rerankers.relevance import Relevance, relevance, reordered

_CELLS = 1 << 21


@dataclass(frozen=True)
class CalibratedConfig:
    """How far the list is held to which mix.

    `weight`: the paper's lambda; 0 leaves the recommender's order, 1 asks only for the mix. `to`: "user" takes the mix
    of what the user took (their segment's where that is nothing), "segment" that of the user's segment, which needs a
    model. `smoothing`: the paper's alpha, so that a category without an item costs a finite amount. `relevance`:
    "score" scales the recommender's scores between a query's worst and best candidate; "rank" goes by the order alone.
    `kinds`: kinds of event that the mix is taken from; null takes purchases, or the next sign of interest.
    """

    weight: float = 0.5
    to: Whose = "user"
    smoothing: float = 0.01
    relevance: Relevance = "score"
    kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.weight <= 1.0:
            raise ConfigError(f"calibrated's weight is {self.weight}", allowed="a number from 0 to 1")
        if not 0.0 < self.smoothing < 1.0:
            raise ConfigError(f"calibrated's smoothing is {self.smoothing}", allowed="a number between 0 and 1")


class Calibrated:
    """Greedy by relevance and closeness to the mix, ties in the recommender's order.

    An item without a category takes a place, and adds to no category's share. A history at call time is the mix of its
    query. Scores fall evenly from place to place, as closeness hangs on the whole list.
    """

    Config = CalibratedConfig

    def __init__(self, config: CalibratedConfig) -> None:
        self.config = config

    def fit(self, data: Dataset, context: Context) -> None:  # noqa: ARG002 - the protocol's
        """Count what users took by category.

        Raises:
            ConfigError: no model has put users into the segments that the mix is to be taken from, or the log has none
                of the configured kinds.
            DataError: the log has no categories.
        """
        if self.config.to == "segment" and (data.segments is None or not data.segment_names):
            raise ConfigError(
                "calibrated is to meet the mix of segments, and no model has put the users into segments",
                hint="Add a model to the study (model: {name: rfm}), or set to: user.",
            )
        self._mix = CategoryMix.of(data, self.config.kinds, "calibrated")

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        """Return the min(k, candidates) first choices of each query."""
        n, width = slates.items.shape
        taken = min(k, width)
        places, values = np.zeros((n, taken), dtype=np.intp), np.full((n, taken), -np.inf)
        worth = relevance(slates, self.config.relevance)
        category = np.where(slates.items != UNKNOWN, self._mix.category[slates.items], UNKNOWN)
        step = max(1, _CELLS // max(self._mix.users.shape[1], width, 1))
        for start in range(0, n, step):
            rows = slice(start, start + step)
            wanted = self._mix.shares(queries.take(np.arange(n)[rows]), self.config.to)
            places[rows], values[rows] = self._choose(worth[rows], category[rows], wanted, taken)
        by_place = 1.0 - np.arange(taken) / max(width, 1)
        return reordered(slates, places, np.where(np.isfinite(values), by_place, -np.inf))

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was taken by category."""
        return self._mix.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take the state of an equal one."""
        self._mix = CategoryMix.of_state(state)

    def _choose(
        self, worth: NDArray[np.float64], category: NDArray[np.int32], wanted: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the places of the first k choices (n, k) and their values, -inf where no candidate is left.

        Candidates (n, C) differ by relevance and category alone, so divergences are computed by category (n, G).
        """
        n = len(worth)
        rows = np.arange(n)
        there = np.isfinite(worth)
        left = (1.0 - self.config.weight) * np.where(there, worth, 0.0)
        left[~there] = -np.inf
        counts = np.zeros_like(wanted)
        places, values = np.zeros((n, k), dtype=np.intp), np.full((n, k), -np.inf)
        for choice in range(k):
            now = self._terms(wanted, counts, choice + 1)
            whole = now.sum(axis=1, keepdims=True)
            # What the divergence comes to with one item more of each category; the last column: of none.
            with_one = np.hstack([whole - now + self._terms(wanted, counts + 1.0, choice + 1), whole])
            value = left - self.config.weight * np.take_along_axis(with_one, category, axis=1)
            best = value.argmax(axis=1)
            places[:, choice], values[:, choice] = best, value[rows, best]
            left[rows, best] = -np.inf
            of_best = category[rows, best]
            known = (of_best != UNKNOWN) & np.isfinite(values[:, choice])
            counts[rows[known], of_best[known]] += 1.0
        return places, values

    def _terms(self, wanted: NDArray[np.float64], counts: NDArray[np.float64], length: int) -> NDArray[np.float64]:
        """Return each category's part (n, G) of the divergence of a list of `length` with these counts."""
        smoothing = self.config.smoothing
        shown = (1.0 - smoothing) * counts / length + smoothing * wanted
        ratio = np.divide(wanted, shown, out=np.ones_like(wanted), where=wanted > 0)
        parts: NDArray[np.float64] = wanted * np.log(ratio)
        return parts

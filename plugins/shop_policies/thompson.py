"""Thompson sampling: every item's chance to sell is a Beta posterior, and each page shows the best of one draw.

References: Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 1933; Chapelle and
Li, "An empirical evaluation of Thompson sampling", NIPS 2011, algorithm 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Slates

_CELLS = 1 << 21


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
        for name, value in (("prior_a", self.prior_a), ("prior_b", self.prior_b)):
            if not (value > 0.0 and np.isfinite(value)):
                raise ConfigError(f"thompson's {name} is {value}", allowed="a number above 0")
        if not (self.warm_start >= 0.0 and np.isfinite(self.warm_start)):
            raise ConfigError(f"thompson's warm_start is {self.warm_start}", allowed="a number from 0")
        if self.propensity_draws < 1:
            raise ConfigError(f"thompson's propensity_draws is {self.propensity_draws}", allowed="an integer from 1")


class Thompson:
    """Shows each query the candidates with the highest draws from their posteriors, best first.

    Propensities are Monte Carlo estimates, (1 + hits) / (1 + draws): the share of `propensity_draws` further draws
    that put the item at its position, the page shown counted among them, so none is 0. Their standard error is at most
    0.5 / sqrt(draws). Queries with equal candidates and posteriors share the draws.
    """

    Config = ThompsonConfig

    def __init__(self, config: ThompsonConfig) -> None:
        self.config = config
        self._successes = np.zeros((0, 0), dtype=np.int64)
        self._failures = np.zeros((0, 0), dtype=np.int64)

    def learn(self, feedback: Feedback) -> None:
        """Count a success or a failure for every item that a visitor saw; pages that nobody visited teach nothing."""
        queries, responses = feedback.queries, feedback.responses
        items = feedback.actions.items
        seen = (items >= 0) & (responses.visits > 0)[:, None]
        if not seen.any():
            return
        rows = np.broadcast_to(self._rows(queries)[:, None], items.shape)[seen]
        shown = items[seen]
        success = (responses.bought if self.config.reward == "bought" else responses.clicked)[seen]
        self._grow(int(rows.max()) + 1, int(shown.max()) + 1)
        np.add.at(self._successes, (rows[success], shown[success]), 1)
        np.add.at(self._failures, (rows[~success], shown[~success]), 1)

    def posterior(
        self, items: NDArray[np.int32], segment: NDArray[np.int32] | int = -1
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the Beta parameters (a, b) of items in a segment (-1: users without one), without the warm start.

        `items` and `segment` are broadcast against each other; without `by_segment` the segment makes no difference.
        """
        rows = np.asarray(segment) + 1 if self.config.by_segment else np.zeros_like(np.asarray(segment))
        rows, items = np.broadcast_arrays(rows, items)
        a, b = np.full(items.shape, self.config.prior_a), np.full(items.shape, self.config.prior_b)
        height, width = self._successes.shape
        met = (rows < height) & (items < width) & (items >= 0)
        a[met] += self._successes[rows[met], items[met]]
        b[met] += self._failures[rows[met], items[met]]
        return a, b

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        """Return distinct candidates by their posterior draws.

        Positions beyond a query's candidates hold -1, with propensity 1. Same feedback and `rng` state, same actions.
        """
        n, positions = len(queries), queries.positions
        items = np.full((n, positions), -1, dtype=np.int32)
        propensities = np.ones((n, positions))
        width = min(positions, slates.items.shape[1])
        if n and width:
            for rows, group, candidates, segment in self._groups(self._rows(queries), slates.items):
                ranks, share = self._draw(candidates, segment - 1, group, width, rng)
                items[rows, :width] = np.take_along_axis(candidates[group], ranks, axis=1)
                propensities[rows, :width] = np.where(items[rows, :width] >= 0, share, 1.0)
        return Actions(items, propensities)

    def _draw(
        self,
        candidates: NDArray[np.int32],
        segment: NDArray[np.intp],
        group: NDArray[np.intp],
        width: int,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the ranks that each query shows (n, width), and how often further draws of its group agree."""
        a, b = self.posterior(candidates, segment[:, None].astype(np.int32))
        a = a + self.config.warm_start / np.log2(2.0 + np.arange(candidates.shape[1]))
        empty = candidates < 0
        ranks = _best(rng.beta(a[group], b[group]), empty[group], width)
        groups, count = candidates.shape
        hits = np.zeros((groups, width, count), dtype=np.int32)
        per_pass = max(1, _CELLS // candidates.size)
        places = np.arange(width)
        for start in range(0, self.config.propensity_draws, per_pass):
            draws = min(per_pass, self.config.propensity_draws - start)
            again = _best(rng.beta(a, b, size=(draws, groups, count)), empty, width)
            np.add.at(hits, (np.arange(groups)[None, :, None], places, again), 1)
        agreed = hits[group[:, None], places, ranks].astype(np.float64)
        return ranks, (agreed + 1.0) / (self.config.propensity_draws + 1.0)

    def _groups(
        self, segment: NDArray[np.intp], items: NDArray[np.int32]
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int32], NDArray[np.intp]]]:
        """Yield blocks of (rows, their group in the block, the groups' candidates, the groups' segment rows)."""
        keys = np.column_stack([segment.astype(np.int32), items])
        distinct, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.reshape(-1)
        by_group = np.argsort(group, kind="stable")
        step = max(1, _CELLS // (keys.shape[1] * 8))
        for start in range(0, len(distinct), step):
            low, high = np.searchsorted(group, [start, start + step], sorter=by_group)
            block = distinct[start : start + step]
            for first in range(low, high, _CELLS // keys.shape[1]):
                rows = by_group[first : min(first + _CELLS // keys.shape[1], high)]
                yield rows, group[rows] - start, block[:, 1:], block[:, 0].astype(np.intp)

    def _rows(self, queries: Queries) -> NDArray[np.intp]:
        """Return the row of counts that each query reads and feeds (n,): 0 for all, or for users without a segment."""
        if not self.config.by_segment:
            return np.zeros(len(queries), dtype=np.intp)
        return np.maximum(queries.segment, -1).astype(np.intp) + 1

    def _grow(self, height: int, width: int) -> None:
        old_height, old_width = self._successes.shape
        missing = ((0, max(height - old_height, 0)), (0, max(width - old_width, 0)))
        self._successes = np.pad(self._successes, missing)
        self._failures = np.pad(self._failures, missing)


def _best(draws: NDArray[np.float64], empty: NDArray[np.bool_], width: int) -> NDArray[np.intp]:
    """Return the places of the highest draws along the last axis, empty candidates last, ties by rank."""
    ranked: NDArray[np.intp] = np.argsort(np.where(empty, 1.0, -draws), axis=-1, kind="stable")[..., :width]
    return ranked

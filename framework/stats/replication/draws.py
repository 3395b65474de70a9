"""Replications of a trial in which nothing differs: units drawn again, their outcomes dealt to the arms by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.stats.moments.record import Numbers
from framework.stats.replication.planting import planted
from framework.stats.replication.pool import Pool
from framework.stats.samples import UnitValues

WIDEST = 12_000
"""States that weights are held for; where there are more, units are drawn in bags."""
FEWEST = 100
"""Bags that the smallest arm draws at least, where its units allow it."""


@dataclass(frozen=True)
class States:
    """All that a draw can give: a population in which every arm has the same truth, but for what was planted.

    State s (S,) lies in the bag `bag` (S,) of `bags`, which are drawn as a whole, and in the segment `segment` (S,), a
    place as in the pool. `values` are by metric and arm, (S,): what the arm sees where the state is drawn.

    Paired: a unit is in as many states as there are arms, and in each of them the arms' outcomes are dealt to the arms
    in another way, so that each arm sees each outcome once. Independent: every unit of every arm is one state, and any
    arm may draw it.
    """

    bags: int
    bag: NDArray[np.intp]
    segment: NDArray[np.intp]
    values: Mapping[str, Mapping[str, UnitValues]]


def states_of(
    pool: Pool,
    rng: np.random.Generator,
    gains: Mapping[tuple[str, str], float] | None = None,
    *,
    widest: int = WIDEST,
) -> States:
    """Return the population that a task's replications are drawn from; `gains` are planted by (metric, arm).

    Units are put into bags of equal size where there would be more than `widest` states to weigh. A bag spreads as its
    units do, since each of them is dealt by itself; how well it does is chance, so every task has bags of its own.
    """
    bagged, values = (_paired if pool.design == "paired" else _independent)(pool, rng, widest)
    for (metric, arm), gain in (gains or {}).items():
        values[metric][arm] = planted(values[metric][arm], gain, rng, metric=metric)
    return States(*bagged, values)


def weights_of(
    pool: Pool, states: States, replications: int, rng: np.random.Generator
) -> dict[str | None, NDArray[np.float64]]:
    """Return how often each bag is drawn, (R + 1, bags), by arm; paired arms share one draw, named None.

    Each arm gets as many units as it had, drawn with replacement. The last row draws every bag once: the population.
    """
    if pool.design == "paired":
        return {None: _drawn(states.bags, states.bags // len(pool.arms), replications, rng)}
    each = len(states.bag) / states.bags
    return {
        arm: _drawn(states.bags, max(2, round(size / each)), replications, rng)
        for arm, size in zip(pool.arms, pool.sizes, strict=True)
    }


def _drawn(bags: int, draws: int, replications: int, rng: np.random.Generator) -> Numbers:
    first = bags * np.arange(replications)[:, None]
    places = first + rng.integers(bags, size=(replications, draws))
    counts = np.bincount(places.ravel(), minlength=bags * replications).reshape(replications, bags)
    return np.concatenate([counts, np.ones((1, bags))]).astype(np.float64)


def _paired(
    pool: Pool, rng: np.random.Generator, widest: int
) -> tuple[tuple[int, NDArray[np.intp], NDArray[np.intp]], dict[str, dict[str, UnitValues]]]:
    arms, units = len(pool.arms), pool.sizes[0]
    groups = min(units, max(FEWEST, widest // arms))
    group = rng.permutation(units) % groups
    # Each unit turns its arms in an order of its own, so that any two arms are any two outcomes.
    order = rng.permuted(np.tile(np.arange(arms), (units, 1)), axis=1)
    turned = np.stack([np.roll(order, -turn, axis=1) for turn in range(arms)]).reshape(-1, arms)
    every = np.tile(np.arange(units), arms)
    bag = (np.arange(arms)[:, None] * groups + group).ravel()
    values: dict[str, dict[str, UnitValues]] = {}
    for metric, own in pool.values.items():
        numerator = np.stack([own[arm].numerator for arm in pool.arms])
        below = [values.denominator for values in own.values() if values.denominator is not None]
        denominator = np.stack(below) if below else None
        values[metric] = {
            arm: UnitValues(
                own[arm].kind,
                numerator[turned[:, place], every],
                None if denominator is None else denominator[turned[:, place], every],
            )
            for place, arm in enumerate(pool.arms)
        }
    return (arms * groups, bag, np.tile(pool.segment[pool.arms[0]], arms)), values


def _independent(
    pool: Pool, rng: np.random.Generator, widest: int
) -> tuple[tuple[int, NDArray[np.intp], NDArray[np.intp]], dict[str, dict[str, UnitValues]]]:
    units = sum(pool.sizes)
    each = max(1, min(-(-units // widest), min(pool.sizes) // FEWEST))
    bags = units // each
    values: dict[str, dict[str, UnitValues]] = {}
    for metric, own in pool.values.items():
        below = [values.denominator for values in own.values() if values.denominator is not None]
        everyone = UnitValues(
            own[pool.arms[0]].kind,
            np.concatenate([own[arm].numerator for arm in pool.arms]),
            np.concatenate(below) if below else None,
        )
        values[metric] = dict.fromkeys(pool.arms, everyone)
    segment = np.concatenate([pool.segment[arm] for arm in pool.arms])
    return (bags, rng.permutation(units) % bags, segment), values

"""Worlds with a known truth, many trials at a time: what the coverage table puts the estimators through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.stats.moments.measure import Measure, contribution
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.shape import Shape

Rows = Mapping[str, Numbers]
"""Columns (R, n): n units in each of R trials."""


@dataclass(frozen=True)
class Scenario:
    """How many units an arm has, what they are like, and how much the treatment adds in a unit's standard deviations.

    `heavy` units spend nothing in 95 % of cases and a lognormal basket else. `scale` is the metric's unit.
    """

    name: str
    n_control: int
    n_treatment: int
    heavy: bool = False
    scale: float = 1.0
    gain: float = 0.0
    replications: int = 10_000

    @property
    def added(self) -> float:
        """What the treatment adds to a unit's value."""
        return self.gain * SD * self.scale

    @property
    def added_share(self) -> float:
        """What it adds to the share."""
        return self.gain * float(np.sqrt(SHARE * (1 - SHARE)))

    @property
    def added_rate(self) -> float:
        """What it adds to orders per session, of unscaled orders."""
        return self.gain * RATE_SD


SCENARIOS = (
    Scenario("500 v 500", 500, 500),
    Scenario("200 v 5,000", 200, 5_000),
    Scenario("500 v 500, unit x 1,000", 500, 500, scale=1000.0),
    Scenario("effect of 1 SD, 500 v 500", 500, 500, gain=1.0),
    Scenario("25 v 25", 25, 25),
    Scenario("50,000 v 50,000", 50_000, 50_000),
    Scenario("95 % zeros, 5,000 v 5,000", 5_000, 5_000, heavy=True),
    Scenario("95 % zeros, 200 v 5,000", 200, 5_000, heavy=True),
)
LEVEL, SD = 10.0, 2.0
"""Mean and standard deviation of an ordinary unit's value; half of the variance was there before the test."""
SHARE = 0.3
RATE_SD = 0.285
"""Standard deviation of a unit's contribution to orders per session: chances Beta(2, 6), sessions 1 + Poisson(2)."""
REGULAR, REGULARS, OTHERS = 0.3, 0.045, 0.0055
"""The share of regular buyers, and a session's chance of an order for them and for others: 5 % of all units order."""
BASKET = 3.0
"""Mean of a basket's logarithm; its spread is 1."""
MEMBERS = 5
"""Units of a cluster at most: 1 to 5, all as likely."""


def traits(scenario: Scenario, replications: int, n: int, rng: np.random.Generator) -> dict[str, Numbers]:
    """Return what is so of units whatever the arm, (R, n): what they spent and ordered before, and how they buy."""
    shape = (replications, n)
    if scenario.heavy:
        regular = rng.random(shape) < REGULAR
        chance = np.where(regular, REGULARS, OTHERS)
        before = np.where(regular, rng.lognormal(BASKET, 1.0, shape), 0.0)
    else:
        chance = rng.beta(2.0, 6.0, shape)
        before = rng.normal(0.0, SD * 0.5**0.5, shape)
    sessions, orders = visits(chance, rng)
    return {"before": before * scenario.scale, "chance": chance, "orders before": orders, "sessions before": sessions}


def responses(scenario: Scenario, own: Rows, treated: bool, rng: np.random.Generator) -> dict[str, Numbers]:
    """Return what units with these traits do under an arm, (R, n), in the scenario's unit.

    "value", "share" (0 or 1), "orders" (a count), "sessions" and "amount", which a ratio to sessions adds up: orders,
    or heavy units' spend.
    """
    shape = own["before"].shape
    sessions, orders = visits(own["chance"], rng)
    if scenario.heavy:
        value = scenario.scale * np.where(orders > 0, orders * rng.lognormal(BASKET, 1.0, shape), 0.0)
        share, amount = (orders > 0).astype(np.float64), value
    else:
        value = scenario.scale * (LEVEL + rng.normal(0.0, SD * 0.5**0.5, shape)) + own["before"]
        share = (rng.random(shape) < SHARE + treated * scenario.added_share).astype(np.float64)
        if treated and scenario.gain:
            value = value + scenario.added
            orders = orders + rng.binomial(sessions.astype(np.int64), scenario.added_rate)
        amount = orders * scenario.scale
    return {"value": value, "share": share, "orders": orders, "sessions": sessions, "amount": amount}


def visits(chance: Numbers, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Return sessions, 1 + Poisson(2), of units (R, n), and in how many of them they order, each with their `chance`.

    Poisson sessions with and without an order are independent Poisson numbers, which costs less than a binomial draw.
    """
    ordered = np.asarray(rng.poisson(2.0 * chance), dtype=np.float64)
    others = rng.poisson(2.0 - 2.0 * chance)
    return np.asarray(ordered + others + 1.0), np.asarray(ordered + (rng.random(chance.shape) < chance))


def strata_of(scenario: Scenario, own: Rows) -> NDArray[np.int64]:
    """Return the stratum (R, n) of units by what was known before: regular buyers, or thirds of former spend."""
    if scenario.heavy:
        return np.asarray(own["before"] > 0, dtype=np.int64)
    edge = 0.43 * SD * 0.5**0.5 * scenario.scale
    return np.asarray((own["before"] >= -edge).astype(np.int64) + (own["before"] >= edge))


def cluster_totals(scenario: Scenario, value: Numbers, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Return total and size (R, G) of clusters of 1 to 5 units, those of a cluster alike."""
    clusters = value.shape[1] // MEMBERS
    members = value[:, : clusters * MEMBERS].reshape(len(value), clusters, MEMBERS)
    if scenario.heavy:
        members = members * rng.lognormal(0.0, 0.5, (len(value), clusters, 1))
    else:
        members = members + rng.normal(0.0, SD * scenario.scale / 2, (len(value), clusters, 1))
    size = rng.integers(1, MEMBERS + 1, (len(value), clusters))
    there = np.arange(MEMBERS) < size[..., None]
    return np.where(there, members, 0.0).sum(axis=-1), size.astype(np.float64)


def batch(rows: Rows, columns: Sequence[str]) -> Moments:
    """Return the moments of (R, n) columns as a batch of R groups."""
    stack = np.stack([rows[name] for name in columns], axis=1)
    mean = stack.mean(axis=2)
    stack -= mean[:, :, None]
    n = np.full(len(stack), float(stack.shape[2]))
    return Moments(tuple(columns), n, mean, stack @ np.swapaxes(stack, 1, 2))


def contributions(measure: Measure, moments: Moments, rows: Rows) -> Numbers:
    """Return the units' contributions (R, n) to the groups' values, around their means."""
    own = moments.pick(measure.own_columns)
    weights = contribution(measure, own)
    parts = [
        weights[:, place, None] * (rows[name] - own.mean[:, place, None]) for place, name in enumerate(own.columns)
    ]
    return np.asarray(np.sum(parts, axis=0))


def shapes(parts: Numbers) -> list[Shape]:
    """Return the shape of each of R trials' contributions (R, n), which have mean 0: `moments.shape` at once."""
    squares = parts**2
    total = squares.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = np.einsum("rn,rn->r", squares, parts) / parts.shape[1] / (total / parts.shape[1]) ** 1.5
        largest = squares.max(axis=1) / total
    flat = total == 0
    return [
        Shape(float(one), float(other))
        for one, other in zip(np.where(flat, 0.0, skewness), np.where(flat, 0.0, largest), strict=True)
    ]

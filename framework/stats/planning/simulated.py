"""Power by simulation: the analysis itself run on made-up or resampled units, where no formula fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_level, check_share

Analyse = Callable[[np.random.Generator, int, float], float]
"""(rng, n, effect) -> p-value of one made-up test with n units an arm and a true `effect`."""
Mapper = Callable[[Callable[[int], float], Iterable[int]], Iterable[float]]
"""Maps a function over numbers in order, as `map` does; a pool's `map` runs the replications in processes."""


@dataclass(frozen=True)
class SimulatedPower:
    """How often `replications` made-up tests had p at most alpha, with the exact binomial interval of that share."""

    n: int
    effect: float
    alpha: float
    replications: int
    rejections: int
    power: float
    ci_low: float
    ci_high: float
    confidence: float


def simulated_power(
    analyse: Analyse,
    n: int,
    effect: float,
    *,
    alpha: float = 0.05,
    replications: int = 1000,
    seed: int = 0,
    mapper: Mapper = map,
    confidence: float = 0.95,
) -> SimulatedPower:
    """Return the share of made-up tests that find `effect` with `n` units, and its Clopper-Pearson interval.

    Replication i draws from default_rng([seed, i]): the result is the same whatever `mapper` and its processes do.
    `analyse` must be picklable where the mapper needs it.

    Raises:
        TrialError: n or replications below 1, alpha or confidence outside (0, 1), a p-value outside [0, 1].
    """
    from scipy import stats

    check_level(alpha)
    check_share("confidence", confidence)
    check_above("n", n, 1, included=True)
    check_above("replications", replications, 1, included=True)
    p_values = np.fromiter(mapper(partial(_replication, analyse, n, effect, seed), range(replications)), dtype=float)
    bad = ~((p_values >= 0) & (p_values <= 1))
    if bool(bad.any()):
        first = int(np.flatnonzero(bad)[0])
        raise TrialError(
            f"replication {first} has the p-value {p_values[first]:g}",
            allowed="numbers from 0 to 1",
            hint=f"Repeat it with numpy's default_rng([{seed}, {first}]).",
        )
    hits = int(np.sum(p_values <= alpha))
    interval = stats.binomtest(hits, replications).proportion_ci(confidence, "exact")
    return SimulatedPower(
        n=n,
        effect=effect,
        alpha=alpha,
        replications=replications,
        rejections=hits,
        power=hits / replications,
        ci_low=float(interval.low),
        ci_high=float(interval.high),
        confidence=confidence,
    )


def simulated_units(
    analyse: Analyse,
    effect: float,
    *,
    start: int,
    power: float = 0.8,
    alpha: float = 0.05,
    replications: int = 1000,
    seed: int = 0,
    mapper: Mapper = map,
    precision: float = 0.02,
    most: int = 10**8,
) -> SimulatedPower:
    """Return the smallest n, to within `precision` of itself, whose simulated power is at least `power`.

    Doubles from `start`, then bisects on the same seeds. The answer is as sure as its own interval: the simulated
    power's error is about sqrt(power (1 - power) / replications), and n's relative error about twice that.

    Raises:
        TrialError: nothing below `most` reaches the power, and as `simulated_power`.
    """
    check_level(alpha, power)
    check_above("start", start, 2, included=True)
    check_share("precision", precision)

    def at(n: int) -> SimulatedPower:
        return simulated_power(analyse, n, effect, alpha=alpha, replications=replications, seed=seed, mapper=mapper)

    low, high, found = 1, start, at(start)
    while found.power < power:
        low, high = high, 2 * high
        if high > most:
            raise TrialError(f"no sample below {most:.0e} units reaches the power", hint="Aim for a larger effect.")
        found = at(high)
    while high - low > max(1.0, precision * high):
        middle = (low + high) // 2
        tried = at(middle)
        if tried.power >= power:
            high, found = middle, tried
        else:
            low = middle
    return found


def simulated_minimum(
    analyse: Analyse,
    n: int,
    *,
    start: float,
    power: float = 0.8,
    alpha: float = 0.05,
    replications: int = 1000,
    seed: int = 0,
    mapper: Mapper = map,
    precision: float = 0.02,
) -> SimulatedPower:
    """Return the smallest effect of `start`'s sign, to within `precision` of itself, that n units find with `power`.

    Raises:
        TrialError: `start` 0 or without power even at a million times itself, and as `simulated_power`.
    """
    check_level(alpha, power)
    check_above("start", abs(start))
    check_share("precision", precision)

    def at(effect: float) -> SimulatedPower:
        return simulated_power(analyse, n, effect, alpha=alpha, replications=replications, seed=seed, mapper=mapper)

    low, high, found = 0.0, start, at(start)
    while found.power < power:
        low, high = high, 2 * high
        if abs(high) > 1e6 * abs(start):
            raise TrialError(f"no effect up to {high:g} reaches the power", hint="Plan with more units.")
        found = at(high)
    while abs(high - low) > precision * abs(high):
        middle = (low + high) / 2
        tried = at(middle)
        if tried.power >= power:
            high, found = middle, tried
        else:
            low = middle
    return found


def _replication(analyse: Analyse, n: int, effect: float, seed: int, number: int) -> float:
    return float(analyse(np.random.default_rng([seed, number]), n, effect))

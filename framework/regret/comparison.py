"""What the plays of all policies in one world come to, with the seeds as units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.stats.compare import compare
from framework.stats.effects import Effect
from framework.stats.multiplicity.adjust import adjust
from framework.stats.samples import UnitValues

METRIC = "regret"


@dataclass(frozen=True)
class Curve:
    """A policy's mean regret (B,) after each batch, with 95 % intervals of the mean over seeds, each for itself.

    `final` (S,) are the seeds' regrets at the end.
    """

    policy: str
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    final: NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """A world's curves, and the paired difference of every policy's final regret from the control's.

    `adjusted` are the differences' p-values after Holm's correction over the world's policies.
    """

    world: str
    curves: tuple[Curve, ...]
    effects: tuple[Effect, ...]
    adjusted: tuple[float, ...]


def compared(world: str, plays: Mapping[str, NDArray[np.float64]], control: str, confidence: float = 0.95) -> Compared:
    """Return the comparison of `plays`, each policy's regret (S, B) after each batch for each of S seeds.

    Intervals are Student's t over seeds. Raises TrialError for fewer than 2 seeds.
    """
    curves = tuple(_curve(name, regret, confidence) for name, regret in plays.items())
    effects = tuple(
        compare(
            UnitValues("mean", plays[control][:, -1]),
            UnitValues("mean", regret[:, -1]),
            metric=METRIC,
            control_name=control,
            treatment_name=name,
            design="paired",
            confidence=confidence,
        )
        for name, regret in plays.items()
        if name != control
    )
    adjusted = adjust([own.p_value for own in effects], "holm") if effects else ()
    return Compared(world, curves, effects, adjusted)


def _curve(policy: str, regret: NDArray[np.float64], confidence: float) -> Curve:
    from scipy.stats import t

    seeds = len(regret)
    mean = regret.mean(axis=0)
    error = regret.std(axis=0, ddof=1) / np.sqrt(seeds)
    half = float(t.ppf(0.5 + confidence / 2.0, seeds - 1)) * error
    return Curve(policy, mean, mean - half, mean + half, regret[:, -1])

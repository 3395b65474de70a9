"""How a search chooses what to try next, and gives up early: Optuna's samplers, drawing alike after a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

LEAST_POPULATION, MOST_POPULATION = 4, 50


class Repeatable(BaseSampler):
    """A sampler seeded anew for each trial, by `seed` and the trial's place among those that count.

    A search that goes on after a kill then draws what an unbroken one draws, and no two workers draw the same.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int, place: Callable[[Study, FrozenTrial], int]):
        self._make, self._seed, self._place = make, seed, place
        self._inner = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Seed."""
        drawn = np.random.SeedSequence([self._seed, self._place(study, trial)]).generate_state(1)[0]
        self._inner = self._make(int(drawn))
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return as the sampler does."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return as the sampler does."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return as the sampler does."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Do as the sampler does."""
        self._inner.after_trial(study, trial, state, values)


def sampler_of(name: str, trials: int | None, seed: int, place: Callable[[Study, FrozenTrial], int]) -> Repeatable:
    """Return the sampler "tpe", "random", "nsga2" or "grid", whose points are queued and not drawn."""

    def make(drawn: int) -> BaseSampler:
        if name == "tpe":
            return TPESampler(seed=drawn)
        if name == "nsga2":
            # Its own default of 50 would be all of a small search, and so nothing but chance.
            size = MOST_POPULATION if trials is None else min(MOST_POPULATION, max(LEAST_POPULATION, trials // 5))
            return NSGAIISampler(population_size=size, seed=drawn)
        return RandomSampler(seed=drawn)

    return Repeatable(make, seed, place)


def pruner_of(name: str) -> BasePruner:
    """Return the pruner "median", "hyperband" or "none"."""
    if name == "median":
        return MedianPruner(n_startup_trials=4, n_warmup_steps=1)
    return HyperbandPruner() if name == "hyperband" else NopPruner()

"""What a strategy with some parameters comes to: fitted on the fit part, judged on the validation part."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from framework.config import RunConfig
from framework.data.tables import Window
from framework.errors import TrialError
from framework.fitting import Bench, SegmentedData, rated_metrics, shared_key, strategy_of
from framework.kinds import Metric, Recommender
from framework.plugins import Plugins, load_plugins
from framework.records import Context, Outcomes, Queries, Run, Slates
from framework.stats.arms import arm_value
from framework.trial.holdout import holdout_trial
from framework.trial.population import Population
from framework.tuning.arms import FIT_SECONDS, LATENCY, Arm, Goal, goals_of

if TYPE_CHECKING:
    from framework.training.search_trials import Attempt

EPOCHS = "epochs"
"""The note of a trial that says after which epoch its recommender was best."""


@dataclass
class Scoring:
    """The objective of one arm's search. It travels to other processes, which load their plugins themselves.

    `early` has the segments of the arm's own model; `shared` the recommenders that rules for segments name, and
    rerankers, fitted.
    """

    config: RunConfig
    run: Run
    arm: Arm
    early: SegmentedData
    later: Window
    name: str
    shared: dict[str, Any]
    _bench: Bench | None = field(default=None, repr=False)
    _goals: tuple[Goal, ...] = field(default=(), repr=False)
    _population: Population | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_bench": None, "_goals": (), "_population": None}

    def prepared(self, plugins: Plugins | None = None) -> Scoring:
        """Return this object, with what does not travel."""
        if self._bench is None:
            self._bench = Bench(self.config, self.run, plugins or load_plugins())
            self._goals = goals_of(self.config, rated_metrics(self._bench))
            settings = self.config.trial
            self._population = Population.of(self.early.data, positions=settings.positions, repeats=settings.repeats)
        return self

    def __call__(self, params: dict[str, Any], attempt: Attempt) -> tuple[float, ...]:
        """Fit the recommender with these parameters and return its value on each objective."""
        from framework.training.fit import fit
        from framework.training.search_trials import Pruned

        self.prepared()
        bench, first = self._own_bench(params), self._goals[0]
        shared = dict(self.shared)  # rerankers with this trial's parameters are fitted at its first look
        recommender = bench.build(
            "recommender", bench.config.strategies[self.arm.name].recommender, f"search.space.{self.arm.name}"
        )
        record = fit(
            recommender,
            self.early.data,
            self._context(attempt.number, bench.log),
            replace(bench.config.trainer, progress=False, tensorboard=False),
            validation=lambda: first.sign * self._values(bench, recommender, shared)[first.label],
            report=lambda step, value: attempt.report(step, first.sign * value),
            callbacks=bench.plugins.trainer_callbacks(run=bench.run),
            options=bench.plugins.trainer_options(run=bench.run),
            identity=f"{self.name} {attempt.number}",
        )
        if record.stopped == "pruned":
            raise Pruned
        if record.best_epoch is not None:
            attempt.notes[EPOCHS] = record.best_epoch
        values = {**self._values(bench, recommender, shared), FIT_SECONDS: record.seconds}
        return tuple(values[goal.label] for goal in self._goals)

    def _own_bench(self, params: Mapping[str, Any]) -> Bench:
        assert self._bench is not None  # noqa: S101
        strategies = {self.arm.name: self.arm.with_params(params)}
        return replace(self._bench, config=replace(self.config, model=self.arm.model, strategies=strategies))

    def _context(self, number: int, log: logging.Logger) -> Context:
        # Every trial draws alike: parameters are compared, not draws.
        own = self.arm.choice.recommender.name
        folder = trial_folder(self.run.folder, self.name, number)
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([self.config.seed, crc32(f"search:{own}".encode())])
        return Context(rng, self.config.device, folder, log.getChild(f"search:{self.name}:{number}"))

    def _values(self, bench: Bench, recommender: Recommender, shared: dict[str, Any]) -> dict[str, float]:
        """Return the value on each metric among the objectives, and how long the recommender's ranking took."""
        assert self._population is not None  # noqa: S101
        choice, settings = bench.config.strategies[self.arm.name], bench.config.trial
        timed = _Timed(recommender)
        shared[shared_key(choice.recommender, self.arm.model)] = timed
        strategy = strategy_of(bench, self.arm.name, choice, self.early, shared)
        trial = holdout_trial(
            {self.arm.name: strategy},
            self._population,
            self.later,
            users=settings.holdout.users,
            candidates=settings.candidates,
            seed=bench.config.seed,
        )
        outcomes = trial.outcomes[self.arm.name]
        values = {goal.label: _value(goal, outcomes) for goal in self._goals if goal.metric is not None}
        values[LATENCY] = 1000.0 * timed.seconds / max(1, timed.queries)
        return values


def trial_folder(folder: Path, name: str, number: int) -> Path:
    """Return where a trial's recommender may write: no two trials, nor a trial and its repetition, share one."""
    return folder / "work" / "search" / name / f"trial-{number}"


@dataclass
class _Timed:
    """A recommender that counts how long it takes."""

    own: Recommender
    seconds: float = 0.0
    queries: int = 0

    def fit(self, data: Any, context: Context) -> None:
        """Leave it: it is fitted."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        started = time.perf_counter()
        slates = self.own.recommend(queries, k)
        self.seconds += time.perf_counter() - started
        self.queries += len(queries)
        return slates


def _value(goal: Goal, outcomes: Outcomes) -> float:
    """Return the arm's own value, as its report would show it. Raises TrialError where it has none."""
    if not isinstance(goal.metric, Metric):
        return float(goal.metric.summarise(outcomes)) if goal.metric is not None else float("nan")
    found = arm_value(goal.metric.measure(outcomes), metric=goal.label, arm=outcomes.strategy).estimate
    if found is None:
        raise TrialError(f"{goal.label} has no value on the validation part")
    return float(found)

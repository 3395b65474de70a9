"""The study's own trial on the validation part: the seal on the test part stays whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.config import RunConfig
from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.parts import Parts, cut_into_parts
from framework.data.tables import MICROSECONDS_PER_DAY, Dataset
from framework.errors import ConfigError
from framework.fitting import Bench, RatedMetric, fit_segments, fit_simulator, fit_strategies, rated_metrics
from framework.kinds import Metric
from framework.preflight import check_study, describes_only
from framework.records import Trial, UnitValues
from framework.stages import Stages
from framework.trial.dry_run import try_metrics
from framework.trial.effects import measure
from framework.trials import check_log_serves, trials_on


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal leaves: the trials on the validation part, their metrics by unit, and the log's traffic.

    `measured` maps evidence, metric and strategy to unit values; `data` is what the strategies learned from. `days_ago`
    (U,) says how many whole days before the test part each user of the last `days` days came last: 0 on the last day.
    `window` is the validation part's length in days, `kinds` the kinds of events that the log holds before the test.
    """

    trials: tuple[Trial, ...]
    metrics: tuple[RatedMetric, ...]
    measured: dict[str, dict[str, dict[str, UnitValues]]]
    data: Dataset
    days_ago: NDArray[np.int64]
    days: int
    window: float
    kinds: tuple[str, ...]
    data_digest: str
    warnings: tuple[str, ...]


def rehearse(bench: Bench, stages: Stages, warnings: Sequence[str]) -> Rehearsal:
    """Learn from the fit part, hold the study's trials on the validation part, and measure them.

    `warnings` are what is known of the study so far. Raises what a run would raise.
    """
    study: RunConfig = bench.config
    bench.check()
    metrics = rated_metrics(bench)
    try_metrics([rated.metric for rated in metrics], study.trial.evidence, study.trial.positions)
    stage = stages.stage
    with open_engine(study.data, bench.run.folder / "work") as engine:
        with stage("data", "Reading and cleaning the log"):
            raw = bench.build("source", study.source, "source").read(bench.context("source"))
            log = clean(raw, engine, study.data.cleaning)
        with stage("split", "Splitting by time, computing features"):
            parts = cut_into_parts(log, study.data)
            notes = check_log_serves(study, metrics, log, parts)
        with stage("model", "Finding segments"):
            segmented = fit_segments(bench, study.model, parts.early)
        with stage("strategies", "Training strategies", total=len(study.strategies)) as step:
            fitted = fit_strategies(bench, segmented, step)
        with stage("simulator", "Fitting the simulator"):
            simulator = fit_simulator(bench, parts)
        with stage("trial", "Rehearsing on the validation part", total=len(study.trial.evidence)) as step:
            trials = trials_on(bench, fitted, segmented, simulator, parts.validation, step)
        days_ago, days = _traffic(parts)
    seen = parts.train.events
    return Rehearsal(
        trials=trials,
        metrics=metrics,
        measured={trial.evidence: measure(trial, [rated.metric for rated in metrics]) for trial in trials},
        data=segmented.data,
        days_ago=days_ago,
        days=days,
        window=(parts.validation.end - parts.validation.start) / MICROSECONDS_PER_DAY,
        kinds=tuple(seen.kinds[kind] for kind in np.unique(seen.kind)),
        data_digest=log.digest,
        warnings=(*warnings, *log.warnings, *notes, *(own for trial in trials for own in trial.warnings)),
    )


def check_rehearsal(study: RunConfig) -> tuple[str, ...]:
    """Return warnings about a study that can be rehearsed; raise ConfigError for one that cannot."""
    if describes_only(study):
        raise ConfigError(
            f"study '{study.study}' compares no strategies, so there is no test to plan or calibrate",
            hint="Name strategies and metrics in its config.yaml, or run it: it describes segments.",
        )
    return check_study(study)


def roles_of(metrics: Sequence[RatedMetric]) -> dict[str, str]:
    """Return each tested metric's role by its label."""
    return {rated.metric.label: rated.role for rated in metrics if isinstance(rated.metric, Metric)}


def unit_of(metrics: Sequence[RatedMetric]) -> Mapping[str, Any]:
    """Return what each metric is measured in, by its label."""
    return {rated.metric.label: rated.metric.unit for rated in metrics}


def _traffic(parts: Parts) -> tuple[NDArray[np.int64], int]:
    """Return how many days before the test part each user came last, and how many whole days of the log these are.

    Users who came within the last d days, for every d, are what a test of d days would have met had it ended now: each
    counted once, and no day of it extrapolated.
    """
    events = parts.train.events
    if not len(events):
        return np.empty(0, dtype=np.int64), 0
    end = parts.train.as_of
    days = int((end - int(events.time.min())) // MICROSECONDS_PER_DAY)
    ago = np.full(len(parts.train.users), days, dtype=np.int64)
    known = events.user >= 0
    np.minimum.at(ago, events.user[known], (end - 1 - events.time[known]) // MICROSECONDS_PER_DAY)
    return ago[ago < days], days

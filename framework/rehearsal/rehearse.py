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
from framework.records import Trial, UnitValues
from framework.stages import Stages
from framework.trial.dry_run import try_metrics
from framework.trial.effects import measure
from framework.trials import check_log_serves, trials_on

TRAFFIC_DAYS = 56
"""Days of the log before the test part that the traffic is read from (fewer where the log is shorter)."""


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal leaves: the trials on the validation part, their metrics by unit, and the log's traffic.

    `measured` maps evidence, metric and strategy to unit values. `first_seen` (U,) are the days, from 0, on which the
    users of the last `days` days before the test part were first seen in them. `features` are the users' known
    features (U0, F) of the data that the strategies learned from.
    """

    trials: tuple[Trial, ...]
    metrics: tuple[RatedMetric, ...]
    measured: dict[str, dict[str, dict[str, UnitValues]]]
    data: Dataset
    first_seen: NDArray[np.int64]
    days: int
    data_digest: str
    warnings: tuple[str, ...]


def rehearse(bench: Bench, stages: Stages, warnings: Sequence[str]) -> Rehearsal:
    """Learn from the fit part, hold the study's trials on the validation part, and measure them.

    Raises ConfigError for a study that compares nothing, and what a run would raise.
    """
    study: RunConfig = bench.config
    if not study.strategies:
        raise ConfigError(f"study '{study.study}' compares no strategies, so there is no test to plan or calibrate")
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
        first_seen, days = _traffic(parts)
    measured = {trial.evidence: measure(trial, [rated.metric for rated in metrics]) for trial in trials}
    return Rehearsal(
        trials, metrics, measured, segmented.data, first_seen, days, log.digest, (*warnings, *log.warnings, *notes)
    )


def roles_of(metrics: Sequence[RatedMetric]) -> dict[str, str]:
    """Return each tested metric's role by its label."""
    return {rated.metric.label: rated.role for rated in metrics if isinstance(rated.metric, Metric)}


def unit_of(metrics: Sequence[RatedMetric]) -> Mapping[str, Any]:
    """Return what each metric is measured in, by its label."""
    return {rated.metric.label: rated.metric.unit for rated in metrics}


def _traffic(parts: Parts) -> tuple[NDArray[np.int64], int]:
    """Return on which day of the last stretch before the test part each of its users was first seen, and its length."""
    events = parts.train.events
    if not len(events):
        return np.empty(0, dtype=np.int64), 0
    end = parts.train.as_of
    length = (end - int(events.time.min())) // MICROSECONDS_PER_DAY
    days = int(max(1, min(TRAFFIC_DAYS, length)))
    day = (events.time - (end - days * MICROSECONDS_PER_DAY)) // MICROSECONDS_PER_DAY
    inside = (day >= 0) & (day < days)
    first = np.full(len(parts.train.users), days, dtype=np.int64)
    np.minimum.at(first, events.user[inside], day[inside])
    return first[first < days], days

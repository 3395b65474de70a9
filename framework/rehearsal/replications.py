"""The rehearsed trials as something to replicate: every unit, every effect that a run would test, known gains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.fitting import Bench
from framework.judging import decision_rule
from framework.records import Outcomes, Trial
from framework.rehearsal.promise import first_level, smallest_found
from framework.rehearsal.rehearse import Rehearsal, roles_of
from framework.stats.replication.pool import Pool, pool_of
from framework.stats.replication.replay import Asked, Replay, Replayed, merged, replay, values_of
from framework.stats.samples import checked
from framework.trial.effects import Measured, pairs_of, tested_segments
from framework.trial.replicate import replicate

AT_ONCE = 250
"""Replications in one task: enough to be worth sending to a process, few enough to show progress."""
ROUNDS = 3
"""Times that a detectable gain is sought anew: a planted share changes the spread that it has to be told from."""
MOST = 0.98
"""How much of a share's room to 0 or 1 a detectable gain may take."""

Gains = dict[tuple[str, str], float]
"""What is planted on every treatment, by evidence and metric, in the metric's unit."""


@dataclass(frozen=True)
class Planting:
    """The gains planted; `levels` are at which each is found with the rule's power, where that was planned for."""

    gains: Gains
    levels: dict[tuple[str, str], float]
    notes: tuple[str, ...]


def replay_plan(bench: Bench, rehearsal: Rehearsal) -> tuple[Replay, tuple[str, ...]]:
    """Return the study's trials to replicate, with every effect that a run would test, and what is left out and why.

    Raises:
        TrialError: where a primary metric cannot be compared.
    """
    study = bench.config
    roles = roles_of(rehearsal.metrics)
    pools: dict[str, Pool] = {}
    asked: list[Asked] = []
    notes: list[str] = []
    for trial in rehearsal.trials:
        measured, left_out = _usable(trial, rehearsal.measured[trial.evidence], roles)
        notes += left_out
        arms = [study.control, *(name for name in trial.outcomes if name != study.control)]
        pools[trial.evidence] = pool_of(
            measured,
            {arm: _segment_names(trial.outcomes[arm]) for arm in arms},
            design=trial.design,
            segments=tested_segments(trial, study.trial.segment_floor),
        )
        pairs = pairs_of(trial, measured, control=study.control, roles=roles, floor=study.trial.segment_floor)
        asked += [
            Asked(trial.evidence, pair.metric, pair.control, pair.treatment, pair.segment, roles[pair.metric])
            for pair in pairs
        ]
    rule = decision_rule(study, rehearsal.metrics)
    plan = Replay(pools, tuple(asked), rule, 1.0 - study.decision.alpha, study.decision.alpha)
    return plan, tuple(notes)


def with_gains(plan: Replay, gains: Gains) -> Replay:
    """Return the plan with these gains planted on every treatment."""
    treatments = [arm for pool in plan.pools.values() for arm in pool.arms[1:]]
    full = {(evidence, metric, arm): gain for (evidence, metric), gain in gains.items() for arm in treatments}
    return replace(plan, planted=full)


def tasks_of(replications: int) -> list[int]:
    """Return how many replications each task holds: the same whatever the number of processes."""
    whole, left = divmod(replications, AT_ONCE)
    return [AT_ONCE] * whole + ([left] if left else [])


def replicated(
    plan: Replay, replications: int, seed: Sequence[int], *, jobs: int | None, advance: Callable[[], None]
) -> Replayed:
    """Return all replications, bit for bit the same for any number of `jobs` (None: one a core)."""
    tasks = tasks_of(replications)
    trial = partial(_task, plan, tuple(tasks), tuple(seed))
    return merged(replicate(trial, range(len(tasks)), jobs=-1 if jobs is None else jobs, chunk=1, advance=advance))


def _task(plan: Replay, tasks: tuple[int, ...], seed: tuple[int, ...], number: int) -> Replayed:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums on several threads move the last digits, and processes share the cores
        return replay(plan, tasks[number], [*seed, number])


def planting(plan: Replay, null: Replayed, relative: float | None, seed: Sequence[int]) -> Planting:
    """Return what to plant on each primary metric, towards its good side.

    With `relative`, that share of the metric's value. Else what the plan promises to find with the rule's power at the
    correction's first step, from the standard error where nothing differs and, for shares, where it is planted.

    Raises:
        ConfigError: for a relative gain that would take a share out of 0 to 1.
    """
    if relative is not None:
        return Planting(_relative(plan, relative), {}, ())
    levels = {key: level for key, (level, _) in _primaries(plan).items()}
    gains = _detectable(plan, null, levels)
    for number in range(ROUNDS if any(_is_share(plan, key) for key in gains) else 0):
        found = _task(with_gains(plan, gains), (AT_ONCE,) * ROUNDS, (*seed, 2), number)
        gains = _detectable(plan, found, levels)
    held = {key for key in gains if abs(gains[key]) >= _room(plan, key) * MOST}
    notes = tuple(
        f"{evidence}: no share can gain what this trial finds on {metric}, so less is planted."
        for evidence, metric in gains
        if (evidence, metric) in held
    )
    return Planting(gains, {key: level for key, level in levels.items() if key not in held}, notes)


def _primaries(plan: Replay) -> dict[tuple[str, str], tuple[float, list[int]]]:
    """Return each primary metric's first level and its rows (over all units, against the control), by evidence."""
    found: dict[tuple[str, str], tuple[float, list[int]]] = {}
    for row, asked in enumerate(plan.asked):
        pool = plan.pools[asked.evidence]
        if asked.segment is not None or asked.metric not in plan.rule.primary or asked.control != pool.arms[0]:
            continue
        level = first_level(plan.rule, asked.metric, pool.values, len(pool.arms) - 1)
        found.setdefault((asked.evidence, asked.metric), (level, []))[1].append(row)
    return found


def _detectable(plan: Replay, found: Replayed, levels: Mapping[tuple[str, str], float]) -> Gains:
    gains: Gains = {}
    for key, (_, rows) in _primaries(plan).items():
        error = float(np.nanmean(found.standard_error[rows]))
        size = smallest_found(plan.rule, key[1], error, levels[key])
        gains[key] = plan.rule.sign(key[1]) * min(size, _room(plan, key) * MOST)
    return gains


def _relative(plan: Replay, relative: float) -> Gains:
    gains: Gains = {}
    values = values_of(plan)
    for (evidence, metric), (_, rows) in _primaries(plan).items():
        value = values[plan.asked[rows[0]]]
        size = abs(relative * value)
        if size > _room(plan, (evidence, metric)):
            raise ConfigError(
                f"calibrate.planted is {relative:g}, and {metric} ({evidence}) is a share of {value:.3g}",
                allowed=f"at most {_room(plan, (evidence, metric)) / value:.3g} on this study",
            )
        gains[evidence, metric] = plan.rule.sign(metric) * size
    return gains


def _is_share(plan: Replay, key: tuple[str, str]) -> bool:
    evidence, metric = key
    return plan.pools[evidence].measure(metric).kind == "proportion"


def _room(plan: Replay, key: tuple[str, str]) -> float:
    """Return how much a metric can gain at most towards its good side."""
    if not _is_share(plan, key):
        return float("inf")
    evidence, metric = key
    every = np.concatenate([own.numerator for own in plan.pools[evidence].values[metric].values()])
    value = float(every.mean())
    return 1.0 - value if plan.rule.sign(metric) > 0 else value


def _usable(trial: Trial, measured: Measured, roles: Mapping[str, str]) -> tuple[Measured, list[str]]:
    """Return the metrics that can be compared over all units, as a run would find them, and why others cannot."""
    usable: Measured = {}
    notes = []
    for metric, by_arm in measured.items():
        try:
            for arm, values in by_arm.items():
                checked(values, metric=metric, arm=arm)
        except TrialError as error:
            if roles[metric] == "primary":
                raise
            notes.append(f"Not replicated ({trial.evidence}): {error}")
        else:
            usable[metric] = by_arm
    return usable, notes


def _segment_names(outcomes: Outcomes) -> NDArray[np.str_]:
    names = np.array([*outcomes.segment_names, ""], dtype=np.str_)
    return np.asarray(names[outcomes.segment])

"""From outcomes to effects: every metric, every pair of arms, overall and per segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.kinds import Metric, Summary
from framework.records import ArmValue, Outcomes, Trial, UnitValues
from framework.stats.arms import arm_value
from framework.stats.compare import compare
from framework.stats.effects import Effect

Measured = dict[str, dict[str, UnitValues]]
"""Values of every unit: by metric label, then by strategy."""


def measure(trial: Trial, metrics: Sequence[Metric | Summary]) -> Measured:
    """Return what each unit metric that this evidence supports reads from every strategy's outcomes."""
    return {
        metric.label: {name: metric.measure(outcomes) for name, outcomes in trial.outcomes.items()}
        for metric in metrics
        if isinstance(metric, Metric) and trial.evidence in metric.evidence
    }


def effects_of(
    trial: Trial, measured: Measured, *, control: str, roles: Mapping[str, str], confidence: float, floor: int
) -> tuple[Effect, ...]:
    """Return every treatment's effect against the control, overall, then on primary metrics per segment.

    Segments with fewer than `floor` units are left out.
    """
    treatments = [name for name in trial.outcomes if name != control]
    segments = tested_segments(trial, floor)
    return tuple(
        _effect(trial, values, label, control, treatment, segment, roles[label], confidence)
        for segment in (None, *segments)
        for label, values in measured.items()
        if segment is None or roles[label] == "primary"
        for treatment in treatments
    )


def effects_between_treatments(
    trial: Trial, measured: Measured, *, control: str, roles: Mapping[str, str], confidence: float
) -> tuple[Effect, ...]:
    """Return the primary metrics' effects between every two treatments, the first as the control of the pair."""
    treatments = [name for name in trial.outcomes if name != control]
    return tuple(
        _effect(trial, values, label, first, second, None, roles[label], confidence)
        for label, values in measured.items()
        if roles[label] == "primary"
        for place, first in enumerate(treatments)
        for second in treatments[place + 1 :]
    )


def arm_values(
    trial: Trial, measured: Measured, metrics: Sequence[Metric | Summary], confidence: float
) -> tuple[ArmValue, ...]:
    """Return every strategy's own value on every metric, with an interval where the metric is a mean over units."""
    rows = []
    for metric in metrics:
        if trial.evidence not in metric.evidence:
            continue
        for name, outcomes in trial.outcomes.items():
            n = len(outcomes)
            if isinstance(metric, Metric):
                own = arm_value(measured[metric.label][name], confidence)
                value = float("nan") if own.estimate is None else own.estimate
                row = ArmValue(name, metric.label, trial.evidence, None, n, value, own.ci_low, own.ci_high, own.reason)
            else:
                note = "a figure of the whole arm: no interval, not tested"
                value = metric.summarise(outcomes)
                row = ArmValue(name, metric.label, trial.evidence, None, n, value, None, None, note)
            rows.append(row)
    return tuple(rows)


def tested_segments(trial: Trial, floor: int) -> tuple[str, ...]:
    """Return the segments with at least `floor` units in every arm; with a single segment there is none to tell."""
    sizes = segment_sizes(trial)
    present = [name for name, size in sizes.items() if size]
    return tuple(name for name in present if sizes[name] >= floor) if len(present) > 1 else ()


def segment_sizes(trial: Trial) -> dict[str, int]:
    """Return each segment's number of units in the arm that has the fewest of them."""
    arms = list(trial.outcomes.values())
    return {
        name: min(int((outcomes.segment == index).sum()) for outcomes in arms)
        for index, name in enumerate(arms[0].segment_names)
    }


def _effect(
    trial: Trial,
    values: Mapping[str, UnitValues],
    label: str,
    control: str,
    treatment: str,
    segment: str | None,
    role: str,
    confidence: float,
) -> Effect:
    effect = compare(
        _within(values[control], trial.outcomes[control], segment),
        _within(values[treatment], trial.outcomes[treatment], segment),
        metric=label,
        control_name=control,
        treatment_name=treatment,
        segment=segment,
        design=trial.design,
        confidence=confidence,
    )
    return replace(effect, evidence=trial.evidence, role=role, estimand=trial.estimand)


def _within(values: UnitValues, outcomes: Outcomes, segment: str | None) -> UnitValues:
    if segment is None:
        return values
    mask: NDArray[np.bool_] = outcomes.segment == outcomes.segment_names.index(segment)
    if not mask.any():
        raise TrialError(f"segment '{segment}' has no unit under strategy '{outcomes.strategy}'")
    denominator = None if values.denominator is None else values.denominator[mask]
    return UnitValues(values.kind, values.numerator[mask], denominator)

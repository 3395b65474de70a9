"""From outcomes to effects: every metric, every pair of arms, overall and per segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Pair:
    """One comparison to make: a metric, an arm to compare with, an arm to judge, all units (None) or a segment."""

    metric: str
    control: str
    treatment: str
    segment: str | None = None


def pairs_of(
    trial: Trial, measured: Measured, *, control: str, roles: Mapping[str, str], floor: int
) -> tuple[Pair, ...]:
    """Return what to compare.

    Every treatment with the control on every metric; on primary metrics and guardrails also per segment of at least
    `floor` units; on primary metrics every two treatments with each other.
    """
    treatments = [name for name in trial.outcomes if name != control]
    primary = [label for label in measured if roles[label] == "primary"]
    overall = [Pair(label, control, treatment) for label in measured for treatment in treatments]
    within = [
        Pair(label, control, treatment, segment)
        for segment in tested_segments(trial, floor)
        for label in measured
        if roles[label] in {"primary", "guardrail"}
        for treatment in treatments
    ]
    between = [
        Pair(label, first, second)
        for label in primary
        for place, first in enumerate(treatments)
        for second in treatments[place + 1 :]
    ]
    return (*overall, *within, *between)


def effects_of(
    trial: Trial, measured: Measured, pairs: Sequence[Pair], *, roles: Mapping[str, str], confidence: float
) -> tuple[tuple[Effect, ...], tuple[str, ...]]:
    """Return the pairs' effects, and a warning for each that cannot be estimated (a ratio with no denominators).

    A primary metric over all units must be estimable: there the TrialError is raised.
    """
    effects, warnings = [], []
    for pair in pairs:
        try:
            effects.append(_effect(trial, measured[pair.metric], pair, roles[pair.metric], confidence))
        except TrialError as error:
            if roles[pair.metric] == "primary" and pair.segment is None:
                raise
            place = trial.evidence if pair.segment is None else f"{trial.evidence}, {pair.segment}"
            warnings.append(f"No effect of {pair.treatment} against {pair.control} ({place}): {error}")
    return tuple(effects), tuple(dict.fromkeys(warnings))


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
                row = _tested_value(trial.evidence, name, metric.label, n, measured[metric.label][name], confidence)
            else:
                note = "a figure of the whole arm: no interval, not tested"
                value = metric.summarise(outcomes)
                row = ArmValue(name, metric.label, trial.evidence, None, n, value, None, None, note)
            rows.append(row)
    return tuple(rows)


def _tested_value(evidence: str, name: str, label: str, n: int, values: UnitValues, confidence: float) -> ArmValue:
    try:
        own = arm_value(values, confidence, metric=label, arm=name)
    except TrialError as error:
        return ArmValue(name, label, evidence, None, n, float("nan"), None, None, str(error))
    value = float("nan") if own.estimate is None else own.estimate
    return ArmValue(name, label, evidence, None, n, value, own.ci_low, own.ci_high, own.reason)


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


def _effect(trial: Trial, values: Mapping[str, UnitValues], pair: Pair, role: str, confidence: float) -> Effect:
    effect = compare(
        _within(values[pair.control], trial.outcomes[pair.control], pair.segment),
        _within(values[pair.treatment], trial.outcomes[pair.treatment], pair.segment),
        metric=pair.metric,
        control_name=pair.control,
        treatment_name=pair.treatment,
        segment=pair.segment,
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

"""What segments' effects say together: do they differ at all, and what is left of each after shrinkage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import TrialError
from framework.stats.effects import Effect
from framework.stats.segments.interaction import interaction_of_effects
from framework.stats.segments.shrinkage import shrink


@dataclass(frozen=True)
class SegmentFinding:
    """One metric and pair of arms over K segments.

    `p_value` tests "the effect is the same in all segments"; `differ` says whether it is at most alpha. `estimates`
    with `low` and `high` are each segment's shrunken effect (metric's unit) in the order of `segments`; `tau` is the
    spread between true effects.
    """

    metric: str
    control: str
    treatment: str
    evidence: str | None
    method: str
    p_value: float
    differ: bool
    text: str
    segments: tuple[str, ...]
    estimates: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    tau: float


def segment_findings(effects: Sequence[Effect], alpha: float = 0.05) -> tuple[SegmentFinding, ...]:
    """Return a finding for each metric, pair of arms and evidence with effects in two segments or more.

    Segments whose effect has no error cannot be weighed and are left out. Effects within segments must rest on
    different units.
    """
    groups: dict[tuple[str, str, str, str | None], list[Effect]] = {}
    for effect in effects:
        if effect.segment is not None and effect.standard_error > 0:
            groups.setdefault((effect.metric, effect.control, effect.treatment, effect.evidence), []).append(effect)
    return tuple(_finding(members, alpha) for members in groups.values() if len(members) > 1)


def _finding(members: Sequence[Effect], alpha: float) -> SegmentFinding:
    first = members[0]
    try:
        test = interaction_of_effects(members, alpha=alpha)
    except TrialError as error:
        raise TrialError(f"metric '{first.metric}': {error.what}", allowed=error.allowed, hint=error.hint) from error
    drawn = shrink(
        np.array([effect.estimate for effect in members]),
        np.array([effect.standard_error for effect in members]),
        confidence=first.confidence,
    )
    return SegmentFinding(
        metric=first.metric,
        control=first.control,
        treatment=first.treatment,
        evidence=first.evidence,
        method=test.method,
        p_value=test.p_value,
        differ=test.p_value <= alpha,
        text=test.text,
        segments=tuple(str(effect.segment) for effect in members),
        estimates=tuple(drawn.estimates.tolist()),
        low=tuple(drawn.ci_low.tolist()),
        high=tuple(drawn.ci_high.tolist()),
        tau=drawn.tau,
    )

"""Replications judged as the study judges its trial: same estimators, same corrections, same rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.stats.compare import ESTIMATORS
from framework.stats.decision import DecisionRule
from framework.stats.decision.decide import decision_on
from framework.stats.designs.differences import Differences
from framework.stats.effects import Effect, Interval
from framework.stats.moments.two_arms import TwoArms
from framework.stats.multiplicity import correct
from framework.stats.replication.bags import Bags
from framework.stats.replication.draws import null_draws, replicated, truth_of

WORDS = ("ship", "hold", "stop", "undecided")
NOT_TRIED = Interval(None, None, None, "not computed in replications")


@dataclass(frozen=True)
class Asked:
    """One effect of a replication: what is compared with what, where."""

    evidence: str
    metric: str
    control: str
    treatment: str
    segment: str | None
    role: str | None


@dataclass(frozen=True)
class Replay:
    """All that replications need. `bags` are by (evidence, metric); `planted` what is added to the value of the arm.

    `planted` is by (evidence, metric, arm), in the metric's unit; nothing planted is an A/A test.
    """

    bags: Mapping[tuple[str, str], Bags]
    asked: tuple[Asked, ...]
    rule: DecisionRule
    confidence: float
    alpha: float
    planted: Mapping[tuple[str, str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Replayed:
    """What R replications gave: for each asked effect (E, R), for each treatment its decision's place in `WORDS`.

    `covered`: the nominal interval holds the truth; `p_value` raw, `p_adjusted` corrected (nan where not tested).
    """

    covered: NDArray[np.bool_]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    decisions: dict[str, NDArray[np.int8]]


def replay(plan: Replay, replications: int, seed: Sequence[int]) -> Replayed:
    """Return `replications` of the trial, the same for the same seed.

    Kinds of evidence are drawn independently of each other; all metrics of one evidence share their draws, as they
    share their users.
    """
    estimates = _estimates(plan, replications, seed)
    shape = (len(plan.asked), replications)
    covered, p_value, error = np.zeros(shape, dtype=bool), np.ones(shape), np.zeros(shape)
    for row, asked in enumerate(plan.asked):
        found, _ = estimates[asked]
        truth = _gain(plan, asked, asked.treatment) - _gain(plan, asked, asked.control)
        covered[row] = (found.ci_low <= truth) & (truth <= found.ci_high)
        p_value[row], error[row] = found.p_value, found.standard_error
    p_adjusted = np.full(shape, np.nan)
    treatments = list(dict.fromkeys(asked.treatment for asked in plan.asked))
    decisions = {treatment: np.zeros(replications, dtype=np.int8) for treatment in treatments}
    for place in range(replications):
        effects = correct(
            [_effect(plan, asked, *estimates[asked], place) for asked in plan.asked], plan.alpha, plan.rule.corrections
        )
        for row, effect in enumerate(effects):
            if effect.p_adjusted is not None:
                p_adjusted[row, place] = effect.p_adjusted
        for treatment in treatments:
            decisions[treatment][place] = WORDS.index(decision_on(effects, plan.rule, treatment))
    return Replayed(covered, p_value, p_adjusted, error, decisions)


def merged(parts: Sequence[Replayed]) -> Replayed:
    """Return replications put one after the other."""
    return Replayed(
        covered=np.concatenate([part.covered for part in parts], axis=1),
        p_value=np.concatenate([part.p_value for part in parts], axis=1),
        p_adjusted=np.concatenate([part.p_adjusted for part in parts], axis=1),
        standard_error=np.concatenate([part.standard_error for part in parts], axis=1),
        decisions={
            treatment: np.concatenate([part.decisions[treatment] for part in parts]) for treatment in parts[0].decisions
        },
    )


def _estimates(
    plan: Replay, replications: int, seed: Sequence[int]
) -> Mapping[Asked, tuple[Differences, tuple[NDArray[np.float64], ...]]]:
    """Return every asked effect's differences (R,), with the arms' sizes and values (n, n, value, value)."""
    found: dict[Asked, tuple[Differences, tuple[NDArray[np.float64], ...]]] = {}
    evidences = list(dict.fromkeys(asked.evidence for asked in plan.asked))
    for number, evidence in enumerate(evidences):
        own = {metric: bags for (name, metric), bags in plan.bags.items() if name == evidence}
        first = next(iter(own.values()))
        draws = null_draws(first.design, first.sizes, replications, np.random.default_rng([*seed, number]))
        cache: dict[tuple[str, str | None], dict[tuple[str, str], TwoArms]] = {}
        for asked in (one for one in plan.asked if one.evidence == evidence):
            key = (asked.metric, asked.segment)
            if key not in cache:
                gains = {arm: _gain(plan, asked, arm) for arm in first.arms}
                cache[key] = replicated(own[asked.metric], draws, asked.segment, gains)
            arms = cache[key][asked.control, asked.treatment]
            differences = ESTIMATORS[arms.design, arms.measure.kind](arms, plan.confidence)
            found[asked] = (differences, (arms.control.n, arms.treatment.n, *arms.values))
    return found


def _gain(plan: Replay, asked: Asked, arm: str) -> float:
    return float(plan.planted.get((asked.evidence, asked.metric, arm), 0.0))


def _effect(
    plan: Replay, asked: Asked, found: Differences, arms: tuple[NDArray[np.float64], ...], place: int
) -> Effect:
    df = float(found.df[place])
    return Effect(
        metric=asked.metric,
        control=asked.control,
        treatment=asked.treatment,
        segment=asked.segment,
        n_control=int(arms[0][place]),
        n_treatment=int(arms[1][place]),
        control_value=float(arms[2][place]),
        treatment_value=float(arms[3][place]),
        estimate=float(found.difference[place]),
        standard_error=float(found.standard_error[place]),
        ci_low=float(found.ci_low[place]),
        ci_high=float(found.ci_high[place]),
        p_value=float(found.p_value[place]),
        p_adjusted=None,
        relative=NOT_TRIED,
        method=found.method,
        design=plan.bags[asked.evidence, asked.metric].design,
        confidence=plan.confidence,
        evidence=asked.evidence,
        role=asked.role,
        df=df if np.isfinite(df) else None,
    )


def truths(plan: Replay) -> dict[Asked, float]:
    """Return the value that both arms of each asked effect have in truth where nothing is planted."""
    return {asked: truth_of(plan.bags[asked.evidence, asked.metric], asked.segment) for asked in plan.asked}

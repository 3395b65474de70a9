"""Replications judged as the study judges its trial: same estimators, same corrections, same rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.stats.compare import ESTIMATORS
from framework.stats.decision import DecisionRule
from framework.stats.designs.differences import Differences
from framework.stats.effects import Effect, Interval
from framework.stats.moments.record import Moments, Numbers
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms
from framework.stats.multiplicity.batched import correct_batch
from framework.stats.replication.draws import States, states_of, weights_of
from framework.stats.replication.pool import Pool
from framework.stats.replication.sums import added_up
from framework.stats.replication.verdicts import decisions

NOT_TRIED = Interval(None, None, None, "not computed in replications")
CLOSE = 1e-9
"""Distance from the truth, as a share of the arms' values, that is rounding."""


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
    """All that replications need: the units of each kind of evidence, the effects asked for, and the rule.

    `planted` is what is added to the value of an arm, by (evidence, metric, arm), in the metric's unit (what that means
    for a unit: `planting.planted`); nothing planted is an A/A test.
    """

    pools: Mapping[str, Pool]
    asked: tuple[Asked, ...]
    rule: DecisionRule
    confidence: float
    alpha: float
    planted: Mapping[tuple[str, str, str], float] = field(default_factory=dict)


@dataclass(frozen=True)
class Replayed:
    """What R replications gave: for each asked effect (E, R), for each treatment its decision's place in `WORDS`.

    `truth` (E, R) is the population's own difference and `covered` says that the nominal interval holds it. `p_value`
    is raw, `p_adjusted` corrected (nan where not tested). Where a replication had too few units to compare, p and
    standard error are nan, and nothing is covered.
    """

    truth: NDArray[np.float64]
    covered: NDArray[np.bool_]
    estimate: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_adjusted: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    decisions: dict[str, NDArray[np.int8]]


@dataclass(frozen=True)
class _Estimated:
    """One asked effect in R replications: its differences, the arms' units and values, and where all that is known."""

    found: Differences
    units: tuple[Numbers, Numbers]
    values: tuple[Numbers, Numbers]
    known: NDArray[np.bool_]


def replay(plan: Replay, replications: int, seed: Sequence[int]) -> Replayed:
    """Return `replications` of the trial, the same for the same seed.

    Kinds of evidence are drawn independently of each other; all metrics of one evidence share their draws, as they
    share their users.
    """
    estimated = _estimates(plan, replications, seed)
    every = [estimated[asked] for asked in plan.asked]
    known = np.stack([own.known[:-1] for own in every])
    p_value = np.stack([own.found.p_value[:-1] for own in every])
    error = np.stack([own.found.standard_error[:-1] for own in every])
    p_value[~known], error[~known] = np.nan, np.nan
    truth = np.repeat([own.found.difference[-1:] for own in every], replications, axis=1)
    slack = CLOSE * np.array([[max(abs(own.values[0][-1]), abs(own.values[1][-1]))] for own in every])
    with np.errstate(invalid="ignore"):
        covered = known & (np.stack([own.found.ci_low[:-1] for own in every]) <= truth + slack)
        covered &= np.stack([own.found.ci_high[:-1] for own in every]) >= truth - slack
    effects = [_effect(plan, asked, own, -1) for asked, own in zip(plan.asked, every, strict=True)]
    p_adjusted, family = correct_batch(effects, p_value, plan.alpha, plan.rule.corrections)

    def corrected(row: int, place: int) -> Effect:
        p = float(p_adjusted[row, place])
        size = int(family[row, place])
        return _effect(plan, plan.asked[row], every[row], place, p if np.isfinite(p) else None, size or None)

    return Replayed(
        truth=truth,
        covered=covered,
        estimate=np.stack([own.found.difference[:-1] for own in every]),
        p_value=p_value,
        p_adjusted=p_adjusted,
        standard_error=error,
        decisions=decisions(effects, known, plan.rule, corrected),
    )


def merged(parts: Sequence[Replayed]) -> Replayed:
    """Return replications put one after the other."""

    def joined(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(part, name) for part in parts], axis=1)

    return Replayed(
        truth=joined("truth"),
        covered=joined("covered").astype(bool),
        estimate=joined("estimate"),
        p_value=joined("p_value"),
        p_adjusted=joined("p_adjusted"),
        standard_error=joined("standard_error"),
        decisions={
            treatment: np.concatenate([part.decisions[treatment] for part in parts]) for treatment in parts[0].decisions
        },
    )


def values_of(plan: Replay) -> dict[Asked, float]:
    """Return the value that the arms of each asked effect have in truth where nothing is planted."""
    found: dict[Asked, float] = {}
    for number, (evidence, pool) in enumerate(plan.pools.items()):
        rng = np.random.default_rng([0, number])
        states = states_of(pool, rng)
        weights = {arm: own[-1:] for arm, own in weights_of(pool, states, 0, rng).items()}
        own = [asked for asked in plan.asked if asked.evidence == evidence]
        found |= {asked: float(arms.values[0][0]) for asked, arms in _compared(pool, states, weights, own).items()}
    return found


def _estimates(plan: Replay, replications: int, seed: Sequence[int]) -> dict[Asked, _Estimated]:
    """Return every asked effect in the replications, and in the population itself, which comes last (R + 1,)."""
    found: dict[Asked, _Estimated] = {}
    for number, (evidence, pool) in enumerate(plan.pools.items()):
        dealing, drawing = np.random.default_rng([*seed, number]).spawn(2)
        gains = {(metric, arm): gain for (name, metric, arm), gain in plan.planted.items() if name == evidence}
        states = states_of(pool, dealing, gains)
        weights = weights_of(pool, states, replications, drawing)
        own = [asked for asked in plan.asked if asked.evidence == evidence]
        for asked, arms in _compared(pool, states, weights, own).items():
            found[asked] = _estimated(arms, plan.confidence)
    return found


def _compared(
    pool: Pool, states: States, weights: Mapping[str | None, Numbers], asked: Sequence[Asked]
) -> dict[Asked, TwoArms]:
    """Return the two arms (R + 1,) of each asked effect."""
    if pool.design == "paired":
        pairs = dict.fromkeys((one.metric, one.control, one.treatment) for one in asked)
        differences = {pair: _difference(pool, states, *pair) for pair in pairs}
        joint = added_up(differences, states.bag, states.segment, weights[None])
        return {
            one: TwoArms.paired(
                pool.measure(one.metric), joint[(one.metric, one.control, one.treatment), _code(pool, one)]
            )
            for one in asked
        }
    sides: dict[str, dict[tuple[str, int | None], Moments]] = {}
    for arm in dict.fromkeys(arm for one in asked for arm in (one.control, one.treatment)):
        metrics = dict.fromkeys(one.metric for one in asked if arm in (one.control, one.treatment))
        columns = {metric: _columns(pool, states, metric, arm) for metric in metrics}
        sides[arm] = added_up(columns, states.bag, states.segment, weights[arm])
    return {
        one: TwoArms(
            pool.measure(one.metric),
            sides[one.control][one.metric, _code(pool, one)],
            sides[one.treatment][one.metric, _code(pool, one)],
        )
        for one in asked
    }


def _code(pool: Pool, asked: Asked) -> int | None:
    return None if asked.segment is None else pool.segments.index(asked.segment)


def _columns(pool: Pool, states: States, metric: str, arm: str) -> dict[str, NDArray[np.float64]]:
    measure, values = pool.measure(metric), states.values[metric][arm]
    columns = {measure.numerator: values.numerator}
    if measure.denominator is not None and values.denominator is not None:
        columns[measure.denominator] = values.denominator
    return columns


def _difference(
    pool: Pool, states: States, metric: str, control: str, treatment: str
) -> dict[str, NDArray[np.float64]]:
    before, after = (_columns(pool, states, metric, arm) for arm in (control, treatment))
    return {**{DIFFERENCE + name: after[name] - before[name] for name in before}, **before}


def _estimated(arms: TwoArms, confidence: float) -> _Estimated:
    control, treatment = arms.control, arms.treatment
    known = (control.n >= 2) & (treatment.n >= 2)
    if arms.measure.denominator is not None:
        known &= (control.mean_of(arms.measure.denominator) > 0) & (treatment.mean_of(arms.measure.denominator) > 0)
    with np.errstate(all="ignore"):
        found = ESTIMATORS[arms.design, arms.measure.kind](arms, confidence)
        values = arms.values
        # Where nothing spreads, a difference of nothing but rounding is none.
        none = (found.standard_error == 0) & (np.abs(found.difference) <= CLOSE * np.abs(values[0]))
    found.p_value[none & (arms.measure.kind != "proportion")] = 1.0
    return _Estimated(found, (control.n, treatment.n), values, known & np.isfinite(found.p_value))


def _effect(
    plan: Replay,
    asked: Asked,
    own: _Estimated,
    place: int,
    p_adjusted: float | None = None,
    family: int | None = None,
) -> Effect:
    found, df = own.found, float(own.found.df[place])
    return Effect(
        metric=asked.metric,
        control=asked.control,
        treatment=asked.treatment,
        segment=asked.segment,
        n_control=int(own.units[0][place]),
        n_treatment=int(own.units[1][place]),
        control_value=float(own.values[0][place]),
        treatment_value=float(own.values[1][place]),
        estimate=float(found.difference[place]),
        standard_error=float(found.standard_error[place]),
        ci_low=float(found.ci_low[place]),
        ci_high=float(found.ci_high[place]),
        p_value=float(found.p_value[place]),
        p_adjusted=p_adjusted,
        relative=NOT_TRIED,
        method=found.method,
        design=plan.pools[asked.evidence].design,
        confidence=plan.confidence,
        evidence=asked.evidence,
        role=asked.role,
        df=df if np.isfinite(df) else None,
        family=family,
    )

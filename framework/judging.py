"""From trials to verdicts: effects on every metric, corrected as declared, judged by the rule written before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from framework.config import RunConfig
from framework.errors import ConfigError
from framework.fitting import RatedMetric
from framework.kinds import Metric
from framework.records import ArmValue, Evidence, SimulatorCheck, Trial, Verdict
from framework.stats.decision import DecisionRule, decide, headline_verdict, rule_digest, rule_text
from framework.stats.effects import Effect
from framework.stats.health import interference, sample_ratio, sample_ratio_by_segment
from framework.stats.multiplicity import Corrections
from framework.stats.segments.findings import segment_findings
from framework.trial.assign import planned_shares
from framework.trial.corrections import corrected_effects
from framework.trial.described import described
from framework.trial.doubts import influences_of, margins_of, shared_items, with_posterior
from framework.trial.effects import arm_values, effects_of, measure, pairs_of, segment_sizes
from framework.trial.side_by_side import side_by_side

MINOR_UNITS = 100.0
"""Minor currency units in a unit of money, in which a study writes differences and margins."""


@dataclass(frozen=True)
class Judgement:
    """What the trials say of the strategies."""

    effects: tuple[Effect, ...]
    arms: tuple[ArmValue, ...]
    evidence: tuple[Evidence, ...]
    verdict: Verdict
    verdicts: tuple[Verdict, ...]
    rule_text: str
    rule_digest: str
    warnings: tuple[str, ...]
    health: dict[str, object]


def nothing_to_judge() -> Judgement:
    """Return the judgement of a study that describes segments and compares nothing."""
    headline = "No strategies to compare: this study describes segments."
    verdict = Verdict("", "none", headline, ())
    health: dict[str, object] = {"metric_units": {}, "higher_is_better": {}}
    return Judgement((), (), (), verdict, (), "No rule: nothing is compared.", "", (), health)


def decision_rule(config: RunConfig, metrics: Sequence[RatedMetric]) -> DecisionRule:
    """Return the rule that the study wrote down, in the terms of `framework.stats.decision`."""
    tested = [rated for rated in metrics if isinstance(rated.metric, Metric)]
    return DecisionRule(
        alpha=config.decision.alpha,
        power=config.decision.power,
        difference=config.decision.difference,
        evidence=tuple(config.decision.evidence or config.trial.evidence),
        primary=tuple(rated.metric.label for rated in tested if rated.role == "primary"),
        guardrails={rated.metric.label: rated.margin for rated in tested if rated.role == "guardrail"},
        higher_is_better={rated.metric.label: rated.metric.higher_is_better for rated in tested},
        measurable={rated.metric.label: tuple(rated.metric.evidence) for rated in tested if rated.role == "guardrail"},
        corrections=_corrections(config, tested),
        guarded=config.decision.guardrails,
        scale={rated.metric.label: MINOR_UNITS for rated in tested if rated.metric.unit == "money"},
    )


def _corrections(config: RunConfig, tested: Sequence[RatedMetric]) -> Corrections:
    shares = {own.metric.label: own.alpha_share for own in tested if own.role == "primary" and own.alpha_share}
    primary = [own.metric.label for own in tested if own.role == "primary"]
    if shares and len(shares) != len(primary):
        missing = next(label for label in primary if label not in shares)
        raise ConfigError(
            f"primary metric '{missing}' has no alpha_share", hint="Give every primary metric one, or none."
        )
    return Corrections(
        config.decision.correction,
        config.decision.segment_correction,
        {label: float(share or 0.0) for label, share in shares.items()},
        config.decision.gatekeeping,
    )


def judge(
    config: RunConfig, trials: Sequence[Trial], metrics: Sequence[RatedMetric], simulator: SimulatorCheck | None
) -> Judgement:
    """Return effects, arm values and verdicts of all trials; evidence that is not to be trusted does not decide."""
    if not trials:
        return nothing_to_judge()
    rule = decision_rule(config, metrics)
    effects: list[Effect] = []
    warnings: list[str] = []
    arms: list[ArmValue] = []
    confidence = 1.0 - config.decision.alpha
    roles = {rated.metric.label: rated.role for rated in metrics}
    influence: list[dict[str, Any]] = []
    compared: list[dict[str, Any]] = []
    ties: list[dict[str, Any]] = []
    item_groups: list[dict[str, Any]] = []
    for trial in trials:
        measured = measure(trial, [rated.metric for rated in metrics])
        pairs = pairs_of(trial, measured, control=config.control, roles=roles, floor=config.trial.segment_floor)
        found, unknown = effects_of(trial, measured, pairs, roles=roles, confidence=confidence)
        believed = [with_posterior(effect, config.decision.prior, rule) for effect in found]
        effects += corrected_effects(trial, measured, believed, rule, config.seed)
        higher = {metric: rule.sign(metric) > 0 for metric in measured}
        compared += side_by_side(trial, measured, roles=roles, higher=higher, confidence=confidence)
        influence += influences_of(trial, measured, control=config.control, roles=roles, confidence=confidence)
        warnings += unknown
        arms += arm_values(trial, measured, [rated.metric for rated in metrics], confidence)
        beside = described(trial, [rated.metric for rated in metrics], roles, confidence)
        arms, ties, item_groups = [*arms, *beside.arms], [*ties, *beside.ties], [*item_groups, *beside.item_groups]
    weighed, doubts = _weighed(rule, simulator)
    counted = [effect for effect in effects if effect.evidence in weighed.evidence]
    treatments = [name for name in config.strategies if name != config.control]
    if counted:
        verdicts = tuple(decide(counted, weighed, treatment) for treatment in treatments)
    else:
        verdicts = tuple(_nothing_to_rest_on(treatment, doubts) for treatment in treatments)
    return Judgement(
        effects=tuple(effects),
        arms=tuple(arms),
        evidence=tuple(_evidence(trial) for trial in trials),
        verdict=headline_verdict(verdicts, counted, weighed),
        verdicts=verdicts,
        rule_text=rule_text(rule),
        rule_digest=rule_digest(rule),
        warnings=(*doubts, *warnings, *_floor_warnings(config, trials)),
        health={
            **_health(config, trials, metrics),
            "influence": influence,
            "segments": [asdict(finding) for finding in segment_findings(effects, config.decision.alpha)],
            "margins": margins_of(effects, rule),
            "side_by_side": compared,
            "ties": ties,
            "item_groups": item_groups,
        },
    )


def _weighed(rule: DecisionRule, simulator: SimulatorCheck | None) -> tuple[DecisionRule, tuple[str, ...]]:
    if simulator is None or simulator.trusted or "simulated" not in rule.evidence:
        return rule, ()
    left = tuple(name for name in rule.evidence if name != "simulated")
    warning = (
        "Simulated evidence is shown but does not decide, because the simulator failed its check. "
        f"The verdict rests on: {', '.join(left) or 'nothing'}."
    )
    return replace(rule, evidence=left), (warning,)


def _nothing_to_rest_on(treatment: str, doubts: Sequence[str]) -> Verdict:
    headline = f"Undecided on {treatment}: no evidence that the rule names can be trusted."
    return Verdict(treatment, "undecided", headline, tuple(doubts))


def _evidence(trial: Trial) -> Evidence:
    units = len(next(iter(trial.outcomes.values())))
    if trial.design == "independent":
        units = sum(len(outcomes) for outcomes in trial.outcomes.values())
    return Evidence(trial.evidence, trial.design, trial.estimand, trial.assumption, units, trial.warnings)


def _floor_warnings(config: RunConfig, trials: Sequence[Trial]) -> tuple[str, ...]:
    floor, warnings = config.trial.segment_floor, []
    for trial in trials:
        small = [f"{name} ({size})" for name, size in segment_sizes(trial).items() if 0 < size < floor]
        if small:
            warnings.append(
                f"Too few users to test on {trial.evidence} evidence (trial.segment_floor={floor}): {', '.join(small)}."
            )
    return tuple(warnings)


def _health(config: RunConfig, trials: Sequence[Trial], metrics: Sequence[RatedMetric]) -> dict[str, object]:
    health: dict[str, object] = {
        "metric_units": {rated.metric.label: rated.metric.unit for rated in metrics},
        "higher_is_better": {rated.metric.label: rated.metric.higher_is_better for rated in metrics},
    }
    for trial in trials:
        if trial.design == "independent":
            shares = planned_shares(tuple(trial.outcomes), config.trial.simulated.shares)
            counts = {name: len(outcomes) for name, outcomes in trial.outcomes.items()}
            health["sample_ratio"] = sample_ratio(counts, shares)
            within = {
                segment: {name: int((own.segment == place).sum()) for name, own in trial.outcomes.items()}
                for place, segment in enumerate(next(iter(trial.outcomes.values())).segment_names)
            }
            health["sample_ratio_by_segment"] = sample_ratio_by_segment(within, shares)
            shown = {"shared_items": shared_items(trial)}
            health["interference"] = [asdict(own) for own in interference(shown)]
    return health

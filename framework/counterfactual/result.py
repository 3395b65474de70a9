"""What the evaluation of a policy on a log found, as the same record that every run writes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from framework.config import RunConfig
from framework.counterfactual.estimates import LoggedEstimate, by_unit
from framework.counterfactual.support import Support
from framework.fitting import Bench
from framework.records import (
    ArmValue,
    Evidence,
    LoggedDecisions,
    Result,
    StrategySummary,
    TargetPolicy,
    UnitValues,
    Verdict,
)
from framework.runfolder import CONFIG, PAGE, RESULT, RunFolder, now, versions
from framework.stats.arms import arm_value
from framework.stats.compare import compare
from framework.stats.decision import DecisionRule, decide, rule_digest, rule_text
from framework.stats.effects import Effect
from framework.stats.multiplicity import Corrections, correct
from framework.stats.off_policy.intervals import standard_error
from framework.stats.off_policy.rows_needed import rows_for_difference

EVIDENCE = "logged"
METRIC = "reward"
ESTIMAND = "the reward of one decision, had the policy taken the log's decisions in place of the one that did"
ASSUMPTION = (
    "The logged propensities are those that items were really shown with, every item that the policy would show had a "
    "chance to be shown, and what comes of an item at a place does not hang on the other places."
)


@dataclass(frozen=True)
class Evaluated:
    """All that was found of one policy on one log."""

    decisions: LoggedDecisions
    logger: str
    policy: TargetPolicy
    estimates: tuple[LoggedEstimate, ...]
    support: Support
    digest: str


def result_of(bench: Bench, record: RunFolder, found: Evaluated, warnings: Sequence[str]) -> Result:
    """Return the run's result: the effect and the verdict rest on the estimator that the study names."""
    study = bench.config
    rule = DecisionRule(
        alpha=study.decision.alpha,
        power=study.decision.power,
        difference=study.decision.difference,
        evidence=(EVIDENCE,),
        primary=(METRIC,),
        corrections=Corrections(study.decision.correction, study.decision.segment_correction),
    )
    deciding = next(own for own in found.estimates if own.key == study.evaluation.decides)
    effects = () if deciding.withheld else (_effect(study, found, deciding),)
    verdict = _verdict(study, found, deciding, effects, rule)
    folder = bench.run.folder
    return Result(
        study=study.study,
        question=study.question,
        seed=study.seed,
        control=found.logger,
        verdict=verdict,
        verdicts=(verdict,),
        rule=rule_text(rule),
        rule_digest=rule_digest(rule),
        effects=effects,
        arms=_arms(found, deciding, 1 - study.decision.alpha),
        evidence=(Evidence(EVIDENCE, "paired", ESTIMAND, ASSUMPTION, _units(found)),),
        strategies=(
            _strategy(found.logger, "the policy that took the log's decisions"),
            _strategy(found.policy.name, found.policy.origin),
        ),
        cleaning=None,
        split=None,
        segments=(),
        segment_notes=(),
        simulator=None,
        health={
            "metric_units": {METRIC: "share" if set(np.unique(found.decisions.reward)) <= {0.0, 1.0} else "score"},
            "higher_is_better": {METRIC: True},
            "logged": logged_table(study, found),
        },
        warnings=tuple(dict.fromkeys((*found.support.warnings, *warnings))),
        config=bench.run.config,
        versions=versions(),
        data_digest=found.digest,
        times={
            "started": record.started,
            "finished": now(),
            "seconds": dict(record.seconds),
            "command": " ".join(sys.argv),
        },
        paths={
            "folder": str(folder),
            "result": str(folder / RESULT),
            "config": str(folder / CONFIG),
            **({"page": str(folder / PAGE)} if study.report.html else {}),
        },
        metrics={own.key: own.value.value for own in found.estimates if not own.withheld},
    )


def logged_table(study: RunConfig, found: Evaluated) -> dict[str, Any]:
    """Return what the report's table of estimators shows, in plain numbers; a withheld estimate has none."""
    truth = _truth(found, 1 - study.decision.alpha)
    support = found.support
    return {
        "logger": found.logger,
        "policy": found.policy.name,
        "origin": found.policy.origin,
        "estimated": found.policy.estimated,
        "rows": len(found.decisions),
        "units": _units(found),
        "actions": len(found.decisions.actions),
        "positions": found.decisions.positions,
        "logged_value": float(found.decisions.reward.mean()),
        "truth": truth,
        "decides": study.evaluation.decides,
        "difference": study.decision.difference,
        "support": dict(support.numbers),
        "reasons": list(support.refusals),
        "estimates": [_row(study, found, own, truth) for own in found.estimates],
    }


def _row(study: RunConfig, found: Evaluated, own: LoggedEstimate, truth: dict[str, float] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"key": own.key, "label": own.label, "withheld": bool(own.withheld)}
    if own.withheld:
        return row
    value, low, high = own.value.value, own.interval.ci_low, own.interval.ci_high
    row |= {"value": value, "ci_low": low, "ci_high": high, "uses_weights": not own.weightless}
    row["details"] = dict(own.details)
    if truth is not None and truth["value"]:
        row["relative_error"] = abs(value - truth["value"]) / truth["value"]
        row["covers"] = None if low is None or high is None else bool(low <= truth["value"] <= high)
    if study.decision.difference > 0 and not own.weightless:
        row["rows_needed"] = _rows_needed(study, found, own)
    return row


def _rows_needed(study: RunConfig, found: Evaluated, own: LoggedEstimate) -> int | None:
    """Return the rows that tell the policy's value from one that is `decision.difference` away; None for no spread."""
    error = standard_error(own.value.terms, found.decisions.unit, small_sample=False)
    if error == 0:
        return None
    wanted = study.decision
    rows = rows_for_difference(len(found.decisions), error, wanted.difference, alpha=wanted.alpha, power=wanted.power)
    return round(rows)


def _truth(found: Evaluated, confidence: float) -> dict[str, float] | None:
    """Return what the policy earned where it decided itself, with its interval."""
    own = found.policy.own_rewards
    if own is None or len(own) < 2:
        return None
    kind = "proportion" if set(np.unique(own)) <= {0.0, 1.0} else "mean"

    value = arm_value(UnitValues(kind, own), confidence, metric=METRIC, arm=found.policy.name)
    low, high = value.ci_low, value.ci_high
    return {
        "value": float(own.mean()),
        "rows": float(len(own)),
        "ci_low": float("nan") if low is None else low,
        "ci_high": float("nan") if high is None else high,
    }


def _effect(study: RunConfig, found: Evaluated, deciding: LoggedEstimate) -> Effect:
    """Return the policy's value less the logger's on the same rows: what rows earned against their influence values."""
    earned = by_unit(found.decisions.reward, found.decisions.unit)
    effect = compare(
        earned,
        deciding.values,
        metric=METRIC,
        control_name=found.logger,
        treatment_name=found.policy.name,
        design="paired",
        confidence=1 - study.decision.alpha,
    )
    named = replace(
        effect, evidence=EVIDENCE, role="primary", estimand=ESTIMAND, method=f"{deciding.label}: {effect.method}"
    )
    return correct([named], corrections=Corrections(study.decision.correction, study.decision.segment_correction))[0]


def _verdict(
    study: RunConfig, found: Evaluated, deciding: LoggedEstimate, effects: Sequence[Effect], rule: DecisionRule
) -> Verdict:
    policy = found.policy.name
    if deciding.withheld:
        headline = (
            f"Refused: this log of {found.logger} does not support an estimate of {policy}'s value, so nothing is "
            "decided."
        )
        return Verdict(policy, "undecided", headline, deciding.withheld, {}, found.support.rows_needed)
    verdict = decide(effects, rule, policy)
    if verdict.decision != "undecided" and not found.support.trusted:
        return _distrusted(verdict, found)
    if verdict.decision != "undecided" or study.decision.difference == 0:
        return verdict
    needed = _rows_needed(study, found, deciding)
    if needed is None:
        return verdict
    return replace(
        verdict,
        headline=f"Undecided on {policy}. About {needed:,} rows of {found.logger}'s log in all would tell its value "
        f"by {deciding.label} from one that is {study.decision.difference:g} away.",
        more_units=needed,
        reasons=tuple(reason for reason in verdict.reasons if "units" not in reason),
    )


def _distrusted(verdict: Verdict, found: Evaluated) -> Verdict:
    """Return the verdict as undecided: so few rewarded rows carry it that its interval covers less than it claims."""
    seen, least = found.support.numbers["effective_rewarded"], found.support.trusted_rewarded
    more = round(len(found.decisions) * least / seen) if seen > 0 else None
    headline = (
        f"Undecided on {verdict.treatment}: the estimate alone would say {verdict.decision}, but it rests on "
        f"{seen:.1f} effective rewarded rows, and intervals can be trusted from {least:g} on."
    )
    return replace(verdict, decision="undecided", headline=headline, more_units=more)


def _arms(found: Evaluated, deciding: LoggedEstimate, confidence: float) -> tuple[ArmValue, ...]:
    logged = arm_value(by_unit(found.decisions.reward, found.decisions.unit), confidence, metric=METRIC, arm="logger")
    units = _units(found)
    rows = [ArmValue(found.logger, METRIC, EVIDENCE, None, units, float(logged.estimate or 0.0), *_ends(logged))]
    if not deciding.withheld:
        value = deciding.value.value
        rows.append(ArmValue(found.policy.name, METRIC, EVIDENCE, None, units, value, *_ends(deciding.interval)))
    return tuple(rows)


def _ends(interval: Any) -> tuple[float | None, float | None]:
    return interval.ci_low, interval.ci_high


def _units(found: Evaluated) -> int:
    unit = found.decisions.unit
    return len(found.decisions) if unit is None else len(np.unique(unit))


def _strategy(name: str, words: str) -> StrategySummary:
    return StrategySummary(name, words, "", "", name, {})

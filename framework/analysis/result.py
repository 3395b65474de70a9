"""What `analyse` found, as the same record that a study's run writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.analysis.estimation import MomentEffects
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.logfiles import digest
from framework.records import ArmValue, Evidence, Result, Verdict
from framework.report.result_json import FILE_NAME
from framework.runfolder import PAGE, now, versions
from framework.stats.arms import arm_interval
from framework.stats.decision import DecisionRule, decide, headline_verdict, rule_digest, rule_text
from framework.stats.effects import Effect
from framework.stats.multiplicity import Corrections
from framework.trial.doubts import margins_of

EVIDENCE = "observed"
ESTIMAND = "the outcome of the units under the treatment less that under the control, as the file holds them"
ASSUMPTIONS = {
    "independent": "Units got their arm by chance, and no unit's outcome depends on the arm of another.",
    "clustered": "Clusters or units got their arm by chance, and no cluster's outcomes depend on the arm of another.",
    "paired": "A unit's outcome under one arm does not depend on its having been under the other.",
    "switchback": "Periods got their arm by chance, and no period's outcomes depend on the arm of an earlier one.",
}
UNITS = {"proportion": "share"}
"""What a metric's kind says of how it is printed, where the command line does not."""


def result_of(
    outcomes: OutcomeFrame,
    settings: AnalysisSettings,
    moments: MomentEffects,
    effects: Sequence[Effect],
    health: Mapping[str, Any],
    warnings: Sequence[str],
) -> Result:
    """Return the result of a file with one row a unit; a verdict where a metric is primary."""
    arms = moments.cells.arms
    rule = _rule(settings)
    verdict, verdicts = _verdicts(settings, effects, rule)
    return Result(
        study=outcomes.path.name,
        question=f"What did {_treatments(settings, arms)} change against {settings.control}?",
        seed=settings.seed,
        control=str(settings.control),
        verdict=verdict,
        verdicts=verdicts,
        rule="" if rule is None else rule_text(rule),
        rule_digest="" if rule is None else rule_digest(rule),
        effects=tuple(effects),
        arms=_arm_values(settings, moments, effects),
        evidence=(_evidence(settings, moments, effects),),
        health={
            "metric_units": {name: own.unit or UNITS.get(own.kind, "score") for name, own in settings.metrics.items()},
            "higher_is_better": {name: own.higher_is_better for name, own in settings.metrics.items()},
            **health,
            "margins": [] if rule is None else margins_of(effects, rule),
            "warnings": list(warnings),
        },
        warnings=tuple(warnings),
        **common(outcomes, settings),
    )


def common(outcomes: OutcomeFrame, settings: AnalysisSettings) -> dict[str, Any]:
    """Return the fields that every analysis of a file has alike."""
    out = None if settings.out is None else Path(settings.out)
    config = {key: value for key, value in asdict(settings).items() if key != "out"}
    return {
        "strategies": (),
        "cleaning": None,
        "split": None,
        "segments": (),
        "segment_notes": (),
        "simulator": None,
        "config": {**config, "file": outcomes.path.name, "decision": {"alpha": settings.alpha}},
        "versions": versions(),
        "data_digest": digest(outcomes.paths),
        "times": {"finished": now()},
        "paths": {"file": str(outcomes.path)}
        | ({} if out is None else {"folder": str(out), "result": str(out / FILE_NAME), "page": str(out / PAGE)}),
    }


def nothing_judged(text: str) -> Verdict:
    """Return the verdict of an analysis that was not asked for one."""
    return Verdict("", "effects", text, ())


def _evidence(settings: AnalysisSettings, moments: MomentEffects, effects: Sequence[Effect]) -> Evidence:
    design = settings.design if settings.cluster is None else "clustered"
    units = sum(moments.cells.units(arm) for arm in moments.cells.arms)
    if design == "paired":
        units = max(effect.n_control for effect in effects)
    return Evidence(EVIDENCE, design, ESTIMAND, ASSUMPTIONS[design], units)


def _treatments(settings: AnalysisSettings, arms: Sequence[str]) -> str:
    names = [arm for arm in arms if arm != settings.control]
    return names[0] if len(names) == 1 else f"{len(names)} arms"


def _rule(settings: AnalysisSettings) -> DecisionRule | None:
    primary = tuple(name for name, own in settings.metrics.items() if own.role == "primary")
    if not primary:
        return None
    return DecisionRule(
        alpha=settings.alpha,
        power=settings.power,
        difference=settings.difference,
        primary=primary,
        guardrails={name: own.margin for name, own in settings.metrics.items() if own.role == "guardrail"},
        higher_is_better={name: own.higher_is_better for name, own in settings.metrics.items()},
        corrections=Corrections(settings.correction, settings.segment_correction, gatekeeping=settings.gatekeeping),
    )


def _verdicts(
    settings: AnalysisSettings, effects: Sequence[Effect], rule: DecisionRule | None
) -> tuple[Verdict, tuple[Verdict, ...]]:
    if rule is None:
        tested = [e for e in effects if e.segment is None and e.p_adjusted is not None]
        shown = [e for e in tested if e.p_adjusted is not None and e.p_adjusted <= settings.alpha]
        if not tested:
            return nothing_judged("No difference was tested: read the intervals and the curves."), ()
        word = "is" if len(shown) == 1 else "are"
        return nothing_judged(
            f"{len(shown)} of {len(tested)} differences over all units {word} shown, after correction."
        ), ()
    treatments = list(dict.fromkeys(effect.treatment for effect in effects))
    verdicts = tuple(decide(effects, rule, treatment) for treatment in treatments)
    return headline_verdict(verdicts, effects, rule), verdicts


def _arm_values(settings: AnalysisSettings, moments: MomentEffects, effects: Sequence[Effect]) -> tuple[ArmValue, ...]:
    """Return the arms' own values, without an interval where an arm's rows are alike or none is known."""
    rows = []
    alike = "No interval: rows of a cluster or period are alike."
    for name, measure in moments.measures.items():
        for arm in moments.cells.arms:
            own = moments.cells.of(arm)
            value = arm_interval(measure, own, settings.confidence)
            ends = (value.ci_low, value.ci_high, value.reason)
            if settings.cluster is not None or settings.design == "switchback":
                ends = (None, None, alike)
            rows.append(ArmValue(arm, name, EVIDENCE, None, int(own.n), float(value.estimate or 0.0), *ends))
    for effect in effects:
        if effect.segment is not None or effect.metric in moments.measures or effect.control != settings.control:
            continue
        for arm, number, amount in (
            (effect.control, effect.n_control, effect.control_value),
            (effect.treatment, effect.n_treatment, effect.treatment_value),
        ):
            own_value = ArmValue(arm, effect.metric, EVIDENCE, None, number, amount, None, None, None)
            if own_value not in rows:
                rows.append(own_value)
    return tuple(rows)

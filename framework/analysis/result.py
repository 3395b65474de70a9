"""What `analyse` found, as the same record that a study's run writes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.analysis.estimation import MomentEffects
from framework.analysis.settings import AnalysisSettings
from framework.data.logfiles import digest
from framework.records import ArmValue, Evidence, Result, Verdict
from framework.report.result_json import FILE_NAME
from framework.runfolder import PAGE, now, versions
from framework.stats.arms import arm_interval
from framework.stats.decision import DecisionRule, decide, headline_verdict, rule_digest, rule_text
from framework.stats.effects import Effect
from framework.trial.doubts import margins_of

ASSUMPTION = "Units got their arm by chance, and no unit's outcome depends on the arm of another."
UNITS = {"proportion": "share"}
"""What a metric's kind says of how it is printed, where the command line does not."""


def result_of(
    path: Path,
    settings: AnalysisSettings,
    moments: MomentEffects,
    effects: Sequence[Effect],
    health: Mapping[str, Any],
    warnings: Sequence[str],
) -> Result:
    """Return the result of a file with one row a unit; a verdict where a metric is primary."""
    arms = moments.cells.arms
    units = sum(moments.cells.units(arm) for arm in arms)
    evidence = Evidence("observed", settings.design, str(effects[0].estimand) if effects else "", ASSUMPTION, units)
    rule = _rule(settings)
    verdict, verdicts = _verdicts(settings, effects, rule)
    return Result(
        study=path.name,
        question=f"What did {_treatments(settings, arms)} change against {settings.control}?",
        seed=settings.seed,
        control=str(settings.control),
        verdict=verdict,
        verdicts=verdicts,
        rule="" if rule is None else rule_text(rule),
        rule_digest="" if rule is None else rule_digest(rule),
        effects=tuple(effects),
        arms=_arm_values(settings, moments),
        evidence=(evidence,),
        health={
            "metric_units": {name: own.unit or UNITS.get(own.kind, "score") for name, own in settings.metrics.items()},
            "higher_is_better": {name: own.higher_is_better for name, own in settings.metrics.items()},
            **health,
            "margins": [] if rule is None else margins_of(effects, rule),
            "warnings": list(warnings),
        },
        warnings=tuple(warnings),
        **common(path, settings),
    )


def common(path: Path, settings: AnalysisSettings) -> dict[str, Any]:
    """Return the fields that every analysis of a file has alike."""
    files = [path] if path.is_file() else sorted(part for part in path.rglob("*") if part.is_file())
    out = None if settings.out is None else Path(settings.out)
    return {
        "strategies": (),
        "cleaning": None,
        "split": None,
        "segments": (),
        "segment_notes": (),
        "simulator": None,
        "config": {**asdict(settings), "file": str(path), "decision": {"alpha": settings.alpha}},
        "versions": versions(),
        "data_digest": digest(files),
        "times": {"finished": now(), "command": " ".join(sys.argv)},
        "paths": {} if out is None else {"folder": str(out), "result": str(out / FILE_NAME), "page": str(out / PAGE)},
    }


def nothing_judged(text: str) -> Verdict:
    """Return the verdict of an analysis that was not asked for one."""
    return Verdict("", "effects", text, ())


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
    )


def _verdicts(
    settings: AnalysisSettings, effects: Sequence[Effect], rule: DecisionRule | None
) -> tuple[Verdict, tuple[Verdict, ...]]:
    if rule is None:
        shown = [
            e for e in effects if e.segment is None and e.p_adjusted is not None and e.p_adjusted <= settings.alpha
        ]
        tested = [e for e in effects if e.segment is None and e.p_adjusted is not None]
        return nothing_judged(
            f"{len(shown)} of {len(tested)} differences over all units are shown, after correction."
        ), ()
    treatments = list(dict.fromkeys(effect.treatment for effect in effects))
    verdicts = tuple(decide(effects, rule, treatment) for treatment in treatments)
    return headline_verdict(verdicts, effects, rule), verdicts


def _arm_values(settings: AnalysisSettings, moments: MomentEffects) -> tuple[ArmValue, ...]:
    rows = []
    for name, measure in moments.measures.items():
        for arm in moments.cells.arms:
            own = moments.cells.of(arm)
            value = arm_interval(measure, own, settings.confidence)
            rows.append(
                ArmValue(
                    arm,
                    name,
                    "observed",
                    None,
                    int(own.n),
                    float(value.estimate or 0.0),
                    value.ci_low,
                    value.ci_high,
                    value.reason,
                )
            )
    return tuple(rows)

"""One row a unit: effects of every treatment on every metric, corrected, judged where a metric is primary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from framework.analysis.checks import ArmCounts, checked_outcomes
from framework.analysis.clusters import clustered_effects
from framework.analysis.curves import retention_curves
from framework.analysis.estimation import (
    MomentEffects,
    is_from_moments,
    measures_of,
    paired_effects,
    questions_of,
    rows_by_arm,
)
from framework.analysis.health import influences, sizes
from framework.analysis.outcomes_file import OutcomeFrame, read_outcomes
from framework.analysis.over_time import effects_by_day
from framework.analysis.periods import switchback_effects
from framework.analysis.readings import with_readings
from framework.analysis.result import result_of
from framework.analysis.row_effects import row_effect
from framework.analysis.settings import AnalysisSettings
from framework.analysis.standing import standings
from framework.analysis.strata import stratified_effects
from framework.data.engine import Engine
from framework.errors import TrialError
from framework.records import Result
from framework.report.progress import Progress
from framework.stats.effects import Effect
from framework.stats.multiplicity import Corrections, correct
from framework.stats.segments.findings import segment_findings

EVIDENCE = "observed"
GROUPS_RANDOMISED: dict[str, Any] = {
    "sample_ratio": {
        "p_value": None,
        "level": "untested",
        "text": "Whole groups got an arm by chance, so the numbers of units in the arms test nothing.",
    },
    "sample_ratio_by_segment": {},
}
"""What is said of the arms' sizes where periods or clusters were randomised."""
ESTIMAND = "the outcome of the units under the treatment less that under the control, as the file holds them"


def analyse_units(engine: Engine, path: Path, settings: AnalysisSettings, progress: Progress) -> Result:
    """Return the result of a file with one row a unit.

    Raises PrelaunchError where the file does not serve, or an effect over all units cannot be estimated.
    """
    with progress.stage("Reading outcomes"):
        outcomes = read_outcomes(
            engine, path, texts=_texts(settings), numbers=_numbers(settings), separator=settings.separator
        )
        outcomes, counts = checked_outcomes(engine, outcomes, settings, _proportions(settings, outcomes))
    with progress.stage("Estimating effects"):
        moments = MomentEffects(engine, outcomes, settings, measures_of(settings, outcomes))
        found, refused = _effects(engine, outcomes, settings, moments, counts)
        read = [with_readings(_placed(effect, settings), settings) for effect in found]
        corrections = Corrections(settings.correction, settings.segment_correction, gatekeeping=settings.gatekeeping)
        effects = correct(read, settings.alpha, corrections)
    with progress.stage("Checking health"):
        health = sizes(counts, _by_segment(moments, settings), settings.shares)
        if settings.design == "switchback" or settings.cluster is not None:
            health = {**health, **GROUPS_RANDOMISED}
        if settings.design == "independent" and settings.cluster is None:
            health["influence"] = influences(engine, outcomes, settings, moments)
        health["retention"] = retention_curves(engine, outcomes, settings)
        health["standings"] = standings(settings, moments.cells, moments.measures)
        if settings.time is not None:
            health["novelty"] = effects_by_day(engine, outcomes, settings, moments.measures)
        health["segments"] = [asdict(finding) for finding in segment_findings(effects, settings.alpha)]
    return result_of(path, settings, moments, effects, health, [*refused, *_warnings(health, settings)])


def _texts(settings: AnalysisSettings) -> dict[str, str]:
    roles = ("unit", "arm", "segment", "stratum", "cluster", "time", "period")
    return {role: str(getattr(settings, role)) for role in roles if getattr(settings, role) is not None}


def _numbers(settings: AnalysisSettings) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for name, own in settings.metrics.items():
        where = f"metrics.{name}"
        columns = {own.numerator: f"{where}.numerator=", own.denominator: f"{where}.denominator="}
        columns |= dict.fromkeys(own.columns, f"{where}.columns=")
        if own.kind not in {"ratio", "retention"}:
            columns[own.column or name] = f"{where}.column=" if own.column else f"{where}, without column="
        columns |= {part: f"{where}.covariates=" for text in own.covariates for part in text.split("/")}
        wanted |= {str(column): key for column, key in columns.items() if column is not None and column not in wanted}
    return wanted


def _proportions(settings: AnalysisSettings, outcomes: OutcomeFrame) -> list[str]:
    shares = [own.column or name for name, own in settings.metrics.items() if own.kind == "proportion"]
    shares += [column for own in settings.metrics.values() for column in own.columns]
    return [outcomes.numbers[column] for column in dict.fromkeys(shares)]


def _effects(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, moments: MomentEffects, counts: ArmCounts
) -> tuple[list[Effect], list[str]]:
    """Return all effects in the order of the metrics, overall first, and what could not be estimated in a segment."""
    if settings.design == "switchback":
        return switchback_effects(engine, outcomes, settings), []
    if settings.design == "paired":
        return list(paired_effects(engine, outcomes, settings, moments.measures)), []
    if settings.cluster is not None:
        return clustered_effects(engine, outcomes, settings), []
    overall = stratified_effects(engine, outcomes, settings, moments.measures) if settings.stratum else {}
    found, refused = [], _unweighted(settings, overall)
    segments = moments.cells.segments if settings.segment is not None else ()
    rows: dict[str | None, dict[str, dict[str, np.ndarray]]] = {}
    for question in questions_of(settings, tuple(sorted(counts.rows)), segments):
        own = settings.metrics[question.metric]
        try:
            stratified = (question.metric, question.treatment) in overall and question.control == settings.control
            if question.segment is None and stratified:
                found.append(overall[question.metric, question.treatment])
            elif is_from_moments(own):
                found.append(moments.effect(question))
            else:
                if question.segment not in rows:
                    rows[question.segment] = _named_rows(engine, outcomes, question.segment)
                names = {
                    "control_name": question.control,
                    "treatment_name": question.treatment,
                    "segment": question.segment,
                }
                here = rows[question.segment]
                empty: dict[str, np.ndarray] = {column: np.empty(0) for column in outcomes.numbers}
                pair = here.get(question.control, empty), here.get(question.treatment, empty)
                found.append(
                    row_effect(question.metric, own, pair, names, confidence=settings.confidence, seed=settings.seed)
                )
        except TrialError as error:
            if question.segment is None:
                raise
            refused.append(f"No effect of {question.treatment} in segment '{question.segment}': {error}")
    return found, refused


def _unweighted(settings: AnalysisSettings, overall: Mapping[tuple[str, str], Effect]) -> list[str]:
    """Return, in words, the metrics that `stratum` leaves as they are."""
    weighted = {metric for metric, _ in overall}
    left = [name for name in settings.metrics if settings.stratum is not None and name not in weighted]
    why = "is not post-stratified: it has covariates, or is no mean, proportion or ratio"
    return [f"{name} {why}. Its effects are those without stratum=." for name in left]


def _named_rows(engine: Engine, outcomes: OutcomeFrame, segment: str | None) -> dict[str, dict[str, np.ndarray]]:
    by_arm = rows_by_arm(engine, outcomes.frame, tuple(outcomes.numbers.values()), segment)
    return {arm: {theirs: rows[ours] for theirs, ours in outcomes.numbers.items()} for arm, rows in by_arm.items()}


def _placed(effect: Effect, settings: AnalysisSettings) -> Effect:
    role = settings.metrics[effect.metric].role
    if role is None and any(own.role == "primary" for own in settings.metrics.values()):
        role = "secondary"
    return replace(effect, evidence=EVIDENCE, role=role, estimand=ESTIMAND)


def _by_segment(moments: MomentEffects, settings: AnalysisSettings) -> dict[str, dict[str, int]]:
    if settings.segment is None:
        return {}
    return {
        segment: {arm: moments.cells.units(arm, segment) for arm in moments.cells.arms}
        for segment in moments.cells.segments
    }


def _warnings(health: Mapping[str, Any], settings: AnalysisSettings) -> Sequence[str]:
    """Return what a reader must know before the effects: levels that are not ok, in words."""
    found = []
    ratio = health["sample_ratio"]
    if ratio["level"] in {"notice", "alert"}:
        found.append(f"Sample ratio, {ratio['level']}: {ratio['text']} (p {ratio['p_value']:.2g})")
    found += [
        f"Sample ratio, {own['level']}: {own['text']}"
        for own in health.get("sample_ratio_by_segment", {}).values()
        if own["level"] in {"notice", "alert"}
    ]
    if "missing" in health and health["missing"]["level"] != "ok":
        found.append(f"Missing outcomes, {health['missing']['level']}: {health['missing']['text']}")
    found += [
        f"Influence, {own['level']} ({own['metric']}, {own['treatment']} against {own['control']}): {own['text']}"
        for own in health.get("influence", [])
        if own["level"] != "ok"
    ]
    for own in health.get("segments", []):
        if not own["differ"]:
            found.append(
                f"Segments are not shown to differ in {own['metric']} ({own['treatment']} against {own['control']}, "
                f"p {own['p_value']:.2g}): read no segment's effect by itself."
            )
    del settings
    return found

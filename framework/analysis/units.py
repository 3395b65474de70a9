"""One row a unit: effects of every treatment on every metric, corrected, judged where a metric is primary."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from framework.analysis.checks import ArmCounts, checked_outcomes
from framework.analysis.curves import retention_curves
from framework.analysis.doubts import doubts, limits
from framework.analysis.effects import all_effects
from framework.analysis.estimation import MomentEffects, measures_of
from framework.analysis.health import influences, sizes
from framework.analysis.left_out import LeftOut
from framework.analysis.outcomes_file import OutcomeFrame, read_outcomes
from framework.analysis.over_time import effects_by_day
from framework.analysis.readings import with_readings
from framework.analysis.result import ESTIMAND, EVIDENCE, result_of
from framework.analysis.settings import AnalysisSettings
from framework.analysis.standing import standings
from framework.data.engine import Engine
from framework.records import Result
from framework.report.progress import Progress
from framework.stats.effects import Effect
from framework.stats.multiplicity import Corrections, correct
from framework.stats.segments.findings import segment_findings

UNTESTED = {
    "clusters": "Whole clusters got an arm by chance, so the numbers of rows in the arms test nothing.",
    "switchback": "Whole periods got an arm by chance, so the numbers of rows in the arms test nothing.",
    "paired": "Every unit is meant to be under every arm, so the numbers of rows in the arms test nothing.",
}
"""What is said of the arms' sizes where units were not dealt to the arms one by one."""


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
        left_out = LeftOut()
        found = all_effects(engine, outcomes, settings, moments, left_out)
        read = [with_readings(_placed(effect, settings), settings) for effect in found]
        corrections = Corrections(settings.correction, settings.segment_correction, gatekeeping=settings.gatekeeping)
        effects = correct(read, settings.alpha, corrections)
    with progress.stage("Checking health"):
        health = _health(engine, outcomes, settings, moments, counts)
        health["segments"] = [asdict(finding) for finding in segment_findings(effects, settings.alpha)]
    warnings = [*limits(settings, effects, counts), *left_out.warnings(), *doubts(health)]
    return result_of(outcomes, settings, moments, effects, health, warnings)


def _health(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, moments: MomentEffects, counts: ArmCounts
) -> dict[str, Any]:
    """Return what the design and the settings allow to be checked or read besides the effects."""
    health = sizes(counts, _by_segment(moments, settings), settings.shares)
    if not settings.is_plain:
        kind = settings.design if settings.cluster is None else "clusters"
        health["sample_ratio"] = {"p_value": None, "level": "untested", "text": UNTESTED[kind]}
        health["sample_ratio_by_segment"] = {}
        return health
    health["influence"] = influences(engine, outcomes, settings, moments)
    health["retention"] = retention_curves(engine, outcomes, settings)
    health["standings"] = standings(settings, moments.cells, moments.measures)
    if settings.time is not None:
        health["novelty"] = effects_by_day(engine, outcomes, settings, moments.measures)
    return health


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

"""All effects of a file: each question to the estimator that its metric and the design call for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from framework.analysis.clusters import clustered_effects
from framework.analysis.estimation import MomentEffects, Question, is_from_moments, questions_of, rows_by_arm
from framework.analysis.left_out import LeftOut
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.pairs import paired_effects
from framework.analysis.periods import switchback_effects
from framework.analysis.row_effects import row_effect
from framework.analysis.settings import AnalysisSettings
from framework.analysis.strata import stratified_effects
from framework.data.engine import Engine
from framework.stats.effects import Effect

Rows = Mapping[str, Mapping[str, np.ndarray]]
"""Rows in memory by arm, then by the file's column."""


def all_effects(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, moments: MomentEffects, left_out: LeftOut
) -> list[Effect]:
    """Return all effects in the order of the metrics, overall first.

    Segments that cannot bear an estimate go to `left_out`. Raises TrialError where all units cannot.
    """
    if settings.design == "switchback":
        return switchback_effects(engine, outcomes, settings)
    if settings.design == "paired":
        return paired_effects(engine, outcomes, settings, moments.measures, moments.cells.arms, left_out)
    if settings.cluster is not None:
        return clustered_effects(engine, outcomes, settings, left_out)
    overall = stratified_effects(engine, outcomes, settings, moments.measures) if settings.stratum else {}
    segments = moments.cells.segments if settings.segment is not None else ()
    rows: dict[str | None, Rows] = {}
    found = []
    for question in questions_of(settings, moments.cells.arms, segments):
        weighted = overall.get((question.metric, question.treatment))
        with left_out.at(question.metric, question.treatment, question.segment):
            if weighted is not None and question.segment is None and question.control == settings.control:
                found.append(weighted)
            elif is_from_moments(settings.metrics[question.metric]):
                found.append(moments.effect(question))
            else:
                if question.segment not in rows:
                    rows[question.segment] = _rows(engine, outcomes, settings, question.segment)
                found.append(_from_rows(question, rows[question.segment], outcomes, settings))
    return found


def _rows(engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, segment: str | None) -> Rows:
    """Return the rows of the columns that some metric needs in memory."""
    wanted = [
        column
        for name, own in settings.metrics.items()
        if own.kind != "retention" and not is_from_moments(own)
        for column in (own.column or name, own.numerator, own.denominator, *own.covariates)
        if column in outcomes.numbers
    ]
    theirs = {outcomes.numbers[column]: column for column in wanted}
    by_arm = rows_by_arm(engine, outcomes.frame, tuple(theirs), segment)
    return {arm: {theirs[ours]: rows[ours] for ours in theirs} for arm, rows in by_arm.items()}


def _from_rows(question: Question, rows: Rows, outcomes: OutcomeFrame, settings: AnalysisSettings) -> Effect:
    nobody: dict[str, np.ndarray] = {column: np.empty(0) for column in outcomes.numbers}
    pair = rows.get(question.control, nobody), rows.get(question.treatment, nobody)
    names = {
        "control_name": question.control,
        "treatment_name": question.treatment,
        "segment": question.segment,
    }
    own = settings.metrics[question.metric]
    return row_effect(question.metric, own, pair, names, confidence=settings.confidence, seed=settings.seed)

"""From checked outcomes to effects: moments in one pass, robust errors and shapes in a second, rows where needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import ADJUSTED, FROM_MOMENTS, METHODS, AnalysisSettings, MetricSettings
from framework.data.engine import Engine
from framework.data.unit_contributions import Place, Sums, Terms, fitted_terms, plain_terms, sums_of_units
from framework.data.unit_moments import moments_of_units
from framework.errors import TrialError
from framework.stats.adjustment.regression import Adjustment, adjusted
from framework.stats.compare import adjusted_effect_of, effect_of
from framework.stats.effects import Effect
from framework.stats.moments.measure import Covariate, Measure
from framework.stats.moments.two_arms import TwoArms

if TYPE_CHECKING:
    import narwhals as nw

UNIT = "unit id"
"""Where `rows_by_arm` puts the units' ids."""


@dataclass(frozen=True)
class Question:
    """One effect to estimate."""

    metric: str
    control: str
    treatment: str
    segment: str | None


def measures_of(settings: AnalysisSettings, outcomes: OutcomeFrame) -> dict[str, Measure]:
    """Return the measures of the metrics that are functions of means, on the frame's columns."""
    ours = outcomes.numbers
    found = {}
    for name, own in settings.metrics.items():
        if own.kind not in FROM_MOMENTS:
            continue
        kind = "mean" if own.kind == "sum" else own.kind
        top, below = (own.numerator, own.denominator) if kind == "ratio" else (own.column or name, None)
        covariates = tuple(Covariate(*(ours[part] for part in text.split("/"))) for text in own.covariates)
        found[name] = Measure(name, kind, ours[str(top)], None if below is None else ours[below], covariates)
    return found


def questions_of(settings: AnalysisSettings, arms: tuple[str, ...], segments: tuple[str, ...]) -> list[Question]:
    """Return every metric's effect of every treatment, over all units and in every segment; all pairs on request."""
    control = str(settings.control)
    treatments = [arm for arm in arms if arm != control]
    metrics = [name for name, own in settings.metrics.items() if own.kind != "retention"]
    against = [
        Question(metric, control, treatment, segment)
        for segment in (None, *segments)
        for metric in metrics
        for treatment in treatments
    ]
    if settings.compare != "all":
        return against
    between = [
        Question(metric, first, second, None)
        for metric in metrics
        for place, first in enumerate(treatments)
        for second in treatments[place + 1 :]
    ]
    return [*against, *between]


class MomentEffects:
    """Effects of the metrics that are functions of means, of independent arms."""

    def __init__(
        self, engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, measures: Mapping[str, Measure]
    ) -> None:
        self.settings, self.measures, self.control = settings, measures, str(settings.control)
        self.cells = moments_of_units(
            engine,
            outcomes.frame,
            unit="unit" if settings.unit is not None else "row",
            arm="arm",
            segment="segment" if settings.segment is not None else None,
            # Without any such metric the cells still say how many units there are.
            groups=[measure.columns for measure in measures.values()] or [tuple(outcomes.numbers.values())[:1]],
            buckets=1,
        )
        self.questions = self._asked() if settings.is_plain else []
        self.refused: dict[Question, TrialError] = {}
        self.sums = self._second_pass(engine, outcomes)

    def _asked(self) -> list[Question]:
        segments = self.cells.segments if self.settings.segment is not None else ()
        asked = questions_of(self.settings, self.cells.arms, segments)
        return [question for question in asked if is_from_moments(self.settings.metrics[question.metric])]

    def arms_of(self, question: Question) -> TwoArms:
        """Return the two arms that a question compares."""
        measure = self.measures[question.metric]
        control, treatment = (
            self.cells.of(arm, question.segment).pick(measure.columns) for arm in (question.control, question.treatment)
        )
        return TwoArms(measure, control, treatment)

    def effect(self, question: Question) -> Effect:
        """Return the effect that answers a question.

        Raises:
            TrialError: where it cannot be estimated there (fewer than 2 units, a ratio without denominators, covariates
                without spread).
        """
        if question in self.refused:
            raise self.refused[question]
        arms = self.arms_of(question)
        own = self.settings.metrics[question.metric]
        names = {"control_name": question.control, "treatment_name": question.treatment, "segment": question.segment}
        sums = [self._sums(question, arm) for arm in (question.control, question.treatment)]
        arms = replace(arms, shapes=tuple(side.shape for side in sums))
        if not arms.measure.covariates:
            return effect_of(arms, **names, confidence=self.settings.confidence, relative=self.settings.relative)  # type: ignore[arg-type]
        meats = None
        if sums[0].meat is not None and sums[1].meat is not None:
            meats = (sums[0].meat, sums[1].meat)
        return adjusted_effect_of(
            arms,
            **names,  # type: ignore[arg-type]
            confidence=self.settings.confidence,
            method=own.method or "lin",
            error=own.error,
            meats=meats,
        )

    def _sums(self, question: Question, arm: str) -> Sums:
        return self.sums[_key(self.measures[question.metric], question)][arm, question.segment]

    def _second_pass(self, engine: Engine, outcomes: OutcomeFrame) -> dict[str, dict[Place, Sums]]:
        wanted: dict[str, dict[Place, Callable[[Mapping[str, Any]], Terms]]] = {}
        for question in self.questions:
            measure = self.measures[question.metric]
            key = _key(measure, question)
            try:
                arms = self.arms_of(question)
                _check(question, arms)
                fits = self._fits(question, arms) if measure.covariates else None
            except TrialError as error:
                self.refused[question] = error
                continue
            places = wanted.setdefault(key, {})
            places[question.control, question.segment] = (
                plain_terms(measure, arms.control) if fits is None else fitted_terms(fits.control)
            )
            places[question.treatment, question.segment] = (
                plain_terms(measure, arms.treatment) if fits is None else fitted_terms(fits.treatment)
            )
        segment = "segment" if self.settings.segment is not None else None
        return sums_of_units(engine, outcomes.frame, arm="arm", segment=segment, wanted=wanted)

    def _fits(self, question: Question, arms: TwoArms) -> Adjustment:
        method = self.settings.metrics[question.metric].method or "lin"
        return adjusted(arms, "lin" if method not in ADJUSTED else method)


def _key(measure: Measure, question: Question) -> str:
    """Return what names a pass over the units: with covariates an arm's terms depend on the other arm."""
    return f"{measure.name} {question.control} {question.treatment}" if measure.covariates else measure.name


def _check(question: Question, arms: TwoArms) -> None:
    where = f"metric '{question.metric}', {question.treatment}"
    where += f", segment '{question.segment}'" if question.segment is not None else ""
    for side in (arms.control, arms.treatment):
        if float(side.n) < 2:
            raise TrialError(f"{where}: {int(side.n)} unit(s) in an arm cannot show a spread", allowed="2 or more")
        if arms.measure.denominator is not None and not float(side.mean_of(arms.measure.denominator)) > 0:
            raise TrialError(f"{where}: the denominators of an arm add up to nothing", allowed="a total above 0")


def rows_by_arm(
    engine: Engine, frame: nw.LazyFrame[Any], columns: tuple[str, ...], segment: str | None, *, unit: str = "row"
) -> dict[str, dict[str, np.ndarray]]:
    """Return the rows of some columns in memory, by arm, with the units' ids under `UNIT`, in the file's order."""
    import narwhals as nw

    kept = frame if segment is None else frame.filter(nw.col("segment") == segment)
    table = engine.collect(kept.select("row", "arm", **{UNIT: nw.col(unit)}, **{c: nw.col(c) for c in columns}))
    table = table.sort_by("row")
    arm = table.column("arm").to_numpy(zero_copy_only=False).astype(np.str_)
    ids = table.column(UNIT).to_numpy(zero_copy_only=False)
    values = {UNIT: ids, **{column: table.column(column).to_numpy() for column in columns}}
    return {str(name): {column: rows[arm == name] for column, rows in values.items()} for name in np.unique(arm)}


def is_from_moments(own: MetricSettings) -> bool:
    """Say whether a metric's effect comes of moments alone, with its default or an adjusting method."""
    return own.kind in FROM_MOMENTS and own.method in {None, METHODS[own.kind][0], "lin", "ancova", "cuped"}

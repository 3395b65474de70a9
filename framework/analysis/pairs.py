"""A paired design: every unit under both arms, its own control; units with a row in one arm only say nothing."""

from __future__ import annotations

from collections.abc import Mapping

from framework.analysis.left_out import LeftOut
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.data.unit_moments import moments_of_units
from framework.errors import TrialError
from framework.stats.compare import effect_of
from framework.stats.effects import Effect
from framework.stats.moments.cells import Cells
from framework.stats.moments.measure import Measure
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms


def paired_effects(
    engine: Engine,
    outcomes: OutcomeFrame,
    settings: AnalysisSettings,
    measures: Mapping[str, Measure],
    arms: tuple[str, ...],
    left_out: LeftOut,
) -> list[Effect]:
    """Return the effects on the units that have a row in both arms; a unit is in the segment of its control row.

    Segments that cannot bear an estimate go to `left_out`.

    Raises:
        TrialError: where fewer than 2 units have both.
    """
    found = []
    for treatment in (arm for arm in arms if arm != settings.control):
        cells = _differences(engine, outcomes, settings, measures, treatment)
        for segment in (None, *(cells.segments if settings.segment is not None else ())):
            for measure in measures.values():
                with left_out.at(measure.name, treatment, segment):
                    found.append(_effect(cells, settings, measure, treatment, segment))
    return found


def _differences(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, measures: Mapping[str, Measure], treatment: str
) -> Cells:
    """Return the moments of the units' values under the control and of their differences."""
    import narwhals as nw

    columns = tuple(dict.fromkeys(column for measure in measures.values() for column in measure.own_columns))
    extra = ["segment"] if settings.segment is not None else []
    ours = outcomes.frame.filter(nw.col("arm") == str(settings.control)).select("unit", *extra, *columns)
    theirs = outcomes.frame.filter(nw.col("arm") == treatment)
    theirs = theirs.select("unit", **{f"other_{column}": nw.col(column) for column in columns})
    both = ours.join(theirs, on="unit", how="inner").with_columns(
        arm=nw.lit("both"),
        **{DIFFERENCE + column: nw.col(f"other_{column}") - nw.col(column) for column in columns},
    )
    names = [*(DIFFERENCE + column for column in columns), *columns]
    segment = "segment" if extra else None
    return moments_of_units(engine, both, unit="unit", arm="arm", segment=segment, groups=[names], buckets=1)


def _effect(cells: Cells, settings: AnalysisSettings, measure: Measure, treatment: str, segment: str | None) -> Effect:
    pairs = cells.units("both", segment)
    if pairs < 2:
        raise TrialError(f"{pairs} unit(s) have a row in both arms, {settings.control} and {treatment}")
    columns = [*(DIFFERENCE + column for column in measure.own_columns), *measure.own_columns]
    return effect_of(
        TwoArms.paired(measure, cells.of("both", segment).pick(columns)),
        control_name=str(settings.control),
        treatment_name=treatment,
        segment=segment,
        confidence=settings.confidence,
        relative=settings.relative,
    )

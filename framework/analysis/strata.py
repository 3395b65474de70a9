"""Post-stratified effects over all units: compared inside each stratum, weighted by the strata's sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from framework.analysis.estimation import is_from_moments
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.data.unit_moments import moments_of_units
from framework.stats.compare import effect_of
from framework.stats.designs.stratified import post_stratified
from framework.stats.effects import Effect
from framework.stats.moments.measure import Measure
from framework.stats.moments.two_arms import TwoArms


def stratified_effects(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, measures: Mapping[str, Measure]
) -> dict[tuple[str, str], Effect]:
    """Return the effects over all units by (metric, treatment), of metrics without covariates or a method of their own.

    Raises TrialError, naming it, for a stratum with fewer than 2 units in an arm.
    """
    plain = {
        name: measure
        for name, measure in measures.items()
        if not measure.covariates and is_from_moments(settings.metrics[name])
    }
    if not plain:
        return {}
    cells = moments_of_units(
        engine,
        outcomes.frame,
        unit="unit" if settings.unit is not None else "row",
        arm="arm",
        segment="stratum",
        groups=[measure.own_columns for measure in plain.values()],
        buckets=1,
    )
    control = str(settings.control)
    found = {}
    for name, measure in plain.items():
        for treatment in (arm for arm in cells.arms if arm != control):
            strata = {
                stratum: TwoArms(measure, cells.of(control, stratum), cells.of(treatment, stratum))
                for stratum in cells.segments
            }
            weighted = post_stratified(strata, settings.confidence)
            pooled = TwoArms(measure, cells.of(control), cells.of(treatment))
            whole = effect_of(pooled, control_name=control, treatment_name=treatment, confidence=settings.confidence)
            estimate = weighted.differences.single()
            found[name, treatment] = replace(
                whole,
                control_value=weighted.values[0],
                treatment_value=weighted.values[1],
                **estimate.as_effect(),
                design="stratified",
                variance_reduction=weighted.reduction,
                relative=weighted.relative,
            )
    return found

"""Is the test what it claims to be: arms' sizes, missing outcomes, effects that hang on a few units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from framework.analysis.checks import ArmCounts
from framework.analysis.estimation import UNIT, MomentEffects, rows_by_arm
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.stats.health import ArmSummary, influence, influence_from_summary, missing_outcomes, sample_ratio
from framework.stats.health.influence import Influence
from framework.stats.health.named import as_record, named
from framework.stats.health.sample_ratio import sample_ratio_by_segment
from framework.stats.moments.measure import Measure, variance_of
from framework.stats.samples import UnitValues

ROWS_IN_MEMORY = 2_000_000
"""Units up to which single units' influence is computed from all rows; above, from each arm's largest values."""
LARGEST = 11
"""Largest values of an arm that are fetched where rows are too many: enough to leave out ten."""


def sizes(
    counts: ArmCounts, by_segment: Mapping[str, Mapping[str, int]], shares: Mapping[str, float]
) -> dict[str, Any]:
    """Return the sample-ratio test of all units and of every segment, and what is missing, as plain mappings."""
    planned = dict(shares) or None
    found: dict[str, Any] = {"sample_ratio": sample_ratio(counts.rows, planned)}
    if by_segment:
        found["sample_ratio_by_segment"] = sample_ratio_by_segment(by_segment, planned)
    if counts.any_missing:
        found["missing"] = asdict(missing_outcomes(counts.missing, counts.rows))
    return found


def influences(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, effects: MomentEffects
) -> list[dict[str, Any]]:
    """Return what each effect on a mean or ratio becomes without its top units, metric by metric."""
    measures = [measure for measure in effects.measures.values() if measure.kind != "proportion"]
    arms = effects.cells.arms
    if not measures:
        return []
    small = sum(effects.cells.units(arm) for arm in arms) <= ROWS_IN_MEMORY
    columns = tuple(dict.fromkeys(column for measure in measures for column in measure.own_columns))
    unit = "unit" if settings.unit is not None else "row"
    rows = rows_by_arm(engine, outcomes.frame, columns, None, unit=unit) if small else {}
    found = []
    for measure in measures:
        for treatment in arms:
            if treatment == effects.control:
                continue
            if small:
                pair = _values(measure, rows[effects.control]), _values(measure, rows[treatment])
                if min(side.numerator.size for side in pair) < 3:
                    continue
                said = influence(*pair, confidence=settings.confidence)
                ids = {"control": rows[effects.control][UNIT], "treatment": rows[treatment][UNIT]}
                said = named(said, _names(said, ids, unit))
            elif measure.kind == "mean":
                sides = [_summary(engine, outcomes, effects, measure, arm) for arm in (effects.control, treatment)]
                said = influence_from_summary(*sides, confidence=settings.confidence)
            else:
                continue
            found.append(as_record(said, metric=measure.name, control=effects.control, treatment=treatment))
    return found


def _names(said: Influence, ids: Mapping[str, Any], unit: str) -> dict[str, Any]:
    """Return the names of the units that stand out, by arm and place: their ids, or their rows where they have none."""
    found: dict[str, dict[int, str]] = {arm: {} for arm in ids}
    for one in said.units:
        name = str(ids[one.arm][int(one.unit)])
        found[one.arm][int(one.unit)] = name if unit == "unit" else f"in row {name}"
    return found


def _values(measure: Measure, rows: Mapping[str, np.ndarray]) -> UnitValues:
    below = None if measure.denominator is None else rows[measure.denominator]
    return UnitValues(measure.kind, rows[measure.numerator], below)


def _summary(engine: Engine, outcomes: OutcomeFrame, effects: MomentEffects, measure: Measure, arm: str) -> ArmSummary:
    import narwhals as nw

    own = effects.cells.of(arm).pick(measure.own_columns)
    unit = "unit" if effects.settings.unit is not None else "row"
    top = outcomes.frame.filter(nw.col("arm") == arm).select(unit, measure.numerator)
    table = engine.collect(top.sort(measure.numerator, descending=True).head(LARGEST)).to_pylist()
    opening = "" if unit == "unit" else "in row "
    largest = tuple((f"{opening}{row[unit]}", float(row[measure.numerator])) for row in table)
    return ArmSummary(int(own.n), float(own.mean[0]), float(variance_of(measure, own)), largest)

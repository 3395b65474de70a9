"""The effect by day since the test began: does it fade as the new wears off, or grow as users learn?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.data.unit_moments import moments_of_units
from framework.errors import DataError, TrialError
from framework.stats.compare import effect_of
from framework.stats.health import novelty
from framework.stats.moments.measure import Measure
from framework.stats.moments.two_arms import TwoArms

if TYPE_CHECKING:
    import narwhals as nw

MICROSECONDS_PER_DAY = 86_400_000_000
FEWEST_DAYS = 3


def effects_by_day(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, measures: Mapping[str, Measure]
) -> list[dict[str, Any]]:
    """Return each metric's effect by the day on which units came (`time=`), and its trend, as plain mappings.

    Days count from the first one in the file, 0. A day with fewer than 2 units in an arm is left out; covariates are
    not used. Raises DataError for times that cannot be read, and where fewer than 3 days remain.
    """
    if not measures:
        return []
    frame = _with_days(engine, outcomes, settings)
    cells = moments_of_units(
        engine,
        frame,
        unit="unit" if settings.unit is not None else "row",
        arm="arm",
        segment="day",
        groups=[measure.own_columns for measure in measures.values()],
        buckets=1,
    )
    control = str(settings.control)
    found = []
    for name, measure in measures.items():
        for treatment in (arm for arm in cells.arms if arm != control):
            days = []
            for day in sorted(cells.segments, key=int):
                try:
                    sides = [cells.of(arm, day).pick(measure.own_columns) for arm in (control, treatment)]
                    if min(float(side.n) for side in sides) < 2:
                        continue
                    arms = TwoArms(measure, sides[0], sides[1])
                    effect = effect_of(
                        arms, control_name=control, treatment_name=treatment, confidence=settings.confidence
                    )
                except TrialError:
                    continue  # an arm without units, or without anything to divide by, on that day
                if effect.standard_error > 0:
                    days.append((int(day), effect))
            found.append(_trend(name, control, treatment, days, settings))
    return found


def _trend(
    name: str, control: str, treatment: str, days: list[tuple[int, Any]], settings: AnalysisSettings
) -> dict[str, Any]:
    if len(days) < FEWEST_DAYS:
        raise DataError(
            f"time={settings.time}: metric '{name}' has {len(days)} day(s) with units in both arms",
            allowed=f"{FEWEST_DAYS} days or more",
            hint="Leave time= out.",
        )
    said = novelty(
        [day for day, _ in days],
        [effect.estimate for _, effect in days],
        [effect.standard_error for _, effect in days],
        alpha=settings.alpha,
    )
    return {
        "metric": name,
        "control": control,
        "treatment": treatment,
        "pattern": said.pattern,
        "level": said.level,
        "text": said.text,
        "slope": said.slope.difference,
        "slope_low": said.slope.ci_low,
        "slope_high": said.slope.ci_high,
        "p_value": said.slope.p_value,
        "early": said.early.difference,
        "late": said.late.difference,
        "days": [
            {"day": day, "estimate": effect.estimate, "ci_low": effect.ci_low, "ci_high": effect.ci_high}
            for day, effect in days
        ],
    }


def _with_days(engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings) -> nw.LazyFrame[Any]:
    import narwhals as nw

    frame = engine.parse_times(outcomes.frame, "moment", "time", None)
    summary = engine.collect(
        frame.select(
            nw.col("moment").min().alias("first"),
            nw.when(nw.col("moment").is_null()).then(1).otherwise(0).sum().alias("unread"),
        )
    ).to_pylist()[0]
    if summary["unread"]:
        raise DataError(
            f"{outcomes.path}, column '{settings.time}' (time=): {summary['unread']} value(s) are no times",
            allowed="ISO 8601, such as 2026-11-24 or 2026-11-24T08:30:00",
        )
    start = int(summary["first"]) // MICROSECONDS_PER_DAY
    day = nw.col("moment") // MICROSECONDS_PER_DAY - start
    return frame.with_columns(day=day.cast(nw.String))

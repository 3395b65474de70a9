"""What must hold of the outcomes before anything is estimated: arms, ids, missing and impossible values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from framework.analysis.opening import shown
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import narwhals as nw

ROLES = ("arm", "unit", "segment", "stratum", "cluster", "time", "period")
"""Columns that every row must have a value in, where they are asked for."""
LARGEST = 1e100
"""Size of a number up to which its cube, which skewness needs, is one too."""
MOST_GROUPS = 1_000
"""Segments or strata beyond which the column is taken for a mistake, such as an id."""
SHOWN_ARMS = 10
"""Arms that a message names."""


@dataclass(frozen=True)
class ArmCounts:
    """Rows of each arm, and of those the rows with a missing outcome in any used column, by arm and by column."""

    rows: dict[str, int]
    missing: dict[str, int]
    missing_by_column: dict[str, dict[str, int]]

    @property
    def any_missing(self) -> bool:
        """Whether any outcome is missing."""
        return any(self.missing.values())

    def kept(self, arm: str, missing: str) -> int:
        """Return how many rows of an arm are estimated on where a missing outcome means `missing`."""
        return self.rows[arm] - (self.missing[arm] if missing == "drop" else 0)


def checked_outcomes(
    engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, shares_of_units: Sequence[str]
) -> tuple[OutcomeFrame, ArmCounts]:
    """Return the outcomes that can be estimated on, and how many rows each arm has.

    `shares_of_units` are the frame's columns that must hold 0 and 1 only. Missing outcomes are refused, dropped with
    their unit, or counted as 0, as `settings.missing` says.

    Raises:
        DataError: no row, an unknown control, one arm only, ids or arms that are missing, a unit that stands in several
            rows, infinite values, missing values (unless the settings say what they mean), a proportion other than 0
            and 1, or fewer than 2 units left in an arm.
    """
    rows = _counted(engine, outcomes, shares_of_units)
    if not rows:
        raise DataError(f"{outcomes.path} holds no rows")
    for role in ROLES:
        missing = sum(row[f"no_{role}"] for row in rows if f"no_{role}" in row)
        if missing:
            raise DataError(
                f"{outcomes.path}, column '{getattr(settings, role)}' ({role}): {missing} value(s) are missing",
                hint="Remove those rows, or name what they belong to.",
            )
    _check_arms(rows, settings, outcomes)
    for row in rows:
        for name in outcomes.numbers.values():
            where = f"{outcomes.path}, column '{outcomes.theirs(name)}', arm '{shown(row['arm'])}'"
            if row[f"infinite_{name}"]:
                raise DataError(
                    f"{where}: {row[f'infinite_{name}']} value(s) are infinite or beyond {LARGEST:g}",
                    allowed="finite numbers",
                )
            if row.get(f"other_{name}"):
                raise DataError(
                    f"{where}: {row[f'other_{name}']} value(s) of a proportion are neither 0 nor 1",
                    allowed="0 and 1, or true and false",
                    hint="Use kind=mean.",
                )
    _check_units(engine, outcomes, settings, sum(row["units"] for row in rows))
    _check_groups(engine, outcomes, settings)
    counts = ArmCounts(
        rows={row["arm"]: row["units"] for row in rows},
        missing={row["arm"]: row["incomplete"] for row in rows},
        missing_by_column={
            outcomes.theirs(name): {row["arm"]: row[f"missing_{name}"] for row in rows}
            for name in outcomes.numbers.values()
            if any(row[f"missing_{name}"] for row in rows)
        },
    )
    _check_left(counts, settings)
    return _without_missing(outcomes, settings, counts), counts


def _counted(engine: Engine, outcomes: OutcomeFrame, shares: Sequence[str]) -> list[dict[str, Any]]:
    import narwhals as nw

    def flag(condition: Any) -> Any:
        return nw.when(condition).then(1).otherwise(0)

    names = list(outcomes.numbers.values())
    present = outcomes.frame.collect_schema().names()
    flags = {f"missing_{name}": flag(is_missing(nw.col(name))) for name in names}
    flags |= {f"infinite_{name}": flag(_is_infinite(nw.col(name)) | _is_huge(nw.col(name))) for name in names}
    flags |= {
        f"other_{name}": flag(nw.col(name).is_finite() & (nw.col(name) != 0) & (nw.col(name) != 1)) for name in shares
    }
    flags |= {f"no_{role}": flag(nw.col(role).is_null()) for role in ROLES if role in present}
    incomplete: Any = None
    for name in names:
        this = nw.col(f"missing_{name}")
        incomplete = this if incomplete is None else incomplete + this
    frame = outcomes.frame.with_columns(**flags).with_columns(incomplete=flag(incomplete > 0))
    grouped = frame.group_by("arm").agg(
        nw.len().alias("units"), *(nw.col(name).sum() for name in (*flags, "incomplete"))
    )
    # Engines widen a sum of whole numbers, some of them to decimals.
    rows = [
        {name: value if name == "arm" else int(value) for name, value in row.items()}
        for row in engine.collect(grouped).to_pylist()
    ]
    return sorted(rows, key=lambda row: str(row["arm"]))


def is_missing(column: Any) -> Any:
    """Return whether a number is null or nan.

    DuckDB takes isnan for false where a Parquet file's statistics, which leave nan out, name a smallest value.
    """
    return column.is_null() | ~(column.is_finite() | _is_infinite(column))


def _is_infinite(column: Any) -> Any:
    return (column == math.inf) | (column == -math.inf)


def _is_huge(column: Any) -> Any:
    return column.is_finite() & (column.abs() > LARGEST)


def _check_arms(rows: Sequence[Mapping[str, Any]], settings: AnalysisSettings, outcomes: OutcomeFrame) -> None:
    arms = [str(row["arm"]) for row in rows if row["arm"] is not None]
    if settings.control not in arms:
        raise DataError(
            f"{outcomes.path}, column '{settings.arm}' has no arm '{settings.control}' (control=)",
            allowed=_some(arms),
            hint=did_you_mean(str(settings.control), arms),
        )
    if len(arms) < 2:
        raise DataError(
            f"{outcomes.path} has one arm only, '{shown(arms[0])}'", hint="Nothing can be compared with it."
        )
    for arm in settings.shares:
        if arm not in arms:
            raise DataError(f"shares= names arm '{arm}'", allowed=_some(arms), hint=did_you_mean(arm, arms))
    left = [arm for arm in arms if settings.shares and arm not in settings.shares]
    if left:
        raise DataError(f"shares= leaves out arm '{shown(left[0])}'", allowed="a share for every arm, or none at all")
    few = [row for row in rows if row["units"] < 2]
    if few:
        raise DataError(f"arm '{shown(few[0]['arm'])}' has {few[0]['units']} unit(s)", allowed="2 or more in every arm")


def _check_left(counts: ArmCounts, settings: AnalysisSettings) -> None:
    left = {arm: counts.kept(arm, settings.missing) for arm in counts.rows}
    few = [arm for arm, number in left.items() if number < 2]
    if few:
        raise DataError(
            f"arm '{shown(few[0])}' has {left[few[0]]} unit(s) without a missing value",
            allowed="2 or more in every arm",
        )


def _some(arms: Sequence[str]) -> str:
    more = f" and {len(arms) - SHOWN_ARMS} more" if len(arms) > SHOWN_ARMS else ""
    return ", ".join(map(shown, arms[:SHOWN_ARMS])) + more


def _check_units(engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings, rows: int) -> None:
    if settings.unit is None or settings.cluster is not None or settings.design == "switchback":
        return
    import narwhals as nw

    keys = ["unit", "arm"] if settings.design == "paired" else ["unit"]
    if settings.design == "paired":
        distinct = engine.collect(outcomes.frame.select(*keys).unique().select(nw.len().alias("n")))
    else:
        distinct = engine.collect(outcomes.frame.select(nw.col("unit").n_unique().alias("n")))
    if distinct.to_pylist()[0]["n"] == rows:
        return
    grouped = outcomes.frame.group_by(*keys).agg(nw.len().alias("n")).filter(nw.col("n") > 1)
    example = engine.collect(grouped.sort(*keys).head(1)).to_pylist()[0]
    place = f" in arm '{shown(example['arm'])}'" if settings.design == "paired" else ""
    raise DataError(
        f"{outcomes.path}: unit '{shown(example['unit'])}' stands in {example['n']} rows{place}",
        allowed="one row a unit" + (" and arm" if settings.design == "paired" else ""),
        hint="Sum its rows first; or leave unit= out and name cluster= for rows that are alike inside a unit.",
    )


def _check_groups(engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings) -> None:
    import narwhals as nw

    for role in ("segment", "stratum"):
        if getattr(settings, role) is None:
            continue
        (counted,) = engine.collect(outcomes.frame.select(nw.col(role).n_unique().alias("n"))).to_pylist()
        if counted["n"] > MOST_GROUPS:
            raise DataError(
                f"{outcomes.path}, column '{getattr(settings, role)}' ({role}) has {counted['n']:,} values",
                allowed=f"at most {MOST_GROUPS:,}",
            )


def _without_missing(outcomes: OutcomeFrame, settings: AnalysisSettings, counts: ArmCounts) -> OutcomeFrame:
    import narwhals as nw

    if not counts.any_missing:
        return outcomes
    names = list(outcomes.numbers.values())
    if settings.missing == "refuse":
        column, by_arm = next(iter(counts.missing_by_column.items()))
        said = ", ".join(f"{number} in arm '{shown(arm)}'" for arm, number in by_arm.items())
        raise DataError(
            f"{outcomes.path}, column '{column}': outcomes are missing ({said})",
            allowed="missing=drop (leave those units out of everything) or missing=zero (they did nothing)",
            hint="Which one is right depends on why they are missing.",
        )
    frame: nw.LazyFrame[Any]
    if settings.missing == "zero":
        filled = {name: nw.when(is_missing(nw.col(name))).then(0.0).otherwise(nw.col(name)) for name in names}
        frame = outcomes.frame.with_columns(**filled)
    else:
        there: Any = None
        for name in names:
            own = ~is_missing(nw.col(name))
            there = own if there is None else there & own
        frame = outcomes.frame.filter(there)
    return replace(outcomes, frame=frame)

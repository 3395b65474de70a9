"""The file's units as arrays: arms, outcomes and features, and the probability of what each unit got."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.analysis.checks import checked_outcomes
from framework.analysis.opening import shown
from framework.analysis.outcomes_file import read_outcomes
from framework.analysis.settings import AnalysisSettings
from framework.data.encoding import encode
from framework.data.engine import Engine
from framework.data.logfiles import digest
from framework.errors import DataError
from framework.uplift.settings import UpliftSettings

Floats = NDArray[np.float64]
MOST_LEVELS = 50
"""Values of a category beyond which the column is taken for a mistake, such as an id."""
LEAST = 50
"""Units that an arm must have in every fold, so that something can be learned from the first."""
ABSENT = "missing"


@dataclass(frozen=True)
class Units:
    """Units of a test: `arms[0]` is the control, `arm` (n,) indexes `arms`, `propensity` (n,) that of the own arm.

    `features` (n, d) are covariates and one column of 0 and 1 for each value of a category ("channel=Web"). `ids` and
    `segment` are None where no column names them; `segment` (n,) indexes `segments`.
    """

    path: Path
    arms: tuple[str, ...]
    arm: NDArray[np.int32]
    outcome: Floats
    features: Floats
    names: tuple[str, ...]
    propensity: Floats
    ids: NDArray[np.str_] | None
    segment: NDArray[np.int32] | None
    segments: tuple[str, ...]
    digest: str
    dropped: int


def read_units(engine: Engine, path: Path, settings: UpliftSettings) -> Units:
    """Return the units of a file, in its order.

    Raises:
        DataError: what `analyse` refuses in a file; a category with more than 50 values; probabilities outside (0, 1),
            or of a test with more than two arms; arms too small for the folds.
    """
    texts = {role: own for role in ("unit", "arm", "segment") if (own := getattr(settings, role)) is not None}
    texts |= {f"category_{place}": column for place, column in enumerate(settings.categories)}
    numbers = {settings.outcome: "outcome=", **dict.fromkeys(settings.covariates, "covariates=")}
    if settings.propensity is not None:
        numbers[settings.propensity] = "propensity="
    outcomes = read_outcomes(engine, path, texts=texts, numbers=numbers, separator=settings.separator)
    asked = AnalysisSettings(
        {},
        unit=settings.unit,
        arm=settings.arm,
        control=settings.control,
        segment=settings.segment,
        shares=settings.shares,
        missing=settings.missing,
    )
    outcomes, counts = checked_outcomes(engine, outcomes, asked, ())
    table = engine.collect(outcomes.frame.sort("row"))

    def column(name: str) -> Floats:
        return np.asarray(table[outcomes.numbers[name]].to_numpy(), dtype=np.float64)

    arm, arms = encode(table["arm"])
    order = np.argsort(arms != settings.control, kind="stable")
    arm = np.argsort(order).astype(np.int32)[arm]
    arms = arms[order]
    _check_sizes(np.bincount(arm), arms.tolist(), settings.folds)
    features, names = _features(table, settings, column)
    segment, segments = (None, np.zeros(0)) if settings.segment is None else encode(table["segment"])
    return Units(
        path,
        tuple(arms.tolist()),
        arm,
        column(settings.outcome),
        features,
        names,
        _propensity(arm, None if settings.propensity is None else column(settings.propensity), path, settings),
        None if settings.unit is None else np.array(table["unit"].to_pylist(), dtype=np.str_),
        segment,
        tuple(map(str, segments)),
        digest(outcomes.paths),
        sum(counts.missing.values()) if settings.missing == "drop" else 0,
    )


def _features(table: Any, settings: UpliftSettings, column: Any) -> tuple[Floats, tuple[str, ...]]:
    columns, names = [column(name) for name in settings.covariates], list(settings.covariates)
    for place, name in enumerate(settings.categories):
        coded, levels = encode(table[f"category_{place}"].fill_null(ABSENT))
        if len(levels) > MOST_LEVELS:
            raise DataError(
                f"column '{name}' (categories=) has {len(levels):,} values",
                allowed=f"at most {MOST_LEVELS}",
                hint="Columns of numbers belong to covariates=.",
            )
        # One of two values says all; of one value there is nothing to say.
        for level in range(0 if len(levels) < 2 else 1 if len(levels) == 2 else len(levels)):
            columns.append((coded == level).astype(np.float64))
            names.append(f"{name}={shown(str(levels[level]))}")
    if not columns:
        raise DataError("every category has one value only", hint="Uplift is learned from what differs between units.")
    return np.stack(columns, axis=1), tuple(names)


def _propensity(arm: NDArray[np.int32], given: Floats | None, path: Path, settings: UpliftSettings) -> Floats:
    sizes = np.bincount(arm)
    if given is None:
        return np.asarray((sizes / sizes.sum())[arm])
    if sizes.size > 2:
        raise DataError(f"propensity= with {sizes.size} arms", allowed="tests of two arms")
    if not bool(((given > 0) & (given < 1)).all()):
        raise DataError(
            f"{path}, column '{settings.propensity}' (propensity) has values outside (0, 1)",
            allowed="the probability of the arm that the unit got",
        )
    return given


def _check_sizes(sizes: NDArray[np.intp], arms: list[str], folds: int) -> None:
    small = int(np.argmin(sizes))
    if sizes[small] < LEAST * folds:
        raise DataError(
            f"arm '{shown(arms[small])}' has {sizes[small]} units, too few for {folds} folds",
            allowed=f"{LEAST * folds} or more in every arm",
            hint="Use fewer folds=.",
        )

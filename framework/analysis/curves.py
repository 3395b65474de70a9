"""Retention by day as a curve with a band that holds for all of its days at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.analysis.estimation import rows_by_arm
from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.stats.kinds.retention import Followed, retention_curve


def retention_curves(engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings) -> list[dict[str, Any]]:
    """Return the curve of every metric of kind "retention" and every treatment, as plain mappings.

    A metric names one column of 0 and 1 for each of its `days`; every unit was observed for all of them.
    """
    wanted = {name: own for name, own in settings.metrics.items() if own.kind == "retention"}
    if not wanted:
        return []
    columns = tuple(dict.fromkeys(outcomes.numbers[column] for own in wanted.values() for column in own.columns))
    rows = rows_by_arm(engine, outcomes.frame, columns, None)
    control = str(settings.control)
    found = []
    for name, own in wanted.items():
        for treatment in (arm for arm in rows if arm != control):
            sides = [
                _followed(rows[arm], [outcomes.numbers[c] for c in own.columns], own.days)
                for arm in (control, treatment)
            ]
            curve = retention_curve(
                sides[0],
                sides[1],
                own.days,
                rng=np.random.default_rng([settings.seed, 3]),
                confidence=settings.confidence,
            )
            found.append({"metric": name, "control": control, "treatment": treatment, **asdict(curve)})
    return found


def _followed(rows: Mapping[str, NDArray[np.float64]], columns: list[str], days: tuple[float, ...]) -> Followed:
    retained = np.column_stack([rows[column] > 0 for column in columns])
    return Followed(retained, np.full(len(retained), max(days)))

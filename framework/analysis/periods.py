"""A switchback: all units under one arm in a period; periods are what was randomised, and what is counted."""

from __future__ import annotations

import numpy as np

from framework.analysis.outcomes_file import OutcomeFrame
from framework.analysis.settings import AnalysisSettings
from framework.data.engine import Engine
from framework.errors import DataError
from framework.stats.designs.switchback import switchback
from framework.stats.designs.switchback_periods import Periods
from framework.stats.effects import Effect, Interval


def switchback_effects(engine: Engine, outcomes: OutcomeFrame, settings: AnalysisSettings) -> list[Effect]:
    """Return the effects over all periods; `period=` numbers them, each under one arm, in the order of time.

    Raises DataError for periods that are no whole numbers or were under two arms.
    """
    import narwhals as nw

    sums = [nw.col(name).sum().alias(f"sum_{name}") for name in outcomes.numbers.values()]
    grouped = outcomes.frame.group_by("period", "arm").agg(nw.len().alias("rows"), *sums)
    table = engine.collect(grouped).to_pylist()
    arms = sorted({str(row["arm"]) for row in table})
    if len(arms) != 2:
        raise DataError(
            f"design=switchback compares two arms, not {len(arms)}", allowed="one treatment and the control"
        )
    treatment = next(arm for arm in arms if arm != settings.control)
    index = _numbered([str(row["period"]) for row in table], outcomes, settings)
    if len(set(index.tolist())) != len(index):
        twice = next(period for period in index.tolist() if index.tolist().count(period) > 1)
        raise DataError(f"{outcomes.path}: period {twice} was under both arms", allowed="one arm in a period")
    treated = np.array([str(row["arm"]) == treatment for row in table])
    found = []
    for name, own in settings.metrics.items():
        top = outcomes.numbers[str(own.numerator or own.column or name)]
        numerator = np.array([float(row[f"sum_{top}"]) for row in table])
        below = None if own.denominator is None else f"sum_{outcomes.numbers[own.denominator]}"
        denominator = np.array([float(row[below] if below else row["rows"]) for row in table])
        estimate = switchback(
            Periods(index, treated, numerator, denominator),
            metric=name,
            confidence=settings.confidence,
            burn_in=settings.burn_in,
        )
        sides = [float(numerator[mask].sum() / denominator[mask].sum()) for mask in (~treated, treated)]
        rows = np.array([int(row["rows"]) for row in table])
        reason = "not given for switchbacks: read the difference"
        found.append(
            Effect(
                metric=name,
                control=str(settings.control),
                treatment=treatment,
                segment=None,
                n_control=int(rows[~treated].sum()),
                n_treatment=int(rows[treated].sum()),
                control_value=sides[0],
                treatment_value=sides[1],
                **estimate.as_effect(),
                p_adjusted=None,
                relative=Interval(None, None, None, reason),
                design="switchback",
                confidence=settings.confidence,
                warnings=estimate.warnings,
            )
        )
    return found


def _numbered(periods: list[str], outcomes: OutcomeFrame, settings: AnalysisSettings) -> np.ndarray:
    bad = [period for period in periods if not period.lstrip("-").isdigit()]
    if bad:
        raise DataError(
            f"{outcomes.path}, column '{settings.period}' (period=) holds '{bad[0]}'",
            allowed="whole numbers, a period's place in time",
        )
    return np.array([int(period) for period in periods])

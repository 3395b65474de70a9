"""Every estimator's value of one policy on one log, with its interval, or why it is withheld."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.kinds import Estimator
from framework.records import PolicyValue, UnitValues, WeightedRows
from framework.stats.arms import arm_value
from framework.stats.effects import Interval
from framework.stats.off_policy.buckets import Bootstrapped


@dataclass(frozen=True)
class LoggedEstimate:
    """What one estimator says: `value` with its interval, and `values` by unit as statistics take them.

    `withheld` holds the reasons where the log does not support it; the numbers are then not shown. `weightless` marks
    an estimate that rests on the reward model alone, whatever the weights are.
    """

    key: str
    label: str
    value: PolicyValue
    interval: Interval
    values: UnitValues
    weightless: bool
    withheld: tuple[str, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)


def estimate_all(
    estimators: Mapping[str, Estimator],
    rows: WeightedRows,
    *,
    refusals: tuple[str, ...],
    confidence: float,
    refitted: Callable[[], Bootstrapped],
) -> tuple[LoggedEstimate, ...]:
    """Return each estimator's estimate on the rows, in the order given.

    `refusals` withhold whatever rests on the weights. `refitted` gives the interval of what rests on the reward model
    alone, fitted anew in resamples: the spread of the rows' terms says nothing of the model's error.
    """
    return tuple(_one(key, estimator, rows, refusals, confidence, refitted) for key, estimator in estimators.items())


def by_unit(terms: NDArray[np.float64], unit: NDArray[np.int64] | None) -> UnitValues:
    """Return rows' terms (n,) as units' values: a mean where rows are units, else sums over numbers of rows."""
    if unit is None:
        return UnitValues("mean", terms)
    _, place = np.unique(unit, return_inverse=True)
    return UnitValues(
        "ratio", np.bincount(place, weights=terms).astype(np.float64), np.bincount(place).astype(np.float64)
    )


def _one(
    key: str,
    estimator: Estimator,
    rows: WeightedRows,
    refusals: tuple[str, ...],
    confidence: float,
    refitted: Callable[[], Bootstrapped],
) -> LoggedEstimate:
    found = estimator.estimate(rows)
    values = by_unit(found.terms, rows.unit)
    weightless = not estimator.uses_weights
    interval = arm_value(values, confidence, metric=estimator.label, arm="policy")
    if weightless:
        again = refitted()
        interval = Interval(found.value, again.ci_low, again.ci_high)
    return LoggedEstimate(
        key,
        estimator.label,
        found,
        interval,
        values,
        weightless,
        () if weightless else refusals,
        dict(found.details),
    )

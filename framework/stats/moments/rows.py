"""From rows in memory to what the estimators take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.stats.moments.measure import Measure
from framework.stats.moments.record import Moments
from framework.stats.moments.shape import contributions_of, shape_of
from framework.stats.moments.two_arms import DIFFERENCE, TwoArms
from framework.stats.samples import UnitValues

NUMERATOR, DENOMINATOR = "numerator", "denominator"
"""The columns of a metric's unit values."""


def measure_of(values: UnitValues, metric: str) -> Measure:
    """Return the measure that reads unit values."""
    return Measure(metric, values.kind, NUMERATOR, DENOMINATOR if values.denominator is not None else None)


def columns_of(values: UnitValues) -> dict[str, NDArray[np.float64]]:
    """Return unit values as columns."""
    if values.denominator is None:
        return {NUMERATOR: values.numerator}
    return {NUMERATOR: values.numerator, DENOMINATOR: values.denominator}


def arms_of(control: UnitValues, treatment: UnitValues, *, metric: str, design: str) -> TwoArms:
    """Return two arms' checked unit values (`samples.checked`) as moments with their shapes."""
    measure = measure_of(control, metric)
    ours, theirs = columns_of(control), columns_of(treatment)
    if design == "paired":
        joint = Moments.of({**{DIFFERENCE + name: theirs[name] - ours[name] for name in ours}, **ours})
        arms = TwoArms.paired(measure, joint)
        difference = contributions_of(measure, arms.treatment, theirs) - contributions_of(measure, arms.control, ours)
        return TwoArms.paired(measure, joint, (shape_of(difference),))
    moments = Moments.of(ours), Moments.of(theirs)
    pairs = zip(moments, (ours, theirs), strict=True)
    shapes = tuple(shape_of(contributions_of(measure, own, rows)) for own, rows in pairs)
    return TwoArms(measure, *moments, shapes=shapes)

"""One arm's own value with its interval."""

from __future__ import annotations

import numpy as np

from framework.stats.effects import Interval
from framework.stats.estimates import quantile
from framework.stats.moments.measure import Measure, mean_variance, value_of
from framework.stats.moments.record import Moments
from framework.stats.moments.rows import columns_of, measure_of
from framework.stats.samples import UnitValues, checked


def arm_value(
    values: UnitValues, confidence: float = 0.95, *, metric: str = "unnamed", arm: str = "unnamed"
) -> Interval:
    """Return the arm's value with a two-sided interval, both in the metric's unit.

    A mean: t interval, n - 1 degrees of freedom. A proportion: Wilson's score interval (Wilson 1927, statsmodels). A
    ratio: delta method, ddof 1, normal. `metric` and `arm` name the values in errors. Where all units have the same
    value, a mean or a ratio keeps its estimate and has no interval, with the reason.

    Raises:
        TrialError: as `samples.checked`.
    """
    values = checked(values, metric=metric, arm=arm)
    return arm_interval(measure_of(values, metric), Moments.of(columns_of(values)), confidence)


def arm_interval(measure: Measure, moments: Moments, confidence: float) -> Interval:
    """Return an arm's value with its interval from its moments, as `arm_value` does from rows."""
    estimate, n = float(value_of(measure, moments)), float(moments.n)
    if measure.kind == "proportion":
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(estimate * n, n, alpha=1 - confidence, method="wilson")
        return Interval(estimate, float(low), float(high))
    error = float(np.sqrt(mean_variance(measure, moments)))
    if error == 0:
        return Interval(estimate, None, None, "all units have the same value, so there is no spread to judge by")
    width = quantile(confidence, n - 1 if measure.kind == "mean" else None) * error
    return Interval(estimate, estimate - width, estimate + width)

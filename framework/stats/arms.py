"""One arm's own value with its interval."""

from __future__ import annotations

from framework.stats.delta import is_constant, linearised, magnitude, mean_error, value_of
from framework.stats.effects import Interval
from framework.stats.estimates import quantile
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
    estimate = value_of(values)
    if values.kind == "proportion":
        from statsmodels.stats.proportion import proportion_confint

        n = values.numerator.size
        low, high = proportion_confint(float(values.numerator.sum()), n, alpha=1 - confidence, method="wilson")
        return Interval(estimate, float(low), float(high))
    contributions = linearised(values)
    if is_constant(contributions, magnitude(values)):
        return Interval(estimate, None, None, "all units have the same value, so there is no spread to judge by")
    df = float(contributions.size - 1) if values.kind == "mean" else None
    width = quantile(confidence, df) * mean_error(contributions)
    return Interval(estimate, estimate - width, estimate + width)

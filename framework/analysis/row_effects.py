"""Effects that need more than moments: exact tests on counts, quantiles, rates, ranks, the bootstrap, CUPAC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.analysis.settings import MetricSettings
from framework.errors import TrialError
from framework.stats.adjustment.cupac import cupac_effect
from framework.stats.compare import compare
from framework.stats.effects import Effect, Interval
from framework.stats.estimates import Estimate
from framework.stats.kinds.counted import Counted
from framework.stats.kinds.counts import count_rates
from framework.stats.kinds.proportions import two_proportions
from framework.stats.kinds.quantiles import arm_quantile, compare_quantiles, relative_quantiles
from framework.stats.kinds.ranks import mann_whitney
from framework.stats.kinds.rates import Events, rate_ratio, two_rates
from framework.stats.samples import UnitValues

Rows = Mapping[str, NDArray[np.float64]]
"""An arm's rows by the file's column."""


def row_effect(
    name: str, own: MetricSettings, rows: tuple[Rows, Rows], names: Mapping[str, Any], *, confidence: float, seed: int
) -> Effect:
    """Return a metric's effect from both arms' rows (control's, treatment's).

    `names` holds control_name, treatment_name and segment. Raises TrialError where the rows cannot bear it.
    """
    column = own.column or name
    if min(len(next(iter(side.values()))) for side in rows) < 2:
        raise TrialError(f"metric '{name}': fewer than 2 units in an arm", allowed="2 or more")
    if own.method == "bootstrap":
        values = tuple(_unit_values(own, column, side) for side in rows)
        rng = np.random.default_rng(seed)
        return compare(*values, metric=name, **names, confidence=confidence, interval="bootstrap", rng=rng)
    if own.method == "cupac":
        return cupac_effect(
            *(side[column] for side in rows),
            *(np.column_stack([side[covariate] for covariate in own.covariates]) for side in rows),
            metric=name,
            **names,
            confidence=confidence,
            seed=seed,
            error=own.error,
        )
    if own.kind == "proportion":
        return _shares(name, own, column, rows, names, confidence)
    if own.kind == "quantile":
        control, treatment = (arm_quantile(side[column], own.quantile) for side in rows)
        estimate = compare_quantiles(control, treatment, confidence)
        relative = relative_quantiles(control, treatment, confidence)
        return _effect(name, rows, names, confidence, estimate, (control.value, treatment.value), relative)
    if own.kind == "rate":
        return _rates(name, own, column, rows, names, confidence)
    estimate = mann_whitney(rows[0][column], rows[1][column], confidence)
    # A rank test's estimate is P(higher) - P(lower): the arms have no values of their own on that scale.
    values_ = (0.0, estimate.difference)
    reason = "a difference of probabilities has no relative change"
    return _effect(name, rows, names, confidence, estimate, values_, Interval(None, None, None, reason))


def _unit_values(own: MetricSettings, column: str, side: Rows) -> UnitValues:
    if own.kind == "ratio":
        return UnitValues("ratio", side[str(own.numerator)], side[str(own.denominator)])
    return UnitValues("mean", side[column])


def _shares(
    name: str, own: MetricSettings, column: str, rows: tuple[Rows, Rows], names: Mapping[str, Any], confidence: float
) -> Effect:
    control, treatment = (side[column] for side in rows)
    counted = Counted(int(control.sum()), control.size, int(treatment.sum()), treatment.size)
    estimate = two_proportions(counted, method=str(own.method), confidence=confidence)
    plain = compare(
        UnitValues("proportion", control),
        UnitValues("proportion", treatment),
        metric=name,
        **names,
        confidence=confidence,
    )
    return replace(
        plain,
        standard_error=estimate.standard_error,
        ci_low=estimate.ci_low,
        ci_high=estimate.ci_high,
        p_value=estimate.p_value,
        method=estimate.method,
        df=estimate.df,
        warnings=tuple(dict.fromkeys((*estimate.warnings, *plain.warnings))),
    )


def _rates(
    name: str, own: MetricSettings, column: str, rows: tuple[Rows, Rows], names: Mapping[str, Any], confidence: float
) -> Effect:
    events, exposure = (tuple(side[key] for side in rows) for key in (column, str(own.denominator)))
    for arm, counts, base in zip((names["control_name"], names["treatment_name"]), events, exposure, strict=True):
        if bool(((counts < 0) | (counts != np.floor(counts)) | (base < 0)).any()):
            raise TrialError(
                f"metric '{name}', arm '{arm}': events that are no counts, or an exposure below 0",
                allowed="events 0, 1, 2 ..., exposure 0 or more",
            )
    totals = Events(int(events[0].sum()), float(exposure[0].sum()), int(events[1].sum()), float(exposure[1].sum()))
    ratio = rate_ratio(totals, confidence=confidence)
    change, low, high = (None if end is None else end - 1 for end in (ratio.estimate, ratio.ci_low, ratio.ci_high))
    relative = Interval(change, low, high, ratio.reason)
    if own.method in {None, "recommended"}:
        rates = count_rates(events[0], exposure[0], events[1], exposure[1], confidence=confidence)
        estimate = rates.recommended
        if estimate == rates.clustered:
            sides = (UnitValues("ratio", counts, base) for counts, base in zip(events, exposure, strict=True))
            relative = compare(*sides, metric=name, **names, confidence=confidence).relative
    else:
        estimate = two_rates(totals, method=str(own.method), confidence=confidence)
    return _effect(name, rows, names, confidence, estimate, (totals.rate_control, totals.rate_treatment), relative)


def _effect(
    name: str,
    rows: tuple[Rows, Rows],
    names: Mapping[str, Any],
    confidence: float,
    estimate: Estimate,
    values: tuple[float, float],
    relative: Interval,
) -> Effect:
    sizes = [len(next(iter(side.values()))) for side in rows]
    return Effect(
        metric=name,
        control=names["control_name"],
        treatment=names["treatment_name"],
        segment=names["segment"],
        n_control=sizes[0],
        n_treatment=sizes[1],
        control_value=values[0],
        treatment_value=values[1],
        **estimate.as_effect(),
        p_adjusted=None,
        relative=relative,
        design="independent",
        confidence=confidence,
        warnings=estimate.warnings,
    )

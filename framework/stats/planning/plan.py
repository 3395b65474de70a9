"""The plan of a test: how many units find a difference, or which difference so many units find."""

from __future__ import annotations

import math
from dataclasses import dataclass

from framework.errors import TrialError
from framework.stats.planning.arguments import check_above, check_difference
from framework.stats.planning.setting import Setting
from framework.stats.planning.solve import bracketed, solve

FEW_GROUPS = 40
"""With fewer clusters or blocks than this in all, cluster methods are strained."""
FEW_UNITS = 30
"""An arm smaller than this leans on the normal distribution of its units."""
FEW_EVENTS = 5
"""Fewer expected successes or failures than this in an arm strain the normal approximation."""


@dataclass(frozen=True)
class Plan:
    """How large a test is to be, and what it can then show; differences in the metric's unit.

    `n_control` and `n_treatment` are whole units of one arm (paired: the same units in both), `n_total` those of all
    arms. `alpha` is the family's level, `alpha_each` that of one comparison, and `power` that of one comparison with
    `n_control` whole units for a true difference of `minimum_detectable`. For non-inferiority and equivalence
    `minimum_detectable` is the margin that is shown to be kept, where the truth is `true_difference`.
    `relative_minimum` is over the baseline, None where there is none. `sd` is one unit's standard deviation as given,
    `planned_sd` that after covariates, design effect and inflation.
    """

    metric: str
    kind: str
    design: str
    hypothesis: str
    n_control: int
    n_treatment: int
    treatments: int
    n_total: int
    alpha: float
    alpha_each: float
    power: float
    minimum_detectable: float
    relative_minimum: float | None
    baseline: float | None
    sd: float
    planned_sd: float
    variance_reduction: float
    design_effect: float
    inflation: float
    true_difference: float | None = None
    warnings: tuple[str, ...] = ()


def plan_units(setting: Setting, difference: float = 0.0) -> Plan:
    """Return the smallest plan in whole units (whole groups) that finds `difference` with the setting's power.

    `difference` is the true one: not 0 for the hypothesis of a difference; for non-inferiority and equivalence 0 is
    the usual, and the setting's `margin` is what is to be shown.

    Raises:
        TrialError: difference 0, a true difference beyond the margin, or no sample that would do.
    """
    if setting.hypothesis == "difference":
        check_difference(difference)
    else:
        _check_within(setting, difference)
    n = solve(lambda units: setting.power_at(difference, units) - setting.power, setting.least)
    group = setting.group_size
    # A hair less than a whole number is rounding, not another unit.
    n_control = math.ceil(math.ceil(n / group - 1e-9) * group - 1e-9)
    return _planned(setting, n_control, difference)


def plan_difference(setting: Setting, n_total: float, difference: float = 0.0) -> Plan:
    """Return what a test of `n_total` units over all arms finds with the setting's power.

    For non-inferiority and equivalence: the smallest margin shown to be kept where the true difference is
    `difference`, the setting's own margin left aside.

    Raises:
        TrialError: too few units, or no difference that the metric allows would be found.
    """
    check_above("n_total", n_total)
    arms = 1.0 if setting.design == "paired" else 1 + setting.treatments * setting.ratio
    return _planned(setting, math.floor(n_total / arms + 1e-9), difference, smallest=True)


def smallest_difference(setting: Setting, n_control: float, difference: float = 0.0) -> float:
    """Return the smallest difference (above 0; else the smallest margin) that `n_control` control units find.

    A proportion and a count are taken to rise.

    Raises:
        TrialError: too few units, or no difference that the metric allows would be found.
    """
    unit, _ = setting.error_and_df(0.0 if setting.hypothesis == "difference" else difference, n_control)
    if setting.hypothesis == "difference":
        most = 1e6 * unit
        if setting.kind == "proportion" and setting.by_baseline:
            most = (1 - float(setting.baseline or 0.0)) * (1 - 1e-9)
        return bracketed(
            lambda size: setting.power_at(size, n_control) - setting.power,
            0.0,
            most=most,
            what="difference",
            start=min(unit, most),
        )
    least = -difference if setting.hypothesis == "non-inferiority" else abs(difference)
    least = max(1e-9 * unit, least)
    return bracketed(
        lambda margin: setting.power_at(difference, n_control, margin) - setting.power,
        least,
        most=1e6 * unit + least,
        what="margin",
        start=least + unit,
    )


def _planned(setting: Setting, n_control: int, difference: float, *, smallest: bool = False) -> Plan:
    n_treatment = n_control if setting.design == "paired" else math.ceil(n_control * setting.ratio - 1e-9)
    margin, found = setting.margin, difference
    if smallest:
        found = smallest_difference(setting, n_control, difference)
        margin = found
    power = setting.power_at(found if setting.hypothesis == "difference" else difference, n_control, margin)
    size = found if setting.hypothesis == "difference" else float(margin or 0.0)
    sd, _ = setting.spreads(0.0)
    return Plan(
        metric=setting.metric,
        kind=setting.kind,
        design=setting.design,
        hypothesis=setting.hypothesis,
        n_control=n_control,
        n_treatment=n_treatment,
        treatments=setting.treatments,
        n_total=n_control if setting.design == "paired" else n_control + setting.treatments * n_treatment,
        alpha=setting.alpha,
        alpha_each=setting.level,
        power=power,
        minimum_detectable=abs(size),
        relative_minimum=abs(size / setting.baseline) if setting.baseline else None,
        baseline=setting.baseline,
        sd=sd,
        planned_sd=sd * math.sqrt(setting.factor),
        variance_reduction=setting.variance_reduction,
        design_effect=setting.design_effect,
        inflation=setting.inflation,
        true_difference=None if setting.hypothesis == "difference" else difference,
        warnings=_warnings(setting, n_control, n_treatment),
    )


def _warnings(setting: Setting, n_control: int, n_treatment: int) -> tuple[str, ...]:
    texts, smallest = [], min(n_control, n_treatment)
    if smallest < FEW_UNITS:
        texts.append(f"{smallest} units in an arm: the test leans on units being normal.")
    groups = (n_control + (0 if setting.design == "paired" else n_treatment)) / setting.group_size
    if setting.group_size > 1 and groups < FEW_GROUPS:
        texts.append(f"{groups:.0f} groups in two arms: below {FEW_GROUPS} their spread is poorly known.")
    if setting.kind == "proportion" and setting.baseline is not None:
        events = smallest * min(setting.baseline, 1 - setting.baseline)
        if events < FEW_EVENTS:
            texts.append(
                f"{events:.1f} successes or failures expected in an arm: the normal approximation is strained."
            )
    return tuple(texts)


def _check_within(setting: Setting, difference: float) -> None:
    margin = setting.margin
    if margin is None:
        raise TrialError(f"metric '{setting.metric}': {setting.hypothesis} needs a margin")
    if difference <= -margin or (setting.hypothesis == "equivalence" and difference >= margin):
        raise TrialError(
            f"metric '{setting.metric}': a true difference of {difference:g} is not within the margin of {margin:g}",
            hint="No number of units shows what is not so: choose a wider margin.",
        )

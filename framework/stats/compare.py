"""One comparison: two arms' values of a metric in, an effect out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from framework.errors import TrialError, did_you_mean
from framework.stats.adjustment.effects import adjusted_differences
from framework.stats.adjustment.regression import adjusted
from framework.stats.adjustment.robust import Meat
from framework.stats.designs.differences import Differences
from framework.stats.designs.independent import independent_mean, independent_proportion, independent_ratio
from framework.stats.designs.paired import paired_mean, paired_ratio
from framework.stats.effects import Effect
from framework.stats.estimates import Estimate
from framework.stats.health.cautions import cautions
from framework.stats.moments.rows import arms_of
from framework.stats.moments.two_arms import TwoArms
from framework.stats.relative import adjusted_relative, relative_interval
from framework.stats.resampling import bootstrapped
from framework.stats.samples import UnitValues, checked

ESTIMATORS: dict[tuple[str, str], Callable[[TwoArms, float], Differences]] = {
    ("paired", "mean"): paired_mean,
    ("paired", "proportion"): paired_mean,
    ("paired", "ratio"): paired_ratio,
    ("independent", "mean"): independent_mean,
    ("independent", "proportion"): independent_proportion,
    ("independent", "ratio"): independent_ratio,
}
"""Which estimator serves which (design, kind)."""

DESIGNS = ("paired", "independent")
INTERVALS = ("analytic", "bootstrap")


def compare(
    control: UnitValues,
    treatment: UnitValues,
    *,
    metric: str,
    control_name: str,
    treatment_name: str,
    segment: str | None = None,
    design: str = "independent",
    confidence: float = 0.95,
    interval: str = "analytic",
    rng: np.random.Generator | None = None,
    resamples: int = 2000,
) -> Effect:
    """Return treatment minus control on one metric, with interval, two-sided p-value and relative effect.

    `design` is "paired" (row i of both arms is the same unit) or "independent". `interval` is "analytic" or
    "bootstrap" (percentile, needs `rng`). Estimators are named in `ESTIMATORS`; conventions in this folder's README.
    `p_adjusted` stays None until `multiplicity.correct` has seen the whole family. Arms without spread, heavy tails
    and tiny samples are no errors: they leave texts in `warnings` (rules: `cautions.cautions`).

    Raises:
        TrialError: naming metric and arm, for fewer than 2 units, values that are not finite, arms of different kind,
            arms of different length in a paired design, a ratio without denominators, an unknown option.
    """
    _check_option("design", design, DESIGNS)
    _check_option("interval", interval, INTERVALS)
    if not 0 < confidence < 1:
        raise TrialError(f"confidence is {confidence:g}", allowed="a number between 0 and 1, such as 0.95")
    control = checked(control, metric=metric, arm=control_name)
    treatment = checked(treatment, metric=metric, arm=treatment_name)
    if control.kind != treatment.kind:
        raise TrialError(
            f"metric '{metric}': arm '{control_name}' is a {control.kind}, arm '{treatment_name}' a {treatment.kind}"
        )
    n_control, n_treatment = control.numerator.size, treatment.numerator.size
    if design == "paired" and n_control != n_treatment:
        raise TrialError(
            f"metric '{metric}': arm '{control_name}' has {n_control} units, arm '{treatment_name}' {n_treatment}",
            allowed="in a paired design the same units in the same order in both arms",
            hint="Use design 'independent' where the arms hold different units.",
        )
    arms = arms_of(control, treatment, metric=metric, design=design)
    effect = effect_of(
        arms, control_name=control_name, treatment_name=treatment_name, segment=segment, confidence=confidence
    )
    if interval == "analytic":
        return effect
    if rng is None:
        raise TrialError("a bootstrap interval needs a random generator", hint="Pass rng=numpy's default_rng(seed).")
    analytic = ESTIMATORS[design, control.kind](arms, confidence).single()
    drawn = bootstrapped(
        control, treatment, analytic, design=design, confidence=confidence, rng=rng, resamples=resamples
    )
    return replace(
        effect,
        **drawn.as_effect(),
        warnings=(*drawn.warnings, *effect.warnings[len(analytic.warnings) :]),
    )


def effect_of(
    arms: TwoArms,
    *,
    control_name: str,
    treatment_name: str,
    segment: str | None = None,
    confidence: float = 0.95,
    relative: str = "log",
) -> Effect:
    """Return the effect of two arms given as moments; `relative` is "log" or "fieller" (`relative_interval`)."""
    estimate = ESTIMATORS[arms.design, arms.measure.kind](arms, confidence).single()
    control, treatment = arms.values
    return Effect(
        **_named(arms, control_name, treatment_name, segment, confidence, estimate),
        control_value=float(control),
        treatment_value=float(treatment),
        relative=relative_interval(arms, confidence, relative),
    )


def adjusted_effect_of(
    arms: TwoArms,
    *,
    control_name: str,
    treatment_name: str,
    segment: str | None = None,
    confidence: float = 0.95,
    method: str = "lin",
    error: str = "hc2",
    meats: tuple[Meat, Meat] | None = None,
    label: str = "",
) -> Effect:
    """Return the covariate-adjusted effect of independent arms (`adjustment.regression`); values are the adjusted ones.

    `meats` are the control's and the treatment's robust variances, from their rows; `label` goes before the method.
    """
    adjustment = adjusted(arms, method)
    found = adjusted_differences(adjustment, confidence, error=error, meats=meats)
    values = adjustment.control.value, adjustment.treatment.value
    estimate = found.differences.single()
    return Effect(
        **_named(
            arms, control_name, treatment_name, segment, confidence, replace(estimate, method=label + estimate.method)
        ),
        control_value=float(values[0]),
        treatment_value=float(values[1]),
        relative=adjusted_relative(values, found.variances, found.df, confidence),
        variance_reduction=float(found.reduction),
    )


def _named(
    arms: TwoArms, control: str, treatment: str, segment: str | None, confidence: float, estimate: Estimate
) -> dict[str, Any]:
    return {
        "metric": arms.measure.name,
        "control": control,
        "treatment": treatment,
        "segment": segment,
        "n_control": int(arms.control.n),
        "n_treatment": int(arms.treatment.n),
        **estimate.as_effect(),
        "p_adjusted": None,
        "design": arms.design,
        "confidence": confidence,
        "warnings": (*estimate.warnings, *cautions(arms)),
    }


def _check_option(name: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise TrialError(f"{name} '{value}' is unknown", allowed=options, hint=did_you_mean(value, options))

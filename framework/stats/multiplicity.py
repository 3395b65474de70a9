"""Corrections for many comparisons, and what was corrected over, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from framework.errors import TrialError
from framework.stats.effects import Effect
from framework.stats.estimates import quantile

FAMILY_ROLES = ("primary", None)
"""Roles whose overall effects are tests of the trial: declared primaries, and effects without any role."""


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted to keep the family-wise error (Holm 1979).

    Written out, since statsmodels' multipletests runs a full garbage collection (0.1 s) at every call, which ten
    thousand replications of a trial cannot afford; the tests hold it to multipletests.
    """
    if not p_values:
        return ()
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)))
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return tuple(adjusted.tolist())


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted to keep the false discovery rate (Benjamini and Hochberg 1995; scipy's, called)."""
    from scipy import stats

    if not p_values:
        return ()
    return tuple(stats.false_discovery_control(np.asarray(p_values, dtype=np.float64), method="bh").tolist())


def correct(effects: Sequence[Effect], alpha: float = 0.05) -> tuple[Effect, ...]:
    """Return the effects, in their order, with `p_adjusted`, `correction` and `family` filled in.

    Within each evidence by itself, since kinds of evidence are never pooled:
    - overall effects of primary metrics (or without a role) against the control: Holm over metrics x treatments;
    - the same between two treatments: a family of their own, Holm;
    - segment effects of primary metrics: Benjamini-Hochberg over segments x metrics x treatments;
    - secondary metrics and guardrails: not tested, `p_adjusted` None. A guardrail is judged by its interval.

    `alpha` only enters the text. A family of one is corrected over one: p_adjusted is p_value.

    Raises:
        TrialError: where a p-value is missing or outside [0, 1], naming the effect, or alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    for effect in effects:
        if not 0 <= effect.p_value <= 1:
            raise TrialError(
                f"metric '{effect.metric}', {effect.treatment} against {effect.control}: p is {effect.p_value}",
                allowed="a number from 0 to 1",
            )
    families: dict[tuple[str | None, str], list[int]] = {}
    study_controls = controls(effects)
    for index, effect in enumerate(effects):
        families.setdefault((effect.evidence, _family(effect, study_controls)), []).append(index)
    corrected = list(effects)
    for (_, family), members in families.items():
        if family.startswith("none"):
            for index in members:
                corrected[index] = replace(effects[index], p_adjusted=None, correction=family, family=None)
            continue
        p_values = [effects[index].p_value for index in members]
        p_adjusted = benjamini_hochberg(p_values) if "Hochberg" in family else holm(p_values)
        text = f"{family}, {len(members)} {'test' if len(members) == 1 else 'tests'} at {alpha:g}"
        for index, p in zip(members, p_adjusted, strict=True):
            corrected[index] = replace(effects[index], p_adjusted=p, correction=text, family=len(members))
    return tuple(corrected)


def controls(effects: Sequence[Effect]) -> frozenset[str]:
    """Return the study's control arms: those that are compared against and are never themselves the treatment."""
    return frozenset(e.control for e in effects) - frozenset(e.treatment for e in effects)


def interval_at(effect: Effect, confidence: float) -> tuple[float, float]:
    """Return the effect's interval at another coverage, its two halves scaled by the ratio of critical values.

    Exact for t and normal intervals; for Newcombe's and the bootstrap's an approximation that keeps their asymmetry.
    At 1 - alpha / family it is the Bonferroni interval: all intervals of the family hold at once with 1 - alpha.
    """
    stretch = quantile(confidence, effect.df) / quantile(effect.confidence, effect.df)
    return (
        effect.estimate - stretch * (effect.estimate - effect.ci_low),
        effect.estimate + stretch * (effect.ci_high - effect.estimate),
    )


def _family(effect: Effect, study_controls: frozenset[str]) -> str:
    if effect.role not in FAMILY_ROLES:
        judged = "judged by its interval against its margin" if effect.role == "guardrail" else "read as exploratory"
        return f"none ({effect.role} metric: {judged})"
    if effect.segment is not None:
        return "Benjamini-Hochberg over segments x metrics x treatments"
    if study_controls and effect.control not in study_controls:
        return "Holm over primary metrics x pairs of treatments"
    return "Holm over primary metrics x treatments"

"""Which effects are one family, and what was corrected over, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from framework.errors import TrialError
from framework.stats.effects import Effect
from framework.stats.multiplicity.adjust import benjamini_hochberg, holm

FAMILY_ROLES = ("primary", None)
"""Roles whose overall effects are tests of the trial: declared primaries, and effects without any role."""


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


def _family(effect: Effect, study_controls: frozenset[str]) -> str:
    if effect.role not in FAMILY_ROLES:
        judged = "judged by its interval against its margin" if effect.role == "guardrail" else "read as exploratory"
        return f"none ({effect.role} metric: {judged})"
    if effect.segment is not None:
        return "Benjamini-Hochberg over segments x metrics x treatments"
    if study_controls and effect.control not in study_controls:
        return "Holm over primary metrics x pairs of treatments"
    return "Holm over primary metrics x treatments"

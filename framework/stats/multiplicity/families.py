"""Which effects are one family, by what each family is corrected, and what was corrected over, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from framework.errors import TrialError, did_you_mean
from framework.stats.effects import Effect
from framework.stats.multiplicity.adjust import AT_ALPHA, CORRECTIONS, adjust
from framework.stats.multiplicity.hierarchical import gatekeeping
from framework.stats.multiplicity.shares import weighted_holm

FAMILY_ROLES = ("primary", None)
"""Roles whose overall effects are tests of the trial: declared primaries, and effects without any role."""
OVERALL, PAIRS, SEGMENTS = "primary metrics x treatments", "primary metrics x pairs of treatments", "segments"
WORDS = {OVERALL: OVERALL, PAIRS: PAIRS, SEGMENTS: "segments x metrics x treatments"}
MAX_T = "max_t"
"""The largest |t| under sign flips: needs every unit's differences, so `correct` steps in with Holm, and whoever has
the units replaces it (`maxt.max_t`)."""
NAMES = {
    "holm": "Holm",
    "hochberg": "Hochberg",
    "hommel": "Hommel",
    "bonferroni": "Bonferroni",
    "sidak": "Sidak",
    "holm_sidak": "Holm-Sidak",
    "hochberg_sidak": "Hochberg-Sidak",
    "benjamini_hochberg": "Benjamini-Hochberg",
    "benjamini_yekutieli": "Benjamini-Yekutieli",
    "two_stage_bh": "two-stage Benjamini-Hochberg",
    "two_stage_bky": "two-stage Benjamini-Krieger-Yekutieli",
}


@dataclass(frozen=True)
class Corrections:
    """How families are corrected: methods of `adjust.CORRECTIONS` for effects over all units and for segments.

    `shares` gives each primary metric its own share of alpha (adding up to 1, split equally over treatments), by
    weighted Holm in place of `overall`. `gatekeeping` tests a segment only where its metric and treatment was shown
    over all units, and keeps the family-wise error of the whole tree.
    """

    overall: str = "holm"
    segments: str = "benjamini_hochberg"
    shares: Mapping[str, float] = field(default_factory=dict)
    gatekeeping: bool = False

    def __post_init__(self) -> None:
        for name, method in (("overall", self.overall), ("segments", self.segments)):
            known = (*CORRECTIONS, MAX_T) if name == "overall" else tuple(CORRECTIONS)
            if method not in known:
                hint = did_you_mean(method, known)
                raise TrialError(f"the correction {name} is '{method}'", allowed=known, hint=hint)
        if self.shares and abs(sum(self.shares.values()) - 1) > 1e-9:
            raise TrialError(
                f"the primary metrics' shares of alpha add up to {sum(self.shares.values()):g}", allowed="1 in all"
            )


def correct(
    effects: Sequence[Effect], alpha: float = 0.05, corrections: Corrections | None = None
) -> tuple[Effect, ...]:
    """Return the effects, in their order, with `p_adjusted`, `correction` and `family` filled in.

    Within each evidence by itself, since kinds of evidence are never pooled:
    - overall effects of primary metrics (or without a role) against the control: Holm over metrics x treatments;
    - the same between two treatments: a family of their own, Holm;
    - segment effects of primary metrics: Benjamini-Hochberg over segments x metrics x treatments;
    - secondary metrics and guardrails: not tested, `p_adjusted` None. A guardrail is judged by its interval.
    `corrections` names other methods. `alpha` only enters the text, and methods that hold at one level only. A family
    of one is corrected over one: p_adjusted is p_value.

    Raises:
        TrialError: where a p-value is missing or outside [0, 1], naming the effect; alpha is not between 0 and 1; or a
            primary metric has no share while others have.
    """
    chosen = corrections or Corrections()
    _check(effects, alpha)
    families = families_of(effects)
    corrected = list(effects)
    for (evidence, family), members in families.items():
        if family not in WORDS:
            for index in members:
                corrected[index] = replace(effects[index], p_adjusted=None, correction=family, family=None)
            continue
        if chosen.gatekeeping and family == SEGMENTS and (evidence, OVERALL) in families:
            continue  # corrected with the effects above them
        if chosen.gatekeeping and family == OVERALL:
            members = [*members, *families.get((evidence, SEGMENTS), [])]  # noqa: PLW2901 - one family of both
            p_adjusted, text = _down_the_tree([effects[index] for index in members], chosen)
        else:
            p_adjusted, text = _adjusted([effects[index] for index in members], family, alpha, chosen)
        text = f"{text}, {len(members)} {'test' if len(members) == 1 else 'tests'} at {alpha:g}"
        for index, p in zip(members, p_adjusted, strict=True):
            corrected[index] = replace(effects[index], p_adjusted=p, correction=text, family=len(members))
    return tuple(corrected)


def _check(effects: Sequence[Effect], alpha: float) -> None:
    if not 0 < alpha < 1:
        raise TrialError(f"alpha is {alpha:g}", allowed="a number between 0 and 1, such as 0.05")
    for effect in effects:
        if not 0 <= effect.p_value <= 1:
            raise TrialError(
                f"metric '{effect.metric}', {effect.treatment} against {effect.control}: p is {effect.p_value}",
                allowed="a number from 0 to 1",
            )


def controls(effects: Sequence[Effect]) -> frozenset[str]:
    """Return the study's control arms: those that are compared against and are never themselves the treatment."""
    return frozenset(e.control for e in effects) - frozenset(e.treatment for e in effects)


def families_of(effects: Sequence[Effect]) -> dict[tuple[str | None, str], list[int]]:
    """Return the places of the effects by (evidence, family), in the order in which families are met."""
    families: dict[tuple[str | None, str], list[int]] = {}
    study_controls = controls(effects)
    for index, effect in enumerate(effects):
        families.setdefault((effect.evidence, _family(effect, study_controls)), []).append(index)
    return families


def _family(effect: Effect, study_controls: frozenset[str]) -> str:
    """Return the family that an effect is corrected in, or "none" with why it keeps its raw p-value."""
    if effect.role not in FAMILY_ROLES:
        judged = "judged by its interval against its margin" if effect.role == "guardrail" else "read as exploratory"
        return f"none ({effect.role} metric: {judged})"
    if effect.segment is not None:
        return SEGMENTS
    return PAIRS if study_controls and effect.control not in study_controls else OVERALL


def _adjusted(
    members: Sequence[Effect], family: str, alpha: float, chosen: Corrections
) -> tuple[tuple[float, ...], str]:
    p_values = [effect.p_value for effect in members]
    if chosen.shares and family == OVERALL:
        shares = _shares(members, chosen)
        return weighted_holm(p_values, shares), f"weighted Holm (a share of alpha a metric) over {WORDS[family]}"
    method = chosen.segments if family == SEGMENTS else chosen.overall
    method = "holm" if method == MAX_T else method
    p_adjusted = adjust(p_values, method, alpha=alpha) if method in AT_ALPHA else adjust(p_values, method)
    return p_adjusted, f"{NAMES[method]} over {WORDS[family]}"


def _shares(members: Sequence[Effect], chosen: Corrections) -> list[float]:
    metrics = [effect.metric for effect in members]
    without = [metric for metric in metrics if metric not in chosen.shares]
    if without:
        raise TrialError(f"metric '{without[0]}' is primary and has no share of alpha", allowed="a share for each")
    total = sum(chosen.shares[metric] for metric in set(metrics))
    return [chosen.shares[metric] / metrics.count(metric) / total for metric in metrics]


def _down_the_tree(members: Sequence[Effect], chosen: Corrections) -> tuple[tuple[float, ...], str]:
    tops = {(effect.metric, effect.treatment): place for place, effect in enumerate(members) if effect.segment is None}
    parents = [None if effect.segment is None else tops[effect.metric, effect.treatment] for effect in members]
    shares = None
    if chosen.shares:
        above = _shares([effect for effect in members if effect.segment is None], chosen)
        below = [parents.count(parent) for parent in parents]
        shares = [above[place] if parent is None else 1 / below[place] for place, parent in enumerate(parents)]
    gated = gatekeeping([effect.p_value for effect in members], parents, shares)
    return gated.p_adjusted, gated.correction

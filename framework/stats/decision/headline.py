"""The study's own verdict, out of its treatments' verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from framework.errors import TrialError
from framework.stats.decision.reading import against_control, change
from framework.stats.decision.rule import DecisionRule
from framework.stats.decision.verdict import Verdict
from framework.stats.effects import Effect

ORDER = ("ship", "hold", "undecided", "stop")
"""Which decision leads the study, where its treatments got different ones."""


def headline_verdict(verdicts: Sequence[Verdict], effects: Sequence[Effect], rule: DecisionRule) -> Verdict:
    """Return the verdict that answers for the study: that of the leading treatment, with a word on each other one.

    Treatments lead by decision (ship, hold, undecided, stop), then by their estimate on the rule's first primary
    metric that was measured, in the first named evidence that measures it. Where several ship, the headline says
    whether the leader is shown better than the runner-up: by the effect between the two on that metric and evidence
    (its corrected p where it has one), if `effects` holds it.

    Raises:
        TrialError: without any verdict.
    """
    if not verdicts:
        raise TrialError(
            "a study without a treatment has no verdict", hint="Name at least one strategy beside control."
        )
    ranked = sorted(
        verdicts, key=lambda v: (ORDER.index(v.decision), -_score(_lead_effect(v.treatment, effects, rule), rule))
    )
    leader, others = ranked[0], ranked[1:]
    headline = leader.headline
    shipping = [v for v in others if v.decision == "ship"]
    if leader.decision == "ship" and shipping:
        headline += " " + _against_runner_up(leader.treatment, shipping[0].treatment, effects, rule)
    reasons = (*leader.reasons, *(other.headline for other in others))
    return replace(leader, headline=headline, reasons=reasons)


def _lead_effect(treatment: str, effects: Sequence[Effect], rule: DecisionRule) -> Effect | None:
    overall = [e for e in against_control(effects, treatment) if e.segment is None]
    for name in rule.evidence or tuple(dict.fromkeys(str(e.evidence) for e in effects)):
        for metric in rule.primary:
            for effect in overall:
                if str(effect.evidence) == name and effect.metric == metric:
                    return effect
    return None


def _score(effect: Effect | None, rule: DecisionRule) -> float:
    return float("-inf") if effect is None else effect.estimate * rule.sign(effect.metric)


def _against_runner_up(leader: str, runner_up: str, effects: Sequence[Effect], rule: DecisionRule) -> str:
    lead = _lead_effect(leader, effects, rule)
    if lead is None:
        return f"{runner_up} ships too."
    ahead = f"{runner_up} ships too, and is behind on {lead.metric} in {lead.evidence}"
    for effect in effects:
        if {effect.control, effect.treatment} != {leader, runner_up} or effect.segment is not None:
            continue
        if (effect.metric, effect.evidence) != (lead.metric, lead.evidence):
            continue
        p = effect.p_value if effect.p_adjusted is None else effect.p_adjusted
        towards_leader = 1 if effect.treatment == leader else -1
        gain = effect.estimate * towards_leader * rule.sign(effect.metric)
        said = f"{effect.treatment} against {effect.control} {change(effect)}, p {p:.2g}"
        if p <= rule.alpha and gain > 0:
            return f"{ahead}: the difference is shown ({said})."
        return f"{ahead}, but the two cannot be told apart ({said})."
    return f"{ahead}; the two were not compared with each other."

"""What one effect says under a decision rule, and how to say it."""

from __future__ import annotations

from collections.abc import Sequence

from framework.errors import TrialError
from framework.stats.decision.rule import DecisionRule
from framework.stats.effects import Effect
from framework.stats.multiplicity import controls, interval_at


def against_control(effects: Sequence[Effect], treatment: str) -> list[Effect]:
    """Return the treatment's effects against the study's control, overall and in segments."""
    study_controls = controls(effects)
    return [e for e in effects if e.treatment == treatment and e.control in study_controls]


def reading(effect: Effect, rule: DecisionRule) -> str:
    """Return "better", "worse" or "unclear" for an effect of a primary metric.

    Better or worse needs `p_adjusted` of at most alpha. Where the rule asks for a difference above 0, better also
    needs the interval to lie beyond it: overall the simultaneous one at 1 - alpha / family, in a segment the nominal.

    Raises:
        TrialError: where the effect was not corrected.
    """
    if effect.p_adjusted is None:
        raise TrialError(
            f"metric '{effect.metric}', {effect.treatment} against {effect.control}, "
            f"segment {effect.segment or 'all'}: the p-value was not corrected",
            hint="Pass all effects of the trial through multiplicity.correct first.",
        )
    if effect.p_adjusted > rule.alpha or effect.estimate == 0:
        return "unclear"
    if effect.estimate * rule.sign(effect.metric) < 0:
        return "worse"
    if rule.difference > 0:
        confidence = effect.confidence if effect.segment is not None else 1 - rule.alpha / (effect.family or 1)
        if _towards_good(interval_at(effect, confidence), effect, rule)[0] <= rule.least(effect.metric):
            return "unclear"
    return "better"


def harmed(effect: Effect, rule: DecisionRule) -> bool:
    """Say whether a guardrail's nominal interval lies wholly beyond its margin on the bad side."""
    low_high = _towards_good((effect.ci_low, effect.ci_high), effect, rule)
    return low_high[1] < -rule.tolerated(effect.metric)


def cleared(effect: Effect, rule: DecisionRule) -> bool:
    """Say whether a guardrail's nominal interval rules out harm beyond its margin."""
    return _towards_good((effect.ci_low, effect.ci_high), effect, rule)[0] >= -rule.tolerated(effect.metric)


def change(effect: Effect) -> str:
    """Return the effect's size in words: relative where there is one, else in the metric's unit."""
    relative = effect.relative
    if relative.estimate is not None and relative.ci_low is not None and relative.ci_high is not None:
        return f"{relative.estimate:+.1%} ({relative.ci_low:+.1%} to {relative.ci_high:+.1%})"
    return f"{effect.estimate:+.4g} ({effect.ci_low:+.4g} to {effect.ci_high:+.4g})"


def _towards_good(interval: tuple[float, float], effect: Effect, rule: DecisionRule) -> tuple[float, float]:
    low, high = interval
    return (low, high) if rule.sign(effect.metric) > 0 else (-high, -low)

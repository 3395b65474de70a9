"""How a result is read: which effects come first, which way is better, and what an interval says in one word."""

from __future__ import annotations

import math
from dataclasses import dataclass

from framework.records.result import Result
from framework.report.formats import Unit
from framework.stats.effects import Effect

ROLES = ("primary", "guardrail", "secondary")
"""Roles of metrics, in the order in which a reader wants them."""

DECISIONS = {
    "ship": ("Ship", "Launch it: the rule's conditions are met."),
    "hold": ("Hold", "Do not launch it as it is: something gets worse."),
    "stop": ("Stop", "Do not launch it: it does harm."),
    "undecided": ("Undecided", "The data cannot tell yet."),
    "none": ("Segments", ""),
    "effects": ("Effects", "No metric is primary, so nothing was decided: these are the effects."),
}
"""Each word of a verdict, as a title and in plain words."""


@dataclass(frozen=True)
class Reading:
    """One effect as a reader takes it.

    `word` is "better", "worse", "up", "down" (no side is better) or "unclear"; `sure` says whether the corrected
    p-value, or where none was corrected the interval, tells it from zero.
    """

    word: str
    sure: bool

    @property
    def tone(self) -> str:
        """Return "good", "bad", "neutral" (sure, but no side is better) or "unclear"."""
        return {"better": "good", "worse": "bad", "up": "neutral", "down": "neutral"}.get(self.word, "unclear")


def read_effect(effect: Effect, result: Result) -> Reading:
    """Return what the effect says in one word."""
    if not math.isfinite(effect.estimate):
        return Reading("unclear", sure=False)
    if effect.p_adjusted is None:
        shown = effect.ci_low > 0 or effect.ci_high < 0
    else:
        shown = effect.p_adjusted <= alpha_of(result) and effect.estimate != 0
    if not shown:
        return Reading("unclear", sure=False)
    up = effect.estimate > 0
    higher = result.health.get("higher_is_better", {}).get(effect.metric)
    if higher is None:
        return Reading("up" if up else "down", sure=True)
    return Reading("better" if up == bool(higher) else "worse", sure=True)


def unit_of(result: Result, metric: str) -> Unit:
    """Return how the metric is printed; an unknown metric is a score."""
    kind = result.health.get("metric_units", {}).get(metric, "score")
    return Unit(str(kind), "" if result.cleaning is None else result.cleaning.currency)


def units_word(result: Result) -> str:
    """Return what the page calls those who are compared: users, a log's decisions, or units of somebody's outcomes."""
    if "logged" in result.health:
        return "decisions" if result.health["logged"]["units"] == result.health["logged"]["rows"] else "users"
    return "users" if result.strategies else "units"


def baseline_arms(result: Result) -> frozenset[str]:
    """Return the arms of a study that are none of its strategies: they are shown, and were not tested."""
    if not result.strategies:
        return frozenset()
    return frozenset(arm.strategy for arm in result.arms) - {strategy.name for strategy in result.strategies}


def alpha_of(result: Result) -> float:
    """Return the rule's two-sided error rate, 0.05 where the config names none."""
    alpha = result.config.get("decision", {}).get("alpha", 0.05)
    return float(alpha) if isinstance(alpha, int | float) else 0.05


def evidence_names(result: Result) -> list[str]:
    """Return the kinds of evidence, those of the trial first, then any that only effects or arms name."""
    seen = [evidence.name for evidence in result.evidence]
    seen += [effect.evidence or "" for effect in result.effects]
    seen += [arm.evidence for arm in result.arms]
    return list(dict.fromkeys(seen))


def overall(result: Result, evidence: str) -> list[Effect]:
    """Return the effects over all units: by role, then pair of arms, then in the order of the study."""
    chosen = [e for e in result.effects if e.segment is None and (e.evidence or "") == evidence]
    pairs = pairs_of(chosen, result)
    return sorted(chosen, key=lambda e: (_role(e), pairs.index((e.treatment, e.control))))


def by_segment(result: Result, evidence: str) -> list[Effect]:
    """Return the effects within segments: by role, metric, then segment as the cards order them, then pair."""
    chosen = [e for e in result.effects if e.segment is not None and (e.evidence or "") == evidence]
    metrics = list(dict.fromkeys(e.metric for e in chosen))
    segments = list(dict.fromkeys([*(card.name for card in result.segments), *(str(e.segment) for e in chosen)]))
    pairs = pairs_of(chosen, result)
    return sorted(
        chosen,
        key=lambda e: (
            _role(e),
            metrics.index(e.metric),
            segments.index(str(e.segment)),
            pairs.index((e.treatment, e.control)),
        ),
    )


def pairs_of(effects: list[Effect], result: Result) -> list[tuple[str, str]]:
    """Return the (treatment, control) pairs in order, those against the study's control first."""
    pairs = list(dict.fromkeys((effect.treatment, effect.control) for effect in effects))
    return sorted(pairs, key=lambda pair: pair[1] != result.control)


def all_warnings(result: Result) -> list[str]:
    """Return every warning once: the run's, each evidence's, each effect's with where it stands."""
    found = list(result.warnings)
    for evidence in result.evidence:
        found += [warning for warning in evidence.warnings if warning not in found]
    effects: dict[str, list[str]] = {}
    for effect in result.effects:
        where = f"{effect.metric}, {effect.segment}" if effect.segment else effect.metric
        for warning in effect.warnings:
            if warning not in found:
                places = effects.setdefault(warning, [])
                if where not in places:
                    places.append(where)
    for warning, places in effects.items():
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        found.append(f"{warning} ({'; '.join(places[:3])}{more})")
    return list(dict.fromkeys(found))


def _role(effect: Effect) -> int:
    return ROLES.index(effect.role) if effect.role in ROLES else len(ROLES)

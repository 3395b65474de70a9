"""The verdict on a treatment, by a rule written down before the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.stats.decision.reading import against_control, change, cleared, harmed, reading
from framework.stats.decision.rule import DecisionRule, listed
from framework.stats.decision.verdict import Verdict
from framework.stats.effects import Effect
from framework.stats.planning.observed import units_needed
from framework.stats.segments.findings import segment_findings

OUT_OF_REACH = 1000
"""Where more than this many times today's units would be needed, the effect counts as about zero."""


@dataclass(frozen=True)
class _Findings:
    """What each kind of evidence says of the primary metrics, and of the guardrails.

    `open` are guardrails whose harm beyond the margin is not ruled out, where the rule wants that.
    """

    words: dict[str, str]
    silent: tuple[str, ...]
    harms: tuple[Effect, ...]
    unmeasured: tuple[str, ...]
    open: tuple[str, ...] = ()

    def saying(self, *words: str) -> list[str]:
        return [name for name, word in self.words.items() if word in words]


def decide(effects: Sequence[Effect], rule: DecisionRule, treatment: str) -> Verdict:
    """Return the verdict on one treatment from all corrected effects of a trial.

    Each named evidence that measures a primary metric says "better" (one primary better, none worse), "worse",
    "mixed" or "unclear" (`reading.reading`). In this order:
    - hold: better and worse are both shown, within one evidence or between two;
    - stop: worse is shown, better nowhere;
    - hold: a guardrail's interval lies beyond its margin on the bad side, in any named evidence;
    - ship: every evidence that measures a primary metric says better, and every guardrail was measured (and, where
      the rule wants guardrails non-inferior, harm beyond every margin is ruled out);
    - undecided: everything else. `more_units` is then what the least clear evidence needs in all, from its observed
      effect at the rule's power and the family's share of alpha; None, said in words, where the effect is about zero.

    A segment's word is "ship", "hold" or "stop" where the same rule, applied to the segment's own corrected effects,
    says so; other segments are absent. No segment has a word where an interaction test shows in no named evidence that
    segments respond differently on a primary metric.

    Raises:
        TrialError: where a primary effect was not corrected (`multiplicity.correct`).
    """
    own = against_control(effects, treatment)
    named = rule.evidence or tuple(dict.fromkeys(str(e.evidence) for e in effects))
    own = [e for e in own if str(e.evidence) in named]
    overall = [e for e in own if e.segment is None]
    found = _findings(overall, rule, named)
    decision, headline = _judged(found, treatment)
    more_units, plan = _plan(overall, rule, found) if decision == "undecided" else (None, ())
    if more_units is not None:
        headline += f" About {more_units:,} units in all would decide it."
    words, doubt = _segment_words(own, rule, named)
    reasons = (*_reasons(overall, rule, found), *plan, *doubt)
    return Verdict(treatment, decision, headline, reasons, words, more_units)


def decision_on(effects: Sequence[Effect], rule: DecisionRule, treatment: str) -> str:
    """Return only the word of `decide` (ship, hold, stop or undecided), for thousands of replications.

    Raises:
        TrialError: as `decide`.
    """
    named = rule.evidence or tuple(dict.fromkeys(str(e.evidence) for e in effects))
    own = against_control(effects, treatment)
    return _judged(
        _findings([e for e in own if e.segment is None and str(e.evidence) in named], rule, named), treatment
    )[0]


def _findings(overall: Sequence[Effect], rule: DecisionRule, named: Sequence[str]) -> _Findings:
    words = {}
    for name in named:
        said = {reading(e, rule) for e in overall if e.metric in rule.primary and str(e.evidence) == name}
        if said:
            words[name] = "mixed" if {"better", "worse"} <= said else _first(("better", "worse", "unclear"), said)
    guards = [e for e in overall if e.metric in rule.guardrails]
    return _Findings(
        words=words,
        silent=tuple(name for name in named if name not in words),
        harms=tuple(e for e in guards if harmed(e, rule)),
        unmeasured=_unmeasured(guards, rule, named),
        open=tuple(dict.fromkeys(e.metric for e in guards if rule.guarded == "non-inferior" and not cleared(e, rule))),
    )


def _unmeasured(guards: Sequence[Effect], rule: DecisionRule, named: Sequence[str]) -> tuple[str, ...]:
    """Return the guardrails that were measured nowhere, or not in an evidence that could have measured them."""
    seen = {(e.metric, str(e.evidence)) for e in guards}
    gaps = []
    for metric in sorted(rule.guardrails):
        wanted = [name for name in named if name in rule.measurable.get(metric, ())]
        missing = [name for name in wanted if (metric, name) not in seen]
        if missing:
            gaps.append(f"{metric} in {listed(missing)}")
        elif not wanted and not any(label == metric for label, _ in seen):
            gaps.append(metric)
    return tuple(gaps)


def _first(order: Sequence[str], said: set[str]) -> str:
    return next(word for word in order if word in said)


def _judged(found: _Findings, treatment: str) -> tuple[str, str]:
    better, worse = found.saying("better"), found.saying("worse")
    mixed, unclear = found.saying("mixed"), found.saying("unclear")
    if not found.words:
        decision, why = "undecided", "no named evidence measures a primary metric"
    elif better and (worse or mixed):
        decision, why = "hold", f"better in {_named(better)}, but worse in {_named([*worse, *mixed])}"
    elif mixed:
        decision, why = "hold", f"in {_named(mixed)} one primary metric is better and another worse"
    elif worse:
        decision, why = "stop", f"worse than the control in {_named(worse)}"
        why += f"; no clear difference in {_named(unclear)}" if unclear else ""
    elif found.harms:
        metrics = listed(tuple(dict.fromkeys(e.metric for e in found.harms)))
        gain = f"better in {_named(better)}, but" if better else "no gain is shown, and"
        decision, why = "hold", f"{gain} guardrail {metrics} is harmed"
    elif unclear:
        decision, why = "undecided", f"no clear difference in {_named(unclear)}"
        why = f"better in {_named(better)}, but {why}" if better else why
    elif found.unmeasured:
        decision = "undecided"
        why = f"better in {_named(better)}, but guardrail {listed(found.unmeasured)} was not measured"
    elif found.open:
        decision = "undecided"
        why = f"better in {_named(better)}, but harm to guardrail {listed(found.open)} is not ruled out"
    else:
        decision, why = "ship", f"better than the control in {_named(better)}"
    opening = f"Undecided on {treatment}" if decision == "undecided" else f"{decision.capitalize()} {treatment}"
    aside = f" Silent on it: {listed(found.silent)}." if found.silent and found.words else ""
    return decision, f"{opening}: {why}.{aside}"


def _named(evidence: Sequence[str]) -> str:
    """Return kinds of evidence in words; outcomes that came as they are have no kind to be told apart by."""
    return listed(["the test" if name == "observed" else name for name in evidence])


def _reasons(overall: Sequence[Effect], rule: DecisionRule, found: _Findings) -> tuple[str, ...]:
    lines = [
        f"{e.evidence}: {e.metric} {change(e)}, corrected p {e.p_adjusted:.2g}: {reading(e, rule)}."
        for e in overall
        if e.metric in rule.primary
    ]
    lines += [f"{name}: measures no primary metric of this treatment." for name in found.silent]
    for e in (e for e in overall if e.metric in rule.guardrails):
        word = "harmed" if harmed(e, rule) else "safe" if cleared(e, rule) else "not shown safe, not shown harmed"
        margin = rule.guardrails[e.metric]
        lines.append(f"{e.evidence}: guardrail {e.metric} {change(e)}, margin {margin:g}: {word}.")
    lines += [f"Guardrail {metric} was not measured." for metric in found.unmeasured]
    return tuple(lines)


def _plan(overall: Sequence[Effect], rule: DecisionRule, found: _Findings) -> tuple[int | None, tuple[str, ...]]:
    """Return the units that the least clear evidence needs, and what cannot be planned, in words."""
    needs, texts = [], []
    for name in found.saying("unclear"):
        options = [
            (needed, e)
            for e in overall
            if e.metric in rule.primary and str(e.evidence) == name
            for needed in [_needed(e, rule)]
            if needed is not None and not _is_early(e)
        ]
        if options:
            needed, effect = min(options, key=lambda option: option[0])
            needs.append(needed)
            texts.append(
                f"{name}: if {effect.metric} truly differs as observed, {needed:,} units in all would show it "
                f"({rule.power:.0%} power)."
            )
        elif _looks_left(overall, rule, name):
            texts.append(f"{name}: looks are left of the plan: go on to the next.")
        else:
            texts.append(_hopeless(name, rule))
    # One evidence that can never decide keeps the whole undecided, whatever the others need.
    reachable = needs and len(needs) == len(found.saying("unclear"))
    return (max(needs) if reachable else None), tuple(texts)


def _looks_left(overall: Sequence[Effect], rule: DecisionRule, name: str) -> bool:
    return any(_is_early(e) for e in overall if e.metric in rule.primary and str(e.evidence) == name)


def _is_early(effect: Effect) -> bool:
    """Say whether a plan goes on after this look: it says itself how many units there will be."""
    look = effect.look
    return look is not None and look.looks is not None and look.information is not None and look.information < 1


def _hopeless(name: str, rule: DecisionRule) -> str:
    seen = f"not above the difference of {rule.difference:g} that is asked for" if rule.difference else "about zero"
    return f"{name}: the observed effect is {seen}, so no practical number of units would decide."


def _needed(effect: Effect, rule: DecisionRule) -> int | None:
    distance = effect.estimate * rule.sign(effect.metric)
    if distance > 0:
        distance = max(0.0, distance - rule.least(effect.metric))
    now = effect.n_control if effect.design == "paired" else effect.n_control + effect.n_treatment
    alpha = rule.alpha / (effect.family or 1)
    needed = units_needed(effect, difference=distance, alpha=alpha, power=rule.power)
    if needed is None or needed > OUT_OF_REACH * now:
        return None
    return max(needed, now + 1)


def _segment_words(
    own: Sequence[Effect], rule: DecisionRule, named: Sequence[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the segments' words, and why there is none where segments are not shown to differ."""
    findings = segment_findings([e for e in own if e.metric in rule.primary], rule.alpha)
    if findings and not any(finding.differ for finding in findings):
        least = min(finding.p_value for finding in findings)
        return {}, (f"Segments are not shown to respond differently (p {least:.2g}): no segment is judged by itself.",)
    words: dict[str, str] = {}
    for segment in dict.fromkeys(e.segment for e in own if e.segment is not None):
        here = [e for e in own if e.segment == segment]
        # Segments of one evidence only, such as new users, are judged by that one.
        present = [name for name in named if any(str(e.evidence) == name for e in here)]
        decision, _ = _judged(_findings(here, rule, present), "")
        if decision != "undecided":
            words[segment] = decision
    return words, ()

"""The words of the page, explained for a reader who runs a shop and not a laboratory."""

from __future__ import annotations

from dataclasses import dataclass, replace

from framework.records.result import Result
from framework.report.reading import baseline_arms, evidence_names, unit_of


@dataclass(frozen=True)
class Term:
    """A word of the page: its anchor, how it is written, what it means."""

    key: str
    word: str
    meaning: str


TERMS = (
    Term(
        "verdict",
        "Verdict",
        "What the rule says, which was written down before the run. Ship: launch it. Hold: keep what you have for now. "
        "Stop: it does harm. Undecided: the data cannot tell; the page says how much more it would take.",
    ),
    Term(
        "effect",
        "Difference",
        "The new strategy's value minus the value of the strategy that it is compared with. A relative difference of "
        "+5 % on 2.00 is a difference of +0.10.",
    ),
    Term(
        "interval",
        "Interval",
        "The differences that fit the data. The true difference is one number that nobody knows; an interval at 95 % "
        "is made so that it holds that number in 95 of 100 such tests. An interval that holds zero means: it may be "
        "no difference at all.",
    ),
    Term(
        "p",
        "p",
        "How often chance alone would show a difference at least this large if there were none. Small means: hard to "
        "explain by chance. It is not the probability that the strategy is better.",
    ),
    Term(
        "adjusted",
        "Corrected p",
        "Look at twenty differences and one will look real by chance. The corrected p makes up for how many were "
        "looked at.",
    ),
    Term(
        "pp",
        "pp",
        "Percentage points: from 10 % to 12 % are 2 percentage points, and 20 % relative.",
    ),
    Term(
        "roles",
        "Primary, guardrail, secondary",
        "Primary metrics decide. A guardrail must not get worse by more than its margin. Secondary metrics are for "
        "understanding: they were not corrected, so one that stands out may be chance.",
    ),
    Term(
        "holdout",
        "Holdout evidence",
        "Every strategy ranks for the same users, and what those users bought later says which ranking was right. It "
        "tells who foresees purchases; it cannot tell whether showing an item makes anybody buy.",
    ),
    Term(
        "logged",
        "Logged evidence",
        "What the log itself shows of a strategy that chose by chance, re-weighted to another strategy.",
    ),
    Term(
        "simulated",
        "Simulated evidence",
        "A model of how users respond, learned from the log, plays the test. It is as good as that model: "
        "see how well it foresaw the later log. It is a rehearsal and no measurement of your users.",
    ),
    Term(
        "paired",
        "Paired, independent",
        "Paired: every user is seen under every strategy, so differences between users cancel. Independent: users "
        "are split between the strategies, as in a live test.",
    ),
    Term(
        "segment",
        "Segment",
        "A group of users found in the log before the split. A difference within a segment rests on fewer users, so "
        "its interval is wider.",
    ),
    Term(
        "sealed",
        "Sealed test part",
        "The last stretch of the log. Nothing was learned from it; it was read once, at the end.",
    ),
    Term(
        "costs",
        "Fit, p50, p95, memory, size",
        "Fit is the wall time of an arm's own recommenders and rerankers, shared or not. Half of the requests took at "
        "most p50, and 95 of 100 at most p95. Memory is the most that a fit added to what this process held before, "
        "looked at every 5 ms; memory that was free already and a graphics card's are not in it. Size is that of the "
        "recommenders' arrays as they would be written down; n/a where one cannot be stored.",
    ),
    Term(
        "baseline",
        "Baseline",
        "A simple ranking beside which every other has to show its worth: what sells most, what sold lately, chance. "
        "It is described and not tested, so it takes no power from the comparisons that decide.",
    ),
)
"""Every term, in the order of the page's list."""

OF_A_FILE = {
    "verdict": "What the rule says. Ship: launch it. Hold: keep what you have for now. Stop: it does harm. Undecided: "
    "the data cannot tell; the page says how much more it would take.",
    "effect": "The new arm's value minus the value of the arm that it is compared with. A relative difference of +5 % "
    "on 2.00 is a difference of +0.10.",
    "p": "How often chance alone would show a difference at least this large if there were none. Small means: hard to "
    "explain by chance. It is not the probability that the new arm is better.",
    "segment": "A group of units that a column of the file names. A difference within a segment rests on fewer units, "
    "so its interval is wider.",
}
"""Terms whose meaning is another where a file of outcomes was analysed and no strategies were compared."""
DESIGNS = {
    "independent": "Every unit is in one arm.",
    "paired": "Every unit has an outcome under each arm, so differences between units cancel.",
    "clustered": "Units come in clusters, such as shops or households, and the outcomes within one go together: an "
    "interval rests on how many clusters there are, not on how many units.",
    "switchback": "All units of a period are in one arm, and those of the next may be in the other: an interval rests "
    "on how many periods there are, not on how many units.",
}
"""Designs of such an analysis."""


def terms_of(result: Result) -> tuple[Term, ...]:
    """Return the terms that the result's page uses, in the order of its list, as they are meant there."""
    used = _used(result)
    return tuple(_meant(term, result) for term in TERMS if term.key in used)


def meanings(result: Result) -> dict[str, str]:
    """Return what the page's terms mean, by key."""
    return {term.key: term.meaning for term in terms_of(result)}


def _used(result: Result) -> set[str]:
    evidence = evidence_names(result)
    retention = bool(result.health.get("retention"))
    tests = bool(result.effects or retention or result.health.get("experiments"))
    shares = any(unit_of(result, effect.metric).kind == "share" for effect in result.effects)
    conditions = {
        "verdict": bool(result.verdict.treatment),
        "effect": bool(evidence),
        "interval": bool(evidence or result.simulator),
        "p": tests,
        "adjusted": tests,
        "pp": shares or retention,
        "roles": any(effect.role for effect in result.effects),
        "paired": bool(result.evidence),
        "segment": bool(result.segments) or any(effect.segment for effect in result.effects),
        "costs": bool(result.times.get("costs")),
        "baseline": bool(baseline_arms(result)),
        "sealed": result.cleaning is not None and result.split is not None,
    }
    return {key for key, holds in conditions.items() if holds} | ({"holdout", "logged", "simulated"} & set(evidence))


def _meant(term: Term, result: Result) -> Term:
    meaning = term.meaning
    if term.key == "adjusted" and result.verdict.treatment:
        meaning += " The verdict uses this one."
    if result.strategies or result.segments:
        return replace(term, meaning=meaning)
    designs = [evidence.design for evidence in result.evidence if evidence.design in DESIGNS]
    if term.key == "paired" and designs:
        return Term(term.key, designs[0].capitalize(), DESIGNS[designs[0]])
    return replace(term, meaning=OF_A_FILE.get(term.key, meaning))

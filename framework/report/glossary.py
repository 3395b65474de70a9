"""The words of the page, explained for a reader who runs a shop and not a laboratory."""

from __future__ import annotations

from dataclasses import dataclass


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
        "looked at; the verdict uses this one.",
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
)
"""Every term, in the order of the page's list."""

_BY_KEY = {term.key: term for term in TERMS}


def meaning(key: str) -> str:
    """Return what a term means, empty for a word that has no entry."""
    term = _BY_KEY.get(key)
    return term.meaning if term else ""

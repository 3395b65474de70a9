"""What follows what, more often in a group than in all users: the order of events in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shop_models.encoders.event_sequences import EventSequences, EventVocabulary

LEAST = 20
"""Transitions that a group must have before one of them is worth a word."""
LIFT = 1.2
"""How many times as frequent as in all users a transition must be."""
SHOWN = 2


def transition_counts(
    sequences: EventSequences, labels: NDArray[np.integer], groups: int, tokens: int
) -> NDArray[np.int64]:
    """Return how often token b comes right after token a in each group, (groups, tokens + 1, tokens + 1).

    `labels` (n,) are the sequences' groups.
    """
    wide = tokens + 1
    rows = sequences.rows()
    within = rows[1:] == rows[:-1]
    code = (labels[rows[1:]] * wide + sequences.token[:-1]) * wide + sequences.token[1:]
    return np.bincount(code[within], minlength=groups * wide * wide).reshape(groups, wide, wide)


def striking_transitions(
    sequences: EventSequences, labels: NDArray[np.integer], groups: int, vocabulary: EventVocabulary
) -> tuple[str, ...]:
    """Return one sentence a group: the transitions most over-represented in it, or nothing where none stands out.

    A transition's weight is count * log(share given the first token in the group / the same in all users), its part of
    the group's divergence from all; those with a ratio of LIFT or more are named, most striking first.
    """
    count = transition_counts(sequences, labels, groups, len(vocabulary.tokens)).astype(np.float64)
    every = _shares(count.sum(axis=0))
    found = []
    for own in count:
        lift = _shares(own) / np.where(every > 0, every, 1.0)
        weight = own * np.log(np.where(lift > 0, lift, 1.0))
        weight[lift < LIFT] = 0.0
        best = [place for place in np.argsort(-weight, axis=None, kind="stable")[:SHOWN] if weight.flat[place] > 0]
        if groups == 1 or own.sum() < LEAST or not best:
            found.append("")
            continue
        pairs = [np.unravel_index(place, own.shape) for place in best]
        said = [
            f"{vocabulary.named(int(a))} then {vocabulary.named(int(b))} ({lift[a, b]:.1f} times as often as in all)"
            for a, b in pairs
        ]
        found.append(f"What follows what: {', '.join(said)}.")
    return tuple(found)


def _shares(count: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = count / np.maximum(count.sum(axis=1, keepdims=True), 1.0)
    return shares

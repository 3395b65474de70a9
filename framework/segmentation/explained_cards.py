"""Segment cards with what sets each group apart, its rule in words and as SQL, and users near its middle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.records import Segmentation, SegmentCard
from framework.report.cards import segment_cards
from framework.stats.groups.surrogate import Surrogate

MOST_APART = 5
EXAMPLES = 3


def explained_cards(
    data: Dataset, segmentation: Segmentation, surrogate: Surrogate | None, *, examples: bool = True
) -> tuple[SegmentCard, ...]:
    """Return the cards of all groups that have users. Examples are users' ids: leave them out of what is sent on."""
    rules = {} if surrogate is None else {rule.segment: rule for rule in surrogate.rules}
    cards = []
    for card in segment_cards(data, segmentation):
        members = segmentation.labels == segmentation.names.index(card.name)
        rule = rules.get(card.name)
        told = replace(card, apart=apart(data, members), examples=_middle(data, members) if examples else ())
        if rule is not None:
            told = replace(
                told, rule=rule.text(), sql=rule.where(), precision=float(rule.precision), recall=float(rule.recall)
            )
        cards.append(told)
    return tuple(cards)


def apart(data: Dataset, members: NDArray[np.bool_]) -> dict[str, float]:
    """Return the features in which the group stands furthest from all other users, by Cohen's d, furthest first.

    d is the difference of means over the pooled standard deviation of ranks scaled to [0, 1]: money has tails that
    would let one user speak for a group. Features that are undefined for a whole side, or do not vary, are left out.
    """
    from scipy.stats import rankdata

    found = {}
    for place, name in enumerate(data.features.names):
        column = data.features.values[:, place]
        known = ~np.isnan(column)
        ranks = rankdata(column[known]) / max(1, int(known.sum()))
        inside, outside = ranks[members[known]], ranks[~members[known]]
        if len(inside) < 2 or len(outside) < 2:
            continue
        pooled = (inside.var(ddof=1) * (len(inside) - 1) + outside.var(ddof=1) * (len(outside) - 1)) / (len(ranks) - 2)
        if pooled > 0:
            found[name] = round(float((inside.mean() - outside.mean()) / np.sqrt(pooled)), 2)
    furthest = sorted(found, key=lambda name: -abs(found[name]))[:MOST_APART]
    return {name: found[name] for name in furthest}


def _middle(data: Dataset, members: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return the ids of the members whose features are nearest to the group's medians, by ranks."""
    from scipy.stats import rankdata

    rows = np.flatnonzero(members)
    values = data.features.values[rows]
    filled = np.where(np.isnan(values), np.inf, values)
    ranks = rankdata(filled, axis=0) / len(rows)
    distance = np.abs(ranks - np.median(ranks, axis=0)).sum(axis=1)
    return tuple(str(user) for user in data.users[rows[np.argsort(distance, kind="stable")[:EXAMPLES]]])

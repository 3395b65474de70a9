"""Ties in rankings: for how many users a place hangs on nothing but the order of equal scores.

Scores are compared as the recommender gives them, in single precision, or where rerankers follow as the last of them
does. Equal ones go by item index, so a ranking is the same every time; but where a tie crosses the cut, which item is
shown says nothing of the recommender.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from framework.data.tables import Dataset
from framework.kinds import Recommender, Reranker
from framework.records import Context, Queries, Slates
from framework.strategies import Rule, Strategy


@dataclass
class TieCount:
    """Queries looked at, those with equal scores among the items shown, and those with a tie across the cut.

    `known` turns false where scores do not fall from left to right, or are no numbers; `cut_known` where what comes
    after the cut was not ranked.
    """

    queries: int = 0
    within: int = 0
    at_cut: int = 0
    known: bool = True
    cut_known: bool = True

    @property
    def shares(self) -> tuple[float | None, float | None]:
        """Return the shares of queries with a tie within the slate and across its cut; None where not known."""
        if not self.known or not self.queries:
            return None, None
        return self.within / self.queries, self.at_cut / self.queries if self.cut_known else None

    def take(self, slates: Slates, positions: int) -> None:
        """Count the ties among the first `positions` items of each slate, and between them and the next one."""
        scores = np.asarray(slates.scores)
        self.queries += len(slates.items)
        if scores.shape != slates.items.shape or scores.dtype.kind != "f":
            self.known = False
            return
        # Empty places have a score of -inf, and two of them are no tie; NaN is neither a fall nor a tie.
        with np.errstate(invalid="ignore"):
            step = np.where(slates.items[:, 1:] >= 0, np.diff(scores, axis=1), -1.0)
        self.known &= bool((step <= 0).all())
        equal = step == 0
        self.within += int(equal[:, : positions - 1].any(axis=1).sum())
        self.at_cut += int(equal[:, positions - 1 : positions].any(axis=1).sum())


def counting_ties(strategy: Strategy, positions: int) -> tuple[Strategy, TieCount]:
    """Return the strategy, deciding as before, and the count that its rankings leave their ties in.

    A recommender with no reranker behind it is asked for one item more than `positions` where less was wanted; the
    policy never sees that one.
    """
    count = TieCount()

    def counted(rule: Rule) -> Rule:
        if not rule.rerankers:
            return replace(rule, recommender=_CountedRecommender(rule.recommender, positions, count))
        last = _CountedReranker(rule.rerankers[-1], positions, count)
        return replace(rule, rerankers=(*rule.rerankers[:-1], last))

    rules = {segment: counted(rule) for segment, rule in strategy.rules.items()}
    return replace(strategy, default=counted(strategy.default), rules=rules), count


@dataclass(frozen=True)
class _CountedRecommender:
    own: Recommender
    positions: int
    count: TieCount

    def fit(self, data: Dataset, context: Context) -> None:
        """Leave it: it is fitted."""

    def recommend(self, queries: Queries, k: int) -> Slates:
        slates = self.own.recommend(queries, max(k, self.positions + 1))
        self.count.take(slates, self.positions)
        return Slates(slates.items[:, :k], slates.scores[:, :k], slates.fallback)


@dataclass(frozen=True)
class _CountedReranker:
    own: Reranker
    positions: int
    count: TieCount

    def fit(self, data: Dataset, context: Context) -> None:
        """Leave it: it is fitted."""

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        found = self.own.rerank(queries, slates, k)
        self.count.take(found, self.positions)
        self.count.cut_known &= found.items.shape[1] > self.positions
        return found

"""Ties, counted by hand: within the slate, across its cut, and not known where scores tell nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from framework.data.tables import Dataset
from framework.records import NEW_USERS, Queries, Slates
from framework.strategies import Rule, Strategy
from framework.trial.population import Population
from framework.trial.ties import TieCount, counting_ties
from tests.unit.trial.arms import Top

NOTHING = -np.inf


def counted(scores: list[list[float]], positions: int, items: list[list[int]] | None = None) -> TieCount:
    count = TieCount()
    values = np.array(scores, dtype=np.float32)
    shown = np.tile(np.arange(values.shape[1], dtype=np.int32), (len(values), 1)) if items is None else np.array(items)
    count.take(Slates(shown, values, np.zeros(len(values), dtype=bool)), positions)
    return count


def test_ties_within_and_across_are_told_apart() -> None:
    count = counted([[5, 4, 3, 3, 3], [5, 5, 3, 2, 1], [5, 5, 5, 5, 1], [5, 4, 3, 2, 2]], 3)
    assert (count.queries, count.within, count.at_cut) == (4, 2, 2)
    assert count.shares == (0.5, 0.5)


def test_a_slate_of_one_has_only_its_cut() -> None:
    assert counted([[2, 2], [2, 1], [2, 1]], 1).shares == (0, pytest.approx(1 / 3))


def test_places_that_stayed_empty_do_not_tie() -> None:
    count = counted([[3, NOTHING, NOTHING], [3, 2, NOTHING]], 2, [[7, -1, -1], [7, 4, -1]])
    assert count.shares == (0, 0)


def test_the_end_of_the_catalogue_is_no_cut() -> None:
    assert counted([[3, 2], [2, 2]], 2).shares == (0.5, 0.0)


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[np.nan, np.nan, np.nan]], [[3, np.nan, 1]]])
def test_scores_that_do_not_fall_tell_nothing(scores: list[list[float]]) -> None:
    assert counted(scores, 2).shares == (None, None)


def test_scores_of_another_shape_tell_nothing() -> None:
    count = TieCount()
    count.take(Slates(np.zeros((2, 3), dtype=np.int32), np.zeros((2, 0), dtype=np.float32), np.zeros(2, dtype=bool)), 2)
    assert count.shares == (None, None)
    assert TieCount().shares == (None, None)


@dataclass
class Level:
    """All items score alike: ties everywhere. Remembers how many were asked for."""

    asked: list[int]
    catalogue: int = 20

    def fit(self, data, context) -> None:
        raise AssertionError

    def recommend(self, queries: Queries, k: int) -> Slates:
        self.asked.append(k)
        k = min(k, self.catalogue)
        items = np.tile(np.arange(k, dtype=np.int32), (len(queries), 1))
        return Slates(items, np.zeros(items.shape, dtype=np.float32), queries.user < 0)


class Backwards:
    """A reranker that turns the candidates round, with scores that all differ."""

    def fit(self, data, context) -> None:
        raise AssertionError

    def rerank(self, queries: Queries, slates: Slates, k: int) -> Slates:
        items = slates.items[:, ::-1][:, :k]
        return Slates(items, -np.tile(np.arange(k, dtype=np.float32), (len(items), 1)), slates.fallback)


class Wide(Top):
    """Writes down how many candidates it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def act(self, queries, slates, rng):
        self.given.append(slates.items.shape[1])
        return super().act(queries, slates, rng)


@pytest.mark.parametrize(("candidates", "asked"), [(3, 4), (8, 8)])
def test_a_strategy_decides_as_before_while_it_is_watched(
    data: Dataset, population: Population, candidates: int, asked: int
) -> None:
    recommender, policy = Level([]), Wide()
    strategy = Strategy("s", Rule(recommender, policy), data.segments, (*data.segment_names, NEW_USERS))
    queries = population.known_queries(None)
    plain, _ = strategy.decide(queries, candidates, np.random.default_rng(0))
    watched, count = counting_ties(strategy, queries.positions)
    seen, _ = watched.decide(queries, candidates, np.random.default_rng(0))
    np.testing.assert_array_equal(seen.items, plain.items)
    assert recommender.asked == [max(candidates, queries.positions), asked]
    assert policy.given == [candidates, candidates]
    assert count.shares == (1.0, 1.0)


def test_behind_rerankers_the_last_ones_scores_count(data: Dataset, population: Population) -> None:
    recommender = Level([])
    rule = Rule(recommender, Top(), (Backwards(),))
    strategy = Strategy("s", rule, data.segments, (*data.segment_names, NEW_USERS))
    queries = population.known_queries(None)
    for candidates, shares in ((8, (0.0, 0.0)), (3, (0.0, None))):
        watched, count = counting_ties(strategy, queries.positions)
        watched.decide(queries, candidates, np.random.default_rng(0))
        assert count.shares == shares
        # A reranker gets what it would get: one candidate more could change its order.
        assert recommender.asked[-1] == candidates


def test_every_rule_of_a_strategy_counts(data: Dataset, population: Population) -> None:
    odd = data.segment_names.index("odd")
    rules = {odd: Rule(Level([]), Top())}
    default = Rule(Level([]), Top(), (Backwards(),))
    strategy = Strategy("s", default, data.segments, (*data.segment_names, NEW_USERS), rules)
    queries = population.known_queries(None)
    watched, count = counting_ties(replace(strategy), queries.positions)
    watched.decide(queries, 8, np.random.default_rng(0))
    assert count.queries == len(queries)
    assert count.within == int((queries.segment == odd).sum())

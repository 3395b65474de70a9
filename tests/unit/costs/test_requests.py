"""The wait for one answer, on a clock that the recommender moves itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

from framework.costs import requests
from framework.costs.requests import WARM_UP, Latency, latency_of
from framework.records import NEW_USERS, Actions, Queries, Slates
from framework.strategies import Rule, Strategy
from framework.testing.tiny import tiny_dataset, tiny_queries


@dataclass
class Slow:
    """Takes the next of `seconds` for each request, and writes down who was asked about."""

    clock: SimpleNamespace
    seconds: list[float]
    asked: list[tuple[int, int]] = field(default_factory=list)

    def fit(self, data, context) -> None:
        raise AssertionError

    def recommend(self, queries: Queries, k: int) -> Slates:
        assert len(queries) == 1
        self.clock.now += self.seconds[len(self.asked) % len(self.seconds)]
        self.asked.append((int(queries.user[0]), k))
        items = np.arange(k, dtype=np.int32)[None]
        return Slates(items, -items.astype(np.float32), np.zeros(1, dtype=bool))


@dataclass
class Remembers:
    """Counts its decisions, draws, and never may be the run's own."""

    decisions: int = 0

    def act(self, queries: Queries, slates: Slates, rng: np.random.Generator) -> Actions:
        self.decisions += 1
        rng.random()
        items = slates.items[:, : queries.positions]
        return Actions(items, np.ones(items.shape))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    made = SimpleNamespace(now=0.0)
    monkeypatch.setattr(requests, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


def timed(recommender: Slow, policy: Remembers, count: int = 200, seconds: float = 1e9) -> Latency | None:
    data = tiny_dataset()
    strategy = Strategy("s", Rule(recommender, policy), data.segments, (*data.segment_names, NEW_USERS))
    queries = tiny_queries(data).take(np.arange(60))
    return latency_of(strategy, queries, candidates=8, requests=count, seconds=seconds, seed=0)


def test_half_took_at_most_p50_and_95_of_100_at_most_p95(clock: SimpleNamespace) -> None:
    # The warm-up takes the first ten; then 1 to 100 ms in some order.
    order = np.random.default_rng(0).permutation(np.arange(1, 101)) / 1000
    found = timed(Slow(clock, [9.0] * WARM_UP + order.tolist()), Remembers(), count=100)
    assert found is not None
    assert (found.p50, found.p95, found.requests) == (pytest.approx(50), pytest.approx(95), 100)


def test_users_take_turns_and_all_candidates_are_asked_for(clock: SimpleNamespace) -> None:
    recommender = Slow(clock, [0.001])
    timed(recommender, Remembers(), count=130)
    assert recommender.asked[:WARM_UP] == [(user, 8) for user in range(WARM_UP)]
    assert recommender.asked[WARM_UP:] == [(request % 60, 8) for request in range(130)]


def test_no_request_begins_after_the_time_is_up_but_one_counts(clock: SimpleNamespace) -> None:
    # One slow request ends the warm-up; the others begin at 0.625, 0.875, ..., 1.875 and no more.
    found = timed(Slow(clock, [0.625, *[0.25] * 20]), Remembers(), seconds=2.0)
    assert found == Latency(250.0, 250.0, 6)
    slow = timed(Slow(clock, [50.0]), Remembers(), seconds=2.0)
    assert slow == Latency(50_000.0, 50_000.0, 1)


def test_the_runs_own_policies_stay_as_they_are(clock: SimpleNamespace) -> None:
    policy = Remembers()
    timed(Slow(clock, [0.001]), policy)
    assert policy.decisions == 0


def test_nothing_wanted_or_nobody_known_is_none(clock: SimpleNamespace) -> None:
    assert timed(Slow(clock, [0.1]), Remembers(), count=0) is None

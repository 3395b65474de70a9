"""The wait for one answer: a strategy asked for one user's page, again and again, each request timed by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from framework.records import Queries
from framework.strategies import Strategy

WARM_UP = 10
"""Requests that are not counted, in front of the counted ones."""
WARM_UP_SHARE = 0.25
"""Share of the time allowed after which the warm-up ends, whatever its requests."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one request, `p50` and `p95` each one that was measured, over `requests` of them."""

    p50: float
    p95: float
    requests: int


def latency_of(
    strategy: Strategy, queries: Queries, *, candidates: int, requests: int, seconds: float, seed: int
) -> Latency | None:
    """Time requests of one user each: the slate of candidates, and the policy's choice of what is shown.

    Users take turns in the order of `queries`. After a warm-up at most `requests` are counted, and none is begun once
    `seconds` in all have passed, but one is always counted. The strategy's policies are copies with a generator of
    their own, so that nothing of the run is changed. None without users, or where no request is wanted.
    """
    if not len(queries) or requests < 1:
        return None
    own, rng = strategy.fresh(), np.random.default_rng([seed, 2])
    asked = [queries.take(np.array([row], dtype=np.intp)) for row in range(min(len(queries), requests))]
    started = time.perf_counter()

    def request(number: int) -> float:
        begun = time.perf_counter()
        own.decide(asked[number % len(asked)], candidates, rng)
        return time.perf_counter() - begun

    for number in range(WARM_UP):
        request(number)
        if time.perf_counter() - started > WARM_UP_SHARE * seconds:
            break
    took = [request(0)]
    while len(took) < requests and time.perf_counter() - started < seconds:
        took.append(request(len(took)))
    p50, p95 = np.quantile(took, [0.5, 0.95], method="inverted_cdf")
    return Latency(1000.0 * float(p50), 1000.0 * float(p95), len(took))

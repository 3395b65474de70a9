"""Bars: the longest runs without a pair told apart."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.stats.systems.cliques import cliques


@pytest.mark.parametrize(
    ("ranks", "critical", "expected"),
    [
        ({"a": 1.0, "b": 1.5, "c": 2.4, "d": 4.0}, 1.0, (("a", "b"), ("b", "c"))),
        ({"a": 1.0, "b": 1.2, "c": 1.4}, 1.0, (("a", "b", "c"),)),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, 1.0, ()),
        ({"a": 1.0, "b": 1.1, "c": 3.0, "d": 3.1}, 1.0, (("a", "b"), ("c", "d"))),
        # Demsar 2006, section 3.2.2: at 0.10 the worst is told apart from the best two, all else is not.
        ({"m+cf": 1.964, "m": 2.0, "cf": 2.893, "plain": 3.143}, 1.12, (("m+cf", "m", "cf"), ("cf", "plain"))),
    ],
)
def test_by_hand(ranks, critical, expected):
    order = sorted(ranks, key=ranks.get)
    assert cliques(order, lambda a, b: abs(ranks[a] - ranks[b]) >= critical) == expected


@given(
    st.integers(2, 7).flatmap(lambda k: st.tuples(st.just(k), st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)))))
)
def test_against_brute_force(drawn):
    k, told = drawn
    apart = {frozenset(pair) for pair in told if pair[0] != pair[1]}
    order = [str(i) for i in range(k)]
    runs = [
        tuple(order[i : j + 1])
        for i, j in combinations(range(k), 2)
        if not any(frozenset((int(a), int(b))) in apart for a, b in combinations(order[i : j + 1], 2))
    ]
    longest = tuple(run for run in runs if not any(set(run) < set(other) for other in runs))
    assert cliques(order, lambda a, b: frozenset((int(a), int(b))) in apart) == longest

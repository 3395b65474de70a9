"""Agreement, matching and migration of groupings: exact answers, brute force, scikit-learn."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from framework.errors import TrialError
from framework.stats.groups.agreement import adjusted_rand, contingency
from framework.stats.groups.matching import match_groups
from framework.stats.groups.migration import AGEING, aged, migration


def drawn(seed, n=60, k=4, m=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.integers(0, m, n)


@pytest.mark.parametrize("seed", range(20))
def test_adjusted_rand_is_scikit_learns_and_that_of_counted_pairs(seed):
    one, other = drawn(seed, n=25)
    together = [(one[a] == one[b], other[a] == other[b]) for a, b in combinations(range(25), 2)]
    both = sum(x and y for x, y in together)
    first, second = (sum(pair[place] for pair in together) for place in (0, 1))
    expected = first * second / len(together)
    counted = (both - expected) / ((first + second) / 2 - expected)
    assert adjusted_rand(one, other) == pytest.approx(counted, abs=1e-14)
    assert adjusted_rand(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-14)


def test_adjusted_rand_at_its_ends():
    labels = np.array([0, 0, 1, 1, 2])
    assert adjusted_rand(labels, np.array([2, 2, 0, 0, 1])) == 1.0
    assert adjusted_rand(np.zeros(4, int), np.zeros(4, int)) == 1.0
    assert adjusted_rand(np.zeros(4, int), np.arange(4)) == 0.0
    assert adjusted_rand(np.array([], int), np.array([], int)) == 1.0
    # Pairs of 8 million users, two million million times as many, times as many again: beyond 64 bits.
    big = np.repeat([0, 1], 4_000_000)
    assert adjusted_rand(big, np.roll(big, 1)) == pytest.approx(1 - 1e-6, abs=2e-9)


def test_labels_that_are_none_are_refused():
    with pytest.raises(TrialError, match="3 and 2 labels"):
        adjusted_rand(np.array([0, 1, 1]), np.array([0, 1]))
    with pytest.raises(TrialError, match="no list of groups"):
        contingency(np.array([0, -1]), np.array([0, 1]))
    with pytest.raises(TrialError, match="no list of groups"):
        contingency(np.array([0.5, 1.0]), np.array([0, 1]))
    with pytest.raises(TrialError, match="below 2 and 2"):
        contingency(np.array([0, 2]), np.array([0, 1]), (2, 2))


@pytest.mark.parametrize("seed", range(10))
def test_matching_is_the_best_of_all_pairings(seed):
    before, after = drawn(seed, k=4, m=5)
    table = contingency(before, after, (4, 5))
    best = max(sum(table[row, column] for row, column in enumerate(chosen)) for chosen in permutations(range(5), 4))
    found = match_groups(before, after)
    assert found.agreement == best / 60
    assert len({new for _, new in found.pairs}) == len(found.pairs)
    for (old, new), overlap in zip(found.pairs, found.overlap, strict=True):
        in_old, in_new = before == old, after == new
        assert overlap == (in_old & in_new).sum() / (in_old | in_new).sum()


def test_new_numbers_of_old_groups_are_no_change_and_a_split_begins_a_group():
    before = np.array([0, 0, 0, 1, 1, 2])
    renamed = np.array([2, 2, 2, 0, 0, 1])
    found = match_groups(before, renamed)
    assert (found.agreement, found.ended, found.begun) == (1.0, (), ())
    np.testing.assert_array_equal(found.renumbered(renamed, 3), before)
    split = np.array([2, 2, 3, 0, 0, 0])
    found = match_groups(before, split)
    assert found.pairs == ((0, 2), (1, 0))
    assert (found.agreement, found.ended, found.begun) == (4 / 6, (2,), (3,))
    assert found.renumbered(split, 3)[2] >= 3
    assert found.renumbered(np.array([4]), 3).tolist() == [5]


def test_of_no_users_no_agreement():
    nobody = np.array([], dtype=int)
    assert np.isnan(match_groups(nobody, nobody, (2, 2)).agreement)


def test_who_moved_by_time_and_who_by_deeds():
    #                  aged  acted held  stayed acted (though idle would have moved elsewhere)
    before = np.array([0, 0, 0, 1, 0])
    after = np.array([1, 1, 0, 1, 2])
    idle = np.array([1, 0, 1, 1, 1])
    found = migration(before, after, idle, 3)
    assert found.counts.tolist() == [[1, 2, 1], [0, 1, 0], [0, 0, 0]]
    assert found.aged.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert found.acted.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert found.held.tolist() == [1, 0, 0]
    assert found.stayed.tolist() == [0, 1, 0]
    assert (found.users, found.moved) == (5, 3)


@pytest.mark.parametrize("seed", range(5))
def test_every_user_is_counted_once(seed):
    rng = np.random.default_rng(seed)
    before, after, idle = rng.integers(0, 4, (3, 500))
    found = migration(before, after, idle, 4)
    off = found.counts - np.diag(np.diagonal(found.counts))
    np.testing.assert_array_equal(found.aged + found.acted, off)
    np.testing.assert_array_equal(found.held + found.stayed, np.diagonal(found.counts))


def test_only_times_since_something_age():
    names = ("recency_days", "frequency", "tenure_days")
    values = np.array([[3.0, 2.0, 10.0], [np.nan, 0.0, 4.0]])
    np.testing.assert_array_equal(aged(names, values, 7), [[10.0, 2.0, 17.0], [np.nan, 0.0, 11.0]])
    with pytest.raises(TrialError, match="0 or more"):
        aged(names, values, -1)


def test_the_ageing_features_are_features():
    from framework.data.feature_registry import describe

    assert all(describe(name).unit == "days" for name in AGEING)

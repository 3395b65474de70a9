"""Greedy and epsilon-greedy: the head of the slate, and propensities against full enumeration and frequencies."""

import numpy as np
import pytest

from framework.errors import ConfigError
from framework.records import Queries, Slates
from shop_policies.bandits.epsilon_greedy import EpsilonGreedy, EpsilonGreedyConfig, position_probabilities
from shop_policies.greedy import Greedy, GreedyConfig


def _queries(n, positions):
    return Queries(
        np.arange(n, dtype=np.int32), np.arange(n).astype(str), np.full(n, -1, dtype=np.int32), (), positions
    )


def _slates(items):
    items = np.asarray(items, dtype=np.int32)
    return Slates(
        items, -np.arange(items.size, dtype=np.float32).reshape(items.shape), np.zeros(len(items), dtype=bool)
    )


def _enumerated(candidates, positions, epsilon):
    """Walk through every page that the rule can build, with its probability."""
    table = np.zeros((positions, candidates))

    def walk(position, left, probability):
        if position == positions or not left:
            return
        for rank in left:
            chance = epsilon / len(left) + (1 - epsilon if rank == min(left) else 0)
            table[position, rank] += probability * chance
            walk(position + 1, left - {rank}, probability * chance)

    walk(0, frozenset(range(candidates)), 1.0)
    return table


def test_greedy_shows_the_head():
    actions = Greedy(GreedyConfig()).act(_queries(2, 2), _slates([[5, 3, 9], [1, -1, -1]]), np.random.default_rng(0))
    assert actions.items.tolist() == [[5, 3], [1, -1]]
    assert (actions.propensities == 1.0).all()


def test_epsilon_zero_is_greedy_and_epsilon_one_is_uniform():
    rng = np.random.default_rng(3)
    slates = _slates([rng.permutation(9) for _ in range(50)])
    none = EpsilonGreedy(EpsilonGreedyConfig(0.0)).act(_queries(50, 4), slates, np.random.default_rng(0))
    np.testing.assert_array_equal(none.items, slates.items[:, :4])
    np.testing.assert_array_equal(none.propensities, np.ones((50, 4)))
    every = EpsilonGreedy(EpsilonGreedyConfig(1.0)).act(_queries(50, 4), slates, np.random.default_rng(0))
    np.testing.assert_allclose(every.propensities, 1 / 9, rtol=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.13, 0.5, 1.0])
@pytest.mark.parametrize(("candidates", "positions"), [(1, 1), (1, 3), (4, 2), (5, 5), (6, 4), (3, 5)])
def test_probabilities_equal_full_enumeration(candidates, positions, epsilon):
    expected = _enumerated(candidates, positions, epsilon)
    np.testing.assert_allclose(position_probabilities(candidates, positions, epsilon), expected, atol=1e-14)


@pytest.mark.parametrize("epsilon", [0.05, 0.9])
def test_probabilities_sum_to_one_over_the_candidates(epsilon):
    table = position_probabilities(50, 20, epsilon)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=1e-12)
    assert (table >= 0).all()
    assert (table.sum(axis=0) <= 1 + 1e-12).all()  # nothing is shown twice
    np.testing.assert_allclose(position_probabilities(50, 20, epsilon, last=7), table[:, :8], rtol=0)


def test_frequencies_match_propensities():
    """Expected shares within 5 binomial standard errors, for all 4 x 6 pairs of position and candidate."""
    n, positions, order = 40_000, 4, np.array([7, 2, 11, 4, 0, 9])
    slates = _slates(np.tile(order, (n, 1)))
    actions = EpsilonGreedy(EpsilonGreedyConfig(0.4)).act(_queries(n, positions), slates, np.random.default_rng(8))
    expected = _enumerated(6, positions, 0.4)
    for position in range(positions):
        for rank, item in enumerate(order):
            shown = actions.items[:, position] == item
            p = expected[position, rank]
            assert abs(shown.mean() - p) <= 5 * np.sqrt(p * (1 - p) / n)
            np.testing.assert_allclose(actions.propensities[shown, position], p, rtol=1e-12)


def test_slates_of_different_lengths():
    n = 30_000
    items = np.tile([4, 8, 1, 3], (n, 1))
    items[1::3, 2:] = -1
    items[2::3] = -1
    actions = EpsilonGreedy(EpsilonGreedyConfig(0.6)).act(_queries(n, 3), _slates(items), np.random.default_rng(1))
    full, pair, none = (slice(start, None, 3) for start in range(3))
    assert (actions.items[none] == -1).all()
    assert (actions.propensities[none] == 1.0).all()
    assert (np.sort(actions.items[pair, :2], axis=1) == [4, 8]).all()
    assert (actions.items[pair, 2] == -1).all()
    assert (actions.propensities[pair, 2] == 1.0).all()
    second = actions.items[pair, 0] == 8
    assert abs(second.mean() - 0.3) <= 5 * np.sqrt(0.21 / (n / 3))
    np.testing.assert_allclose(actions.propensities[pair, 0], np.where(second, 0.3, 0.7))
    assert (np.sort(actions.items[full], axis=1)[:, 0] >= 1).all()
    for row in actions.items[full][:200]:
        assert len(set(row.tolist())) == 3


def test_blocks_of_queries_draw_on():
    """More queries than one block holds: the second block explores with chances of its own."""
    n = 65_536 * 2
    slates = _slates(np.tile(np.arange(5), (n, 1)))
    actions = EpsilonGreedy(EpsilonGreedyConfig(0.5)).act(_queries(n, 2), slates, np.random.default_rng(0))
    halves = actions.items[: n // 2], actions.items[n // 2 :]
    assert (halves[0] != halves[1]).any()
    for half in halves:
        assert abs((half[:, 0] == 0).mean() - 0.6) <= 5 * np.sqrt(0.24 / len(half))


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, float("nan")])
def test_epsilon_is_a_probability(epsilon):
    with pytest.raises(ConfigError, match="from 0 to 1"):
        EpsilonGreedyConfig(epsilon)

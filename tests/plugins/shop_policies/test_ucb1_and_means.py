"""UCB1's index, learned means and softmax pages, against formulas written out and full enumeration."""

from itertools import permutations

import numpy as np
import pytest

from shop_policies.bandits.epsilon_greedy_means import EpsilonGreedyMeans, EpsilonGreedyMeansConfig
from shop_policies.bandits.pages_by_index import pages_by_index
from shop_policies.bandits.softmax import Softmax, SoftmaxConfig
from shop_policies.bandits.ucb1 import Ucb1, Ucb1Config
from tests.plugins.shop_policies.bandit_inputs import feedback, queries, slates


def test_the_index_is_that_of_auer():
    """Ten shows in all: item 0 sold 2 of 5, item 1 1 of 4, item 2 0 of 1."""
    policy = Ucb1(Ucb1Config())
    items = [[0], [0], [0], [0], [0], [1], [1], [1], [1], [2]]
    bought = [[1], [1], [0], [0], [0], [1], [0], [0], [0], [0]]
    policy.learn(feedback(queries(10), items, bought))
    found = policy.index(np.array([[2, 0, 1, 3]], dtype=np.int32), np.array([0]))
    wide = 2 * np.log(10)
    expected = [np.sqrt(wide), 0.4 + np.sqrt(wide / 5), 0.25 + np.sqrt(wide / 4), np.inf]
    np.testing.assert_allclose(found[0], expected, rtol=1e-14)
    actions = policy.act(queries(1, 4), slates([[2, 0, 1, 3]]), np.random.default_rng(0))
    assert actions.items.tolist() == [[3, 2, 0, 1]]
    assert (actions.propensities == 1.0).all()


def test_segments_are_bandits_of_their_own():
    policy = Ucb1(Ucb1Config(by_segment=True, exploration=0.5))
    policy.learn(feedback(queries(3, segment=[0, 0, 1]), [[4], [4], [4]], [[1], [0], [1]]))
    found = policy.index(np.array([[4], [4], [4]], dtype=np.int32), np.array([0, 1, 2]))
    np.testing.assert_allclose(found[:, 0], [np.inf, 0.5 + 0.5 * np.sqrt(2 * np.log(2) / 2), 1.0])


def test_ties_are_shuffled_with_exact_propensities():
    """Index 3 once, 2 four times, 1 once: shares of the tied within 5 binomial standard errors of a quarter."""
    n = 20_000
    index = np.tile([2.0, 3.0, 2.0, 1.0, 2.0, 2.0], (n, 1))
    offered = slates(np.tile([10, 11, 12, 13, 14, 15], (n, 1)))
    actions = pages_by_index(queries(n, 3), offered, index, np.random.default_rng(0))
    assert (actions.items[:, 0] == 11).all()
    np.testing.assert_array_equal(actions.propensities, np.tile([1.0, 0.25, 0.25], (n, 1)))
    for place in (1, 2):
        shares = [(actions.items[:, place] == item).mean() for item in (10, 12, 14, 15)]
        np.testing.assert_allclose(shares, 0.25, atol=5 * np.sqrt(0.1875 / n))


def test_epsilon_greedy_orders_by_means():
    """Means with a prior of 0.25 in 4 shows: item 0 2/8, item 1 4/6, item 2 1/6, item 3 1/4; equal ones by rank."""
    config = EpsilonGreedyMeansConfig(epsilon=0.3, prior_mean=0.25, prior_weight=4.0)
    policy = EpsilonGreedyMeans(config)
    items = [[0], [0], [0], [0], [1], [1], [1], [2], [2]]
    bought = [[1], [0], [0], [0], [1], [1], [1], [0], [0]]
    policy.learn(feedback(queries(9), items, bought))
    n = 20_000
    actions = policy.act(queries(n, 1), slates(np.tile([2, 3, 0, 1], (n, 1))), np.random.default_rng(0))
    assert abs((actions.items == 1).mean() - 0.775) <= 5 * np.sqrt(0.775 * 0.225 / n)
    np.testing.assert_allclose(actions.propensities[actions.items == 1], 0.775)
    np.testing.assert_allclose(actions.propensities[actions.items == 3], 0.075)
    none = EpsilonGreedyMeans(EpsilonGreedyMeansConfig(0.0, prior_mean=0.25, prior_weight=4.0))
    none.restore(policy.state())
    assert none.act(queries(1, 4), slates([[2, 3, 0, 1]]), np.random.default_rng(0)).items.tolist() == [[1, 3, 0, 2]]


def _marginals(weights, positions):
    """Walk through every page of Plackett and Luce's law, with its probability."""
    table = np.zeros((positions, len(weights)))
    for page in permutations(range(len(weights)), positions):
        chance, left = 1.0, weights.sum()
        for item in page:
            chance *= weights[item] / left
            left -= weights[item]
        for place, item in enumerate(page):
            table[place, item] += chance
    return table


def test_softmax_pages_follow_the_law_of_plackett_and_luce():
    """The first position's propensity is exact; others and all shares within 5 standard errors (draws: 4000)."""
    n, scores = 20_000, np.array([1.0, 0.2, -0.5, 0.9, -2.0])
    policy = Softmax(SoftmaxConfig(temperature=0.7, standardise=False, propensity_draws=4000))
    offered = slates(np.tile([5, 6, 7, 8, 9], (n, 1)), np.tile(scores, (n, 1)))
    expected = _marginals(np.exp(scores.astype(np.float32) / 0.7), 3)
    one = policy.act(queries(60, 3), slates(offered.items[:60], offered.scores[:60]), np.random.default_rng(3))
    for place in range(3):
        truth = expected[place, one.items[:, place] - 5]
        atol = 1e-12 if place == 0 else 5 * 0.5 / np.sqrt(4000)
        np.testing.assert_allclose(one.propensities[:, place], truth, rtol=1e-6 if place == 0 else 0.0, atol=atol)
    many = Softmax(SoftmaxConfig(temperature=0.7, standardise=False, propensity_draws=1))
    shown = many.act(queries(n, 3), offered, np.random.default_rng(1)).items
    for place in range(3):
        shares = np.bincount(shown[:, place] - 5, minlength=5) / n
        errors = 5 * np.sqrt(expected[place] * (1 - expected[place]) / n)
        assert (np.abs(shares - expected[place]) <= errors).all()


def test_softmax_of_standardised_scores_knows_no_unit():
    scores = np.random.default_rng(0).normal(size=(30, 6))
    offered = slates(np.tile(np.arange(6), (30, 1)), scores)
    scaled = slates(offered.items, (scores * 400 + 7).astype(np.float32))
    policy = Softmax(SoftmaxConfig(temperature=0.5))
    one, two = (policy.act(queries(30, 2), own, np.random.default_rng(4)) for own in (offered, scaled))
    np.testing.assert_array_equal(one.items, two.items)
    np.testing.assert_allclose(one.propensities, two.propensities, rtol=1e-4)
    flat = policy.act(queries(30, 1), slates(offered.items, np.ones((30, 6))), np.random.default_rng(0))
    np.testing.assert_allclose(flat.propensities, 1 / 6)


def test_softmax_over_means_is_the_boltzmann_law():
    policy = Softmax(SoftmaxConfig(over="means", temperature=0.2, prior_mean=0.5, prior_weight=2.0))
    policy.learn(feedback(queries(4), [[0], [0], [1], [1]], [[1], [1], [0], [0]]))
    actions = policy.act(queries(200, 1), slates(np.tile([0, 1, 2], (200, 1))), np.random.default_rng(0))
    weights = np.exp(np.array([0.75, 0.25, 0.5]) / 0.2)
    np.testing.assert_allclose(actions.propensities[:, 0], (weights / weights.sum())[actions.items[:, 0]], rtol=1e-12)


@pytest.mark.parametrize("temperature", [1e-4, 1e4])
def test_extreme_temperatures_stay_finite(temperature):
    scores = np.array([[3.0, 1.0, 2.0, 0.0]])
    policy = Softmax(SoftmaxConfig(temperature=temperature, standardise=False))
    actions = policy.act(queries(1, 4), slates([[0, 1, 2, 3]], scores), np.random.default_rng(0))
    assert (actions.propensities > 0).all()
    if temperature < 1:
        assert actions.items.tolist() == [[0, 2, 1, 3]]
        np.testing.assert_allclose(actions.propensities, 1.0)
    else:
        np.testing.assert_allclose(actions.propensities, 0.25, atol=5 * 0.5 / np.sqrt(101))

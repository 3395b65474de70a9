"""SLOPE and the error bound by hand and by simulation; marginal weights against sums written as loops."""

import math

import numpy as np
import pytest

from framework.errors import TrialError
from framework.stats.off_policy import counted_likelihood, known_likelihood, marginal_weights
from framework.stats.off_policy.tuning import error_bound, half_width, slope


def test_slope_stops_before_the_first_that_its_elders_rule_out():
    widths = np.array([0.1, 0.4, 1.0])
    c = math.sqrt(6) - 1
    # 0.4 agrees with 1.0; 0.1 is further from 0.4's estimate than 0.1 + c 0.4.
    assert slope(np.array([0.71 + 0.1 + c * 0.4, 0.7, 0.0]), widths) == 1
    assert slope(np.array([0.69 + 0.1 + c * 0.4, 0.7, 0.0]), widths) == 0
    # It must agree with every one before it, not with the last alone.
    assert slope(np.array([0.01 + 0.1 + c * 1.0, 1.3, 0.0]), widths) == 1


def test_slope_with_one_candidate_or_equal_ones():
    assert slope(np.array([3.0]), np.array([1.0])) == 0
    assert slope(np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.0, 1.0])) == 0


def test_slope_is_as_near_as_its_authors_promise():
    """Off by at most (6 + sqrt(6)) times the least bias + width of any candidate, where all widths hold (theorem 3).

    Also on average nearer than the candidate without bias, and than the one without spread.
    """
    rng = np.random.default_rng(0)
    bias, spread = np.array([0.0, 0.02, 0.1, 1.5]), np.array([1.0, 0.4, 0.15, 0.05])
    widths = 3.0 * spread
    promised = (6 + math.sqrt(6)) * float((bias + widths).min())
    off = []
    for _ in range(2000):
        values = bias + spread * rng.normal(size=4)
        off.append(values[slope(values, widths / 3)])
        if (np.abs(values - bias) <= widths).all():
            assert abs(values[slope(values, widths)]) <= promised
    assert np.mean(np.square(off)) < min(spread[0] ** 2, bias[-1] ** 2)


def test_half_width_and_bound_by_hand():
    terms = np.array([0.0, 1.0, 1.0, 4.0])
    assert half_width(terms, 0.05) == pytest.approx(math.sqrt(2.25 / 3) * 2.353363434801824)
    weight, shrunk = np.array([1.0, 3.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])
    residual = np.array([1.0, 1.0, 0.0, 0.0])
    log = math.log(2 / 0.05)
    bias = 2 / 4 + math.sqrt(2 * 2.5 * log / 4) + 2 * 3 * log / (3 * 4)
    assert error_bound(shrunk * residual, weight, shrunk, residual, 0.05) == pytest.approx(0.25 / 4 + bias**2)


@pytest.fixture
def embedded():
    rng = np.random.default_rng(1)
    n, actions, values, parts = 300, 6, 3, 2
    table = rng.dirichlet(np.ones(values), (actions, parts)).transpose(0, 2, 1)
    target, logging = rng.dirichlet(np.ones(actions), n), rng.dirichlet(np.ones(actions), n)
    return target, logging, table, rng.integers(0, values, (n, parts)), rng.integers(0, actions, n)


def test_marginal_weights_are_the_sums_of_their_definition(embedded):
    target, logging, table, embedding, _ = embedded
    found = marginal_weights(target, logging, known_likelihood(embedding, table))
    for i in range(len(target)):
        likely = [math.prod(table[a, embedding[i, d], d] for d in range(2)) for a in range(6)]
        wanted = sum(target[i] * likely) / sum(logging[i] * likely)
        assert found[i] == pytest.approx(wanted, rel=1e-12)


def test_an_embedding_that_names_the_action_gives_the_actions_weight(embedded):
    target, logging, _, _, action = embedded
    likelihood = counted_likelihood(action, action[:, None], 6)
    found = marginal_weights(target, logging, likelihood)
    rows = np.arange(len(action))
    np.testing.assert_allclose(found, target[rows, action] / logging[rows, action], rtol=1e-12)


def test_counted_shares(embedded):
    _, _, _, embedding, action = embedded
    counts = np.random.default_rng(2).integers(0, 3, len(action)).astype(np.float64)
    found = counted_likelihood(action, embedding, 7, counts)
    for i, a in ((0, 0), (5, 3), (17, int(action[17]))):
        same = (embedding == embedding[i]).all(axis=1)
        wanted = counts[same & (action == a)].sum() / counts[action == a].sum()
        assert found[i, a] == pytest.approx(wanted)
    assert (found[:, 6] == 0).all()


def test_one_policy_for_all_rows(embedded):
    target, logging, table, embedding, _ = embedded
    likelihood = known_likelihood(embedding, table)
    same = marginal_weights(np.tile(target[0], (300, 1)), np.tile(logging[0], (300, 1)), likelihood)
    np.testing.assert_allclose(marginal_weights(target[0], logging[0], likelihood), same)


def test_an_impossible_embedding_is_named():
    with pytest.raises(TrialError, match="row 1 has an embedding of probability 0"):
        marginal_weights(np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.0, 1.0]]))

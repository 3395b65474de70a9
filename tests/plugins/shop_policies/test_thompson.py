"""Thompson sampling: exact counts, the best arm found, propensities against known probabilities."""

import numpy as np
import pytest

from framework.errors import ConfigError
from framework.records import Actions, Feedback, Queries, Responses, Slates
from shop_policies.bandits.thompson import Thompson, ThompsonConfig


def _queries(n, positions, segment=-1):
    segments = np.broadcast_to(np.asarray(segment, dtype=np.int32), (n,))
    return Queries(np.arange(n, dtype=np.int32), np.arange(n).astype(str), segments, ("a", "b"), positions)


def _slates(items):
    items = np.asarray(items, dtype=np.int32)
    return Slates(
        items, -np.arange(items.size, dtype=np.float32).reshape(items.shape), np.zeros(len(items), dtype=bool)
    )


def _feedback(queries, items, bought, visits=1, clicked=None):
    items, bought = np.asarray(items, dtype=np.int32), np.asarray(bought, dtype=bool)
    came = np.broadcast_to(np.asarray(visits, dtype=np.int32), (len(items),))
    clicks = bought if clicked is None else np.asarray(clicked, dtype=bool)
    money, orders = bought.astype(np.int64) * 100, bought.any(axis=1).astype(np.int32)
    return Feedback(queries, Actions(items, np.ones(items.shape)), Responses(clicks, bought, money, came, orders))


def test_posterior_counts_are_exact():
    policy = Thompson(ThompsonConfig(prior_a=2.0, prior_b=5.0))
    rng = np.random.default_rng(0)
    a, b = np.full(12, 2.0), np.full(12, 5.0)
    for _ in range(4):
        items = np.array([rng.permutation(12)[:3] for _ in range(70)])
        items[:5, 2] = -1
        bought, visits = (rng.random(items.shape) < 0.3) & (items >= 0), rng.integers(0, 3, 70)
        policy.learn(_feedback(_queries(70, 3), items, bought, visits))
        for row in range(70):
            for item, success in zip(items[row], bought[row], strict=True):
                if item >= 0 and visits[row] > 0:
                    a[item] += success
                    b[item] += not success
    found = policy.posterior(np.arange(14, dtype=np.int32))
    np.testing.assert_array_equal(found[0], [*a, 2.0, 2.0])
    np.testing.assert_array_equal(found[1], [*b, 5.0, 5.0])


def test_segments_keep_their_own_counts():
    policy = Thompson(ThompsonConfig(by_segment=True))
    items, bought = [[0, 3], [0, 3], [0, 3]], [[True, False], [False, False], [True, True]]
    policy.learn(_feedback(_queries(3, 2, [0, 1, -1]), items, bought))
    for segment, a, b in ((0, [2, 1], [19, 20]), (1, [1, 1], [20, 20]), (-1, [2, 2], [19, 19]), (7, [1, 1], [19, 19])):
        found = policy.posterior(np.array([0, 3], dtype=np.int32), segment)
        assert [found[0].tolist(), found[1].tolist()] == [a, b]
    pooled = Thompson(ThompsonConfig())
    pooled.learn(_feedback(_queries(3, 2, [0, 1, -1]), items, bought))
    assert pooled.posterior(np.array([0], dtype=np.int32), 1)[0].tolist() == [3.0]


def test_clicks_can_be_the_reward():
    policy = Thompson(ThompsonConfig(reward="clicked"))
    policy.learn(_feedback(_queries(1, 2), [[0, 1]], [[True, False]], clicked=[[False, True]]))
    assert policy.posterior(np.array([0, 1], dtype=np.int32))[0].tolist() == [1.0, 2.0]


def test_nobody_came_nothing_learned():
    policy = Thompson(ThompsonConfig())
    policy.learn(_feedback(_queries(2, 1), [[0], [1]], [[False], [False]], visits=0))
    assert policy.posterior(np.array([0, 1], dtype=np.int32))[1].tolist() == [19.0, 19.0]


def test_the_best_arm_is_found():
    """Ten arms, rates 0.02 to 0.11 and the best 0.25: after 10,000 pages it takes over 90 % of the next ones."""
    rates = np.array([0.02, 0.05, 0.11, 0.03, 0.08, 0.06, 0.25, 0.1, 0.04, 0.07])
    policy, rng = Thompson(ThompsonConfig(propensity_draws=1)), np.random.default_rng(4)
    slates = _slates(np.tile(np.arange(10), (500, 1)))
    for _ in range(20):
        actions = policy.act(_queries(500, 1), slates, rng)
        policy.learn(_feedback(_queries(500, 1), actions.items, rng.random((500, 1)) < rates[actions.items]))
    assert (policy.act(_queries(500, 1), slates, rng).items == 6).mean() > 0.9


def test_segments_find_arms_of_their_own():
    policy, rng = Thompson(ThompsonConfig(by_segment=True, propensity_draws=1)), np.random.default_rng(5)
    segment = np.arange(400) % 2
    rates = np.array([[0.4, 0.05], [0.05, 0.4]])
    slates = _slates(np.tile([0, 1], (400, 1)))
    for _ in range(10):
        actions = policy.act(_queries(400, 1, segment), slates, rng)
        bought = rng.random((400, 1)) < rates[segment[:, None], actions.items]
        policy.learn(_feedback(_queries(400, 1, segment), actions.items, bought))
    shown = policy.act(_queries(400, 1, segment), slates, rng).items[:, 0]
    assert (shown == segment).mean() > 0.97


def test_propensities_equal_the_exact_chance_of_two_arms():
    """P(Beta(2, 1) > Beta(1, 2)) = 5/6 by integration; shares and claims within 5 standard errors."""
    draws, n = 20_000, 20_000
    policy = Thompson(ThompsonConfig(prior_a=1.0, prior_b=1.0, propensity_draws=draws))
    policy.learn(_feedback(_queries(1, 2), [[3, 8]], [[True, False]]))
    slates = _slates(np.tile([8, 3], (n, 1)))
    actions = policy.act(_queries(n, 2), slates, np.random.default_rng(2))
    first = actions.items[:, 0] == 3
    error = 5 * np.sqrt(5 / 36 / n)
    assert abs(first.mean() - 5 / 6) <= error
    np.testing.assert_allclose(actions.propensities[first], 5 / 6, atol=error)
    np.testing.assert_allclose(actions.propensities[~first], 1 / 6, atol=error)


def test_equal_arms_are_shown_equally_at_every_position():
    n = 6_000
    policy = Thompson(ThompsonConfig(propensity_draws=6_000))
    actions = policy.act(_queries(n, 3), _slates(np.tile(np.arange(5), (n, 1))), np.random.default_rng(6))
    np.testing.assert_allclose(actions.propensities, 0.2, atol=5 * np.sqrt(0.16 / n))
    for position in range(3):
        shares = np.bincount(actions.items[:, position], minlength=5) / n
        np.testing.assert_allclose(shares, 0.2, atol=5 * np.sqrt(0.16 / n))


def test_warm_start_holds_the_order_until_feedback_outweighs_it():
    slates = _slates(np.tile([5, 2, 7], (2_000, 1)))
    config = ThompsonConfig(prior_a=1.0, prior_b=1000.0, warm_start=1000.0, propensity_draws=20)
    policy = Thompson(config)
    before = policy.act(_queries(2_000, 3), slates, np.random.default_rng(0))
    assert (before.items == [5, 2, 7]).all(axis=1).mean() > 0.99
    policy.learn(_feedback(_queries(20_000, 1), np.full((20_000, 1), 7), np.ones((20_000, 1), dtype=bool)))
    after = policy.act(_queries(2_000, 3), slates, np.random.default_rng(0))
    assert (after.items[:, 0] == 7).all()


def test_empty_candidates_stay_empty():
    items = np.tile([4, 9, -1], (40, 1))
    items[:20] = -1
    actions = Thompson(ThompsonConfig()).act(_queries(40, 4), _slates(items), np.random.default_rng(0))
    assert (actions.items[:20] == -1).all()
    assert (np.sort(actions.items[20:, :2], axis=1) == [4, 9]).all()
    assert (actions.items[20:, 2:] == -1).all()
    assert (actions.propensities[actions.items == -1] == 1.0).all()
    assert (actions.propensities > 0).all()


def test_many_different_slates_are_worked_through_in_blocks():
    rng = np.random.default_rng(1)
    items = rng.random((12_000, 30)).argsort(axis=1)
    actions = Thompson(ThompsonConfig(propensity_draws=2)).act(_queries(12_000, 2), _slates(items), rng)
    assert (actions.items >= 0).all()
    assert (actions.items[:, 0] != actions.items[:, 1]).all()


@pytest.mark.parametrize(
    "params", [{"prior_a": 0.0}, {"prior_b": -1.0}, {"warm_start": float("nan")}, {"propensity_draws": 0}]
)
def test_bad_parameters(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        ThompsonConfig(**params)

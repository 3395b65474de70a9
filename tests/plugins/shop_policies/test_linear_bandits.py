"""LinUCB, linear Thompson sampling and neural-linear: against scikit-learn's ridge and Bayesian regressions."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import BayesianRidge, Ridge

from shop_policies.bandits.contexts import contexts_of, on_grid
from shop_policies.bandits.lin_thompson import LinThompson, LinThompsonConfig
from shop_policies.bandits.linucb import Linucb, LinucbConfig
from shop_policies.bandits.neural_linear import NeuralLinear, NeuralLinearConfig
from tests.plugins.shop_policies.bandit_inputs import feedback, queries, random_feedback, slates

ITEM = np.array([[4, 0, 99]], dtype=np.int32)


def _rows(told, item):
    """Return the contexts and rewards of one item's shows, gone through place by place."""
    contexts = contexts_of(told.queries)
    rows = [
        (contexts[row], told.responses.amount[row, place])
        for row, page in enumerate(told.actions.items.tolist())
        for place, own in enumerate(page)
        if own == item and told.responses.visits[row] > 0
    ]
    return np.array([x for x, _ in rows]), np.array([float(r) for _, r in rows])


def test_the_index_is_ridge_regression_and_its_width():
    told = random_feedback(np.random.default_rng(0), 300)
    policy = Linucb(LinucbConfig(alpha=0.7, regularization=2.5, reward="amount"))
    policy.learn(told)
    asked = queries(1, features=np.array([[0.5, -1.25, 2.0]]))
    x = contexts_of(asked)[0]
    found = policy.index(asked, ITEM)[0]
    for place, item in enumerate((4, 0)):
        contexts, rewards = _rows(told, item)
        mean = Ridge(alpha=2.5, fit_intercept=False).fit(contexts, rewards).predict(x[None])[0]
        inverse = np.linalg.inv(2.5 * np.eye(4) + contexts.T @ contexts)
        np.testing.assert_allclose(found[place], mean + 0.7 * np.sqrt(x @ inverse @ x), rtol=1e-9)
    np.testing.assert_allclose(found[2], 0.7 * np.sqrt(x @ x / 2.5), rtol=1e-14)


def test_linear_thompson_has_the_posterior_of_bayesian_ridge():
    """With v the noise of scikit-learn's fit and regularization its ratio of precisions, mean and spread are equal."""
    told = random_feedback(np.random.default_rng(1), 400)
    contexts, rewards = _rows(told, 4)
    model = BayesianRidge(fit_intercept=False, tol=1e-10, max_iter=5000).fit(contexts, rewards)
    v, ridge = float(1 / np.sqrt(model.alpha_)), float(model.lambda_ / model.alpha_)
    policy = LinThompson(LinThompsonConfig(v=v, regularization=ridge, reward="amount"))
    policy.learn(told)
    asked = queries(6, features=on_grid(np.random.default_rng(2).normal(size=(6, 3))))
    mean, spread = policy.posterior(asked, np.full((6, 1), 4, dtype=np.int32))
    expected, with_noise = model.predict(contexts_of(asked), return_std=True)
    np.testing.assert_allclose(mean[:, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(spread[:, 0], v), with_noise, rtol=1e-6)


def test_propensities_of_linear_thompson_are_normal_probabilities():
    """Two arms: Phi of the difference of means in its standard deviations, within 5 standard errors."""
    draws = 20_000
    policy = LinThompson(LinThompsonConfig(v=300.0, reward="amount", propensity_draws=draws))
    policy.learn(random_feedback(np.random.default_rng(3), 200))
    asked = queries(20, features=np.random.default_rng(4).normal(size=(20, 3)))
    mean, spread = policy.posterior(asked, np.tile([4, 0], (20, 1)).astype(np.int32))
    chance = stats.norm.cdf((mean[:, 0] - mean[:, 1]) / np.hypot(spread[:, 0], spread[:, 1]))
    actions = policy.act(asked, slates(np.tile([4, 0], (20, 1))), np.random.default_rng(5))
    truth = np.where(actions.items[:, 0] == 4, chance, 1 - chance)
    np.testing.assert_allclose(actions.propensities[:, 0], truth, atol=5 * 0.5 / np.sqrt(draws))


def test_without_features_segments_are_the_context():
    asked = queries(3, segment=[1, -1, 0])
    assert contexts_of(asked).tolist() == [[1, 0, 1], [1, 0, 0], [1, 1, 0]]
    policy = Linucb(LinucbConfig(alpha=0.0, regularization=1e-9))
    shown = np.repeat([[0], [1]], 40, axis=0)
    segment = np.tile([0, 1], 40)
    policy.learn(feedback(queries(80, segment=segment), shown, (shown[:, 0] == segment)[:, None]))
    actions = policy.act(queries(2, segment=[0, 1]), slates([[1, 0], [1, 0]]), np.random.default_rng(0))
    assert actions.items.tolist() == [[0], [1]]
    assert (actions.propensities == 1.0).all()


def test_unseen_arms_tie_exactly():
    n = 4000
    asked = queries(n, features=np.random.default_rng(0).normal(size=(n, 3)))
    actions = Linucb(LinucbConfig()).act(asked, slates(np.tile([3, 5, 7], (n, 1))), np.random.default_rng(1))
    np.testing.assert_array_equal(actions.propensities, np.full((n, 1), 1 / 3))
    assert abs((actions.items == 5).mean() - 1 / 3) <= 5 * np.sqrt(2 / 9 / n)


def test_neural_heads_are_conjugate_regressions_on_the_representation():
    """The posterior of one arm by formula, on what the trained network gives; the network itself says something."""
    told = random_feedback(np.random.default_rng(6), 300)
    config = NeuralLinearConfig(
        hidden=(8, 5), steps=20, reward="amount", regularization=0.5, prior_shape=3.0, prior_spread=700.0
    )
    policy = NeuralLinear(config)
    policy.learn(told)
    asked = queries(1, features=np.array([[0.5, -1.25, 2.0]]))
    mean, scale, freedom = (own[0] for own in policy.posterior(asked, ITEM))
    contexts, rewards = _rows(told, 4)
    z, x = policy._represented(contexts), policy._represented(contexts_of(asked))[0]
    assert z.std(axis=0)[1:].max() > 0
    precision = 0.5 * np.eye(6) + z.T @ z
    theta = np.linalg.solve(precision, z.T @ rewards)
    shape = 3.0 + len(rewards) / 2
    rate = 3.0 * 700.0**2 + 0.5 * (rewards @ rewards - theta @ precision @ theta)
    np.testing.assert_allclose(mean[0], x @ theta, rtol=1e-8)
    np.testing.assert_allclose(scale[0], np.sqrt(rate / shape * (x @ np.linalg.solve(precision, x))), rtol=1e-8)
    assert freedom[0] == 2 * shape
    assert (mean[2], freedom[2]) == (0.0, 6.0)
    np.testing.assert_allclose(scale[2], 700.0 * np.sqrt(x @ x / 0.5), rtol=1e-12)


@pytest.mark.parametrize("steps", [0, 60])
def test_training_bends_the_representation_to_the_reward(steps):
    """Arm 0 sells where the first two features agree in sign, arm 1 elsewhere: no linear model sees that.

    Untrained features see some of it, trained ones more: 60 steps show the right arm in over 80 % of cases.
    """
    rng = np.random.default_rng(7)
    features = rng.normal(size=(1500, 2))
    shown = rng.integers(0, 2, (1500, 1))
    agree = (features[:, 0] * features[:, 1] > 0)[:, None]
    bought = np.where(shown == 0, agree, ~agree) & (rng.random((1500, 1)) < 0.9)
    policy = NeuralLinear(NeuralLinearConfig(hidden=(16, 8), steps=steps, learning_rate=0.03, propensity_draws=1))
    policy.learn(feedback(queries(1500, features=features), shown, bought))
    fresh = rng.normal(size=(1000, 2))
    actions = policy.act(queries(1000, features=fresh), slates(np.tile([0, 1], (1000, 1))), rng)
    right = ((actions.items[:, 0] == 0) == (fresh[:, 0] * fresh[:, 1] > 0)).mean()
    assert (right > 0.8) == (steps > 0), right

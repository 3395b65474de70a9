"""The normal-inverse-gamma posterior: against Bayes' rule on a grid, and the draws against Student's t."""

import numpy as np
from scipy import stats

from shop_policies.bandits.gaussian_thompson import GaussianThompson, GaussianThompsonConfig
from tests.plugins.shop_policies.bandit_inputs import feedback, queries, slates

CONFIG = GaussianThompsonConfig(prior_mean=200.0, prior_weight=2.0, prior_spread=300.0, prior_shape=1.5)
PAID = np.array([0, 0, 900, 0, 1250, 400])


def _taught(config=CONFIG):
    policy = GaussianThompson(config)
    items, amount = np.full((6, 1), 3), PAID[:, None]
    policy.learn(feedback(queries(6), items, amount > 0, amount=amount))
    return policy


def test_the_posterior_of_the_mean_is_that_of_bayes_rule():
    """Mean and quantiles of the marginal posterior, integrated on a grid of mean and log variance."""
    mean, weight, shape, rate = (float(own[0]) for own in _taught().posterior(np.array([3], dtype=np.int32)))
    found = stats.t(2 * shape, mean, np.sqrt(rate / (shape * weight)))
    mu = np.linspace(-3000, 4000, 1401)[:, None]
    log_variance = np.linspace(np.log(1e3), np.log(1e9), 700)[None, :]
    variance = np.exp(log_variance)
    log_density = stats.invgamma(1.5, scale=1.5 * 300.0**2).logpdf(variance) + log_variance
    log_density = log_density + stats.norm(200.0, np.sqrt(variance / 2.0)).logpdf(mu)
    for paid in PAID:
        log_density = log_density + stats.norm(mu, np.sqrt(variance)).logpdf(paid)
    density = np.exp(log_density - log_density.max()).sum(axis=1)
    below = np.cumsum(density / density.sum())
    at = mu[:, 0] + 2.5  # the middle of a cell is its value, its upper end where it is summed up
    np.testing.assert_allclose(found.cdf(at), below, atol=2e-4)


def test_what_was_never_shown_has_the_prior():
    found = _taught().posterior(np.array([8], dtype=np.int32))
    assert [float(own[0]) for own in found] == [200.0, 2.0, 1.5, 1.5 * 300.0**2]


def test_propensities_equal_the_chance_of_two_arms():
    """P(T3 > T8) by integration of the two Student distributions; shares and claims within 5 standard errors."""
    draws = n = 20_000
    policy = GaussianThompson(GaussianThompsonConfig(**{**CONFIG.__dict__, "propensity_draws": draws}))
    policy.restore(_taught().state())
    laws = [
        stats.t(2 * shape, mean, np.sqrt(rate / (shape * weight)))
        for mean, weight, shape, rate in zip(*policy.posterior(np.array([3, 8], dtype=np.int32)), strict=True)
    ]
    at = np.linspace(-6000, 7000, 26_001)
    chance = float((laws[0].pdf(at) * laws[1].cdf(at)).sum() * 0.5)
    actions = policy.act(queries(n, 2), slates(np.tile([8, 3], (n, 1))), np.random.default_rng(0))
    first = actions.items[:, 0] == 3
    error = 5 * np.sqrt(chance * (1 - chance) / n)
    assert abs(first.mean() - chance) <= error
    np.testing.assert_allclose(actions.propensities[first], chance, atol=error)
    np.testing.assert_allclose(actions.propensities[~first], 1 - chance, atol=error)


def test_the_arm_that_brings_most_money_is_found():
    """Arm 2 sells less often than arm 1, for more: after 4,000 pages it takes over 90 % of the next ones."""
    rates, prices = np.array([0.1, 0.3, 0.2, 0.05]), np.array([1000, 500, 2000, 1500])
    policy, rng = GaussianThompson(GaussianThompsonConfig(propensity_draws=1)), np.random.default_rng(5)
    offered = slates(np.tile(np.arange(4), (200, 1)))
    for _ in range(20):
        items = policy.act(queries(200, 1), offered, rng).items
        bought = rng.random((200, 1)) < rates[items]
        policy.learn(feedback(queries(200, 1), items, bought, amount=np.where(bought, prices[items], 0)))
    assert (policy.act(queries(200, 1), offered, rng).items == 2).mean() > 0.9


def test_warm_start_holds_the_order():
    policy = GaussianThompson(GaussianThompsonConfig(prior_spread=1.0, prior_shape=10.0, warm_start=100.0))
    actions = policy.act(queries(500, 2), slates(np.tile([7, 1, 4], (500, 1))), np.random.default_rng(0))
    assert (actions.items == [7, 1]).all(axis=1).mean() > 0.99

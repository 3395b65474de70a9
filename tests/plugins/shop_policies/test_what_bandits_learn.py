"""Bandits and what they were told: in any order, by any batches, written down and read again."""

import importlib
from dataclasses import replace

import numpy as np
import pytest

from framework.errors import ConfigError, TrialError
from framework.kinds import Learns, Policy, Stored
from framework.records import Actions, Feedback, Responses
from tests.plugins.shop_policies.bandit_inputs import queries, random_feedback, slates

BANDITS = {
    "epsilon_greedy_means": ("EpsilonGreedyMeans", {}),
    "softmax": ("Softmax", {"over": "means", "temperature": 0.1}),
    "ucb1": ("Ucb1", {}),
    "thompson": ("Thompson", {"by_segment": True}),
    "gaussian_thompson": ("GaussianThompson", {"reward": "amount"}),
    "linucb": ("Linucb", {"reward": "amount", "alpha": 300.0}),
    "lin_thompson": ("LinThompson", {"reward": "amount", "v": 300.0}),
    "neural_linear": ("NeuralLinear", {"steps": 5, "hidden": (6, 4), "reward": "amount", "prior_spread": 300.0}),
}


def made(name):
    """Return a fresh bandit."""
    policy = getattr(importlib.import_module(f"shop_policies.bandits.{name}"), BANDITS[name][0])
    return policy(policy.Config(**BANDITS[name][1]))


def shown(policy, seed=5):
    rng = np.random.default_rng(3)
    asked = queries(50, 3, segment=rng.integers(-1, 2, 50), features=rng.normal(size=(50, 3)))
    offered = slates([rng.permutation(11)[:7] for _ in range(50)])
    actions = policy.act(asked, offered, np.random.default_rng(seed))
    return actions.items.tolist(), actions.propensities.tolist()


def joined(batches):
    """Return several batches as one."""

    def stacked(part, *names):
        return [np.concatenate([getattr(getattr(own, part), name) for own in batches]) for name in names]

    user, segment, features = stacked("queries", "user", "segment", "features")
    asked = queries(len(user), batches[0].queries.positions, segment=segment, features=features)
    actions = Actions(*stacked("actions", "items", "propensities"))
    return Feedback(asked, actions, Responses(*stacked("responses", "clicked", "bought", "amount", "visits", "orders")))


@pytest.mark.parametrize("name", BANDITS)
def test_order_and_size_of_batches_do_not_matter(name):
    """Bit for bit: the same page and the same propensity, whatever came first."""
    rng = np.random.default_rng(0)
    batches = [random_feedback(rng, n) for n in (40, 1, 75, 12)]
    found = []
    for told in (batches, batches[::-1], [joined(batches)], [batches[2], batches[0], joined(batches[1::2])]):
        policy = made(name)
        for batch in told:
            policy.learn(batch)
        found.append(shown(policy))
    assert all(other == found[0] for other in found[1:])
    assert found[0] != shown(made(name))


@pytest.mark.parametrize("name", BANDITS)
def test_asking_in_between_changes_nothing(name):
    rng = np.random.default_rng(1)
    one, two = random_feedback(rng), random_feedback(rng)
    asked, plain = made(name), made(name)
    for policy in (asked, plain):
        policy.learn(one)
        if policy is asked:
            shown(policy)
        policy.learn(two)
    assert shown(asked) == shown(plain)


@pytest.mark.parametrize("name", BANDITS)
def test_what_was_learned_is_written_down_and_read_again(name):
    policy, other = made(name), made(name)
    assert isinstance(policy, Policy)
    assert isinstance(policy, Learns)
    assert isinstance(policy, Stored)
    policy.learn(random_feedback(np.random.default_rng(2)))
    state = {key: value.copy() for key, value in policy.state().items()}
    other.restore(state)
    assert shown(other) == shown(policy)
    for policy_ in (policy, other):
        policy_.learn(random_feedback(np.random.default_rng(4)))
    assert shown(other) == shown(policy)


@pytest.mark.parametrize("name", BANDITS)
def test_pages_that_nobody_saw_teach_nothing(name):
    policy = made(name)
    told = random_feedback(np.random.default_rng(2))
    nobody = replace(told.responses, visits=np.zeros_like(told.responses.visits))
    policy.learn(replace(told, responses=nobody))
    assert shown(policy) == shown(made(name))


@pytest.mark.parametrize("name", ["linucb", "lin_thompson", "neural_linear"])
def test_another_number_of_features_is_refused(name):
    policy = made(name)
    policy.learn(random_feedback(np.random.default_rng(2), features=2))
    with pytest.raises(TrialError, match="3 numbers a visitor and is now given 4"):
        shown(policy)


@pytest.mark.parametrize(
    ("name", "params", "match"),
    [
        ("epsilon_greedy_means", {"epsilon": 1.5}, "epsilon"),
        ("epsilon_greedy_means", {"prior_weight": 0.0}, "prior_weight"),
        ("softmax", {"temperature": 0.0}, "temperature"),
        ("softmax", {"prior_mean": float("nan")}, "prior_mean"),
        ("ucb1", {"exploration": -1.0}, "exploration"),
        ("gaussian_thompson", {"prior_spread": 0.0}, "prior_spread"),
        ("gaussian_thompson", {"warm_start": -1.0}, "warm_start"),
        ("linucb", {"alpha": -0.1}, "alpha"),
        ("linucb", {"regularization": 0.0}, "regularization"),
        ("lin_thompson", {"v": 0.0}, "v is"),
        ("lin_thompson", {"propensity_draws": 0}, "propensity_draws"),
        ("neural_linear", {"hidden": ()}, "hidden"),
        ("neural_linear", {"steps": -1}, "steps"),
    ],
)
def test_bad_parameters_are_named(name, params, match):
    policy = getattr(importlib.import_module(f"shop_policies.bandits.{name}"), BANDITS[name][0])
    with pytest.raises(ConfigError, match=match):
        policy.Config(**params)

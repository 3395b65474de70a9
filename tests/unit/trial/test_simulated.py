"""Simulated evidence: common random numbers, independent arms, learning between batches."""

import numpy as np
import pytest

from framework.data.tables import Dataset
from framework.errors import ConfigError, TrialError
from framework.records import Feedback
from framework.trial.population import Population
from framework.trial.simulated import simulated_trial
from tests.unit.trial.arms import Coin, Counts, Remembers, strategy

CHANCES = np.linspace(0.05, 0.8, 20)


def hold(population: Population, strategies, design: str = "paired", **settings):
    defaults = {"batches": 4, "users": None, "shares": {}, "salt": "s", "candidates": 5, "seed": 0}
    return simulated_trial(strategies, population, Coin(CHANCES), design=design, **(defaults | settings))


def test_equal_strategies_have_equal_outcomes_under_common_random_numbers(
    data: Dataset, population: Population
) -> None:
    trial = hold(population, {name: strategy(name, (3, 5, 9), data) for name in "ab"})
    np.testing.assert_array_equal(trial.outcomes["a"].bought, trial.outcomes["b"].bought)
    assert len(trial.outcomes["a"]) == len(data.users)


def test_a_user_answers_an_item_alike_wherever_it_is_shown(data: Dataset, population: Population) -> None:
    trial = hold(population, {"a": strategy("a", (3, 5, 9), data), "b": strategy("b", (9, 1, 3), data)})
    a, b = trial.outcomes["a"].bought, trial.outcomes["b"].bought
    np.testing.assert_array_equal(a[:, 0], b[:, 2])
    np.testing.assert_array_equal(a[:, 2], b[:, 0])


def test_independent_arms_split_the_users(data: Dataset, population: Population) -> None:
    trial = hold(population, {name: strategy(name, (3, 5, 9), data) for name in "ab"}, design="independent")
    a, b = trial.outcomes["a"].units, trial.outcomes["b"].units
    assert not set(a) & set(b)
    assert set(a) | set(b) == set(data.users)


def test_frequencies_are_those_of_the_simulator(data: Dataset, population: Population) -> None:
    outcomes = [
        hold(population, {name: strategy(name, (3, 12, 19), data) for name in "ab"}, seed=seed).outcomes["a"]
        for seed in range(30)
    ]
    share = np.mean([outcome.bought.mean(axis=0) for outcome in outcomes], axis=0)
    error = np.sqrt(CHANCES[[3, 12, 19]] * (1 - CHANCES[[3, 12, 19]]) / (30 * len(data.users)))
    assert (np.abs(share - CHANCES[[3, 12, 19]]) < 4 * error).all()


def test_a_learning_policy_is_told_of_every_user_once(data: Dataset, population: Population) -> None:
    told: list[Feedback] = []
    policy = Remembers(told)
    trial = hold(population, {"a": strategy("a", (3, 5, 9), data, policy), "b": strategy("b", (1, 2, 3), data)})
    assert len(told) == 4
    users = np.concatenate([feedback.queries.user for feedback in told])
    np.testing.assert_array_equal(np.sort(users), np.arange(len(data.users)))
    total = sum(int(feedback.responses.bought.sum()) for feedback in told)
    assert total == trial.outcomes["a"].bought.sum()


def test_what_a_policy_learns_in_a_trial_stays_in_it(data: Dataset, population: Population) -> None:
    learner = strategy("a", (3, 5, 9), data, Counts())
    arms = {"a": learner, "b": strategy("b", (1, 2, 3), data)}
    first, again = (hold(population, arms).outcomes["a"].items for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert learner.default.policy.batches == 0


def test_the_seed_decides(data: Dataset, population: Population) -> None:
    arms = {name: strategy(name, (3, 5, 9), data) for name in "ab"}
    first, again, other = (hold(population, arms, seed=seed).outcomes["a"].bought for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_users_can_be_capped(data: Dataset, population: Population) -> None:
    trial = hold(population, {name: strategy(name, (3, 5, 9), data) for name in "ab"}, users=50)
    assert len(trial.outcomes["a"]) == 50


def test_an_unknown_design_is_refused(data: Dataset, population: Population) -> None:
    with pytest.raises(ConfigError, match="'crossed'"):
        hold(population, {"a": strategy("a", (1, 2, 3), data)}, design="crossed")


def test_random_numbers_stay_common_beside_an_arm_that_learns(data: Dataset, population: Population) -> None:
    everything = tuple(range(len(data.items)))[:3]
    arms = {"a": strategy("a", everything, data), "b": strategy("b", everything, data, Remembers())}
    trial = hold(population, arms)
    np.testing.assert_array_equal(trial.outcomes["a"].bought, trial.outcomes["b"].bought)


def test_an_arm_without_users_is_named(data: Dataset, population: Population) -> None:
    arms = {name: strategy(name, (1, 2, 3), data) for name in "ab"}
    with pytest.raises(TrialError, match="strategy 'b' got"):
        hold(population, arms, design="independent", shares={"a": 1e9, "b": 1.0})

"""Sequential estimators on a Markov decision process of three states, whose values a linear system gives exactly."""

import numpy as np
import pytest

from framework.errors import ConfigError, TrialError
from framework.records import WeightedTrajectories
from framework.stats.off_policy import value_interval
from shop_estimators.sequential.fitted_q import FittedQ, FittedQConfig
from shop_estimators.sequential.per_decision import PerDecision, PerDecisionConfig
from tests.plugins.shop_estimators.small_process import ACTIONS, DISCOUNT, EARNS, FIRST, MOVES, STATES, exact_value, log


@pytest.mark.parametrize("self_normalised", [False, True])
def test_per_decision_holds_the_exact_value(self_normalised):
    found = PerDecision(PerDecisionConfig(DISCOUNT, self_normalised)).estimate(log(40_000, 3))
    interval = value_interval(found.terms)
    assert interval.standard_error < 0.01
    exact = exact_value(MOVES, EARNS, FIRST, steps=3)
    assert found.value == pytest.approx(exact, abs=3.5 * interval.standard_error)


def test_per_decision_by_hand():
    trajectories = WeightedTrajectories(
        reward=np.array([[1.0, 1.0], [2.0, 9.0]]),
        weight=np.array([[0.5, 2.0], [2.0, 9.0]]),
        there=np.array([[True, True], [True, False]]),
    )
    found = PerDecision(PerDecisionConfig(0.5)).estimate(trajectories)
    np.testing.assert_allclose(found.terms, [0.5 + 0.5 * 1.0, 4.0])
    normalised = PerDecision(PerDecisionConfig(0.5, self_normalised=True)).estimate(trajectories)
    # Steps by themselves: (.5 + 4) / 2.5, and half of 1 / (1 + 2): who has ended keeps the weight 2 and earns 0.
    assert normalised.value == pytest.approx(4.5 / 2.5 + 0.5 / 3.0)


def test_a_reward_is_not_weighted_by_what_came_later():
    one = log(500, 3, seed=1)
    later = one.weight.copy()
    later[:, 2] *= 3
    worth_nothing = np.where(np.arange(3) < 2, one.reward, 0.0)
    first, other = (
        PerDecision(PerDecisionConfig()).estimate(WeightedTrajectories(worth_nothing, w, one.there))
        for w in (one.weight, later)
    )
    np.testing.assert_array_equal(first.terms, other.terms)


def test_fitted_q_solves_the_process_that_the_log_counts():
    """With one-hot states it must equal the linear system of the log's own shares and means: a table, exactly."""
    trajectories = log(3000, 60, seed=2)
    assert trajectories.cut_off is None
    state = trajectories.state.argmax(axis=2)
    visits, earned = np.zeros((STATES, ACTIONS)), np.zeros((STATES, ACTIONS))
    moves = np.zeros((STATES, ACTIONS, STATES))
    for i, t in np.argwhere(trajectories.there):
        cell = state[i, t], trajectories.action[i, t]
        visits[cell] += 1
        earned[cell] += trajectories.reward[i, t]
        if t + 1 < 60 and trajectories.there[i, t + 1]:
            moves[(*cell, state[i, t + 1])] += 1
    first = np.bincount(state[:, 0], minlength=STATES) / len(state)
    exact = exact_value(moves / visits[..., None], earned / visits, first)
    found = FittedQ(FittedQConfig(DISCOUNT, penalty=1e-9)).estimate(trajectories)
    assert found.value == pytest.approx(exact, rel=1e-7)
    assert found.details["iterations"] < 200
    assert found.value == pytest.approx(exact_value(MOVES, EARNS, FIRST), abs=0.05)


def test_fitted_q_looks_beyond_a_cut():
    """A log cut after 2 steps has the same process: unmarked, the cut would pass for an end."""
    trajectories = log(20_000, 2, seed=3)
    assert trajectories.cut_off.mean() > 0.3
    exact = exact_value(MOVES, EARNS, FIRST)
    estimator = FittedQ(FittedQConfig(DISCOUNT))
    marked = estimator.estimate(trajectories).value
    unmarked = estimator.estimate(WeightedTrajectories(**{**trajectories.__dict__, "cut_off": None})).value
    assert marked == pytest.approx(exact, abs=0.03)
    assert unmarked < exact - 0.2


def test_fitted_q_says_when_it_has_no_bounds():
    """Off the policy's path a line learns itself upwards: from 1 to 2, and 2 is never seen (Tsitsiklis, Van Roy)."""
    n = 20
    trajectories = WeightedTrajectories(
        reward=np.ones((n, 1)) + 0.1 * np.arange(n)[:, None],
        weight=np.ones((n, 1)),
        there=np.ones((n, 1), dtype=bool),
        state=np.stack([np.linspace(0.5, 1.5, n), np.linspace(1.0, 3.0, n)], axis=1)[..., None],
        action=np.zeros((n, 1), dtype=np.int32),
        target=np.ones((n, 2, 1)),
        cut_off=np.ones(n, dtype=bool),
    )
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(TrialError, match="without bounds"):
        FittedQ(FittedQConfig(0.99)).estimate(trajectories)


def test_gaps_and_missing_states_are_refused():
    gap = np.array([[True, False, True]] * 2)
    ones = np.ones((2, 3))
    with pytest.raises(TrialError, match="after its end"):
        PerDecision(PerDecisionConfig()).estimate(WeightedTrajectories(ones, ones, gap))
    bare = WeightedTrajectories(ones, ones, np.ones((2, 3), dtype=bool))
    with pytest.raises(TrialError, match="without state, action, target"):
        FittedQ(FittedQConfig()).estimate(bare)
    short = {"state": np.ones((2, 3, 1)), "target": np.ones((2, 4, 1)), "action": np.zeros((2, 3), dtype=np.int32)}
    with pytest.raises(TrialError, match=r"state has shape \(2, 3, 1\)"):
        FittedQ(FittedQConfig()).estimate(WeightedTrajectories(**{**bare.__dict__, **short}))


@pytest.mark.parametrize("config", [PerDecisionConfig, FittedQConfig])
def test_discount_is_a_share(config):
    with pytest.raises(ConfigError, match=r"discount is 1\.5"):
        config(discount=1.5)

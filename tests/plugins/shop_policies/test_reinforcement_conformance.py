"""Policies that learn by reinforcement pass the shipped suite in their other forms too, and can be stored."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from framework.kinds import Stored
from framework.records import Feedback
from framework.testing import PolicyTests
from framework.testing.fingerprint import fingerprint
from framework.testing.policy import _responses
from shop_policies.reinforcement.bcq import Bcq
from shop_policies.reinforcement.behaviour_cloning import BehaviourCloning
from shop_policies.reinforcement.discrete_cql import DiscreteCql
from shop_policies.reinforcement.dqn import Dqn
from shop_policies.reinforcement.expected_sarsa import ExpectedSarsa
from shop_policies.reinforcement.q_learning import QLearning
from shop_policies.reinforcement.sarsa import Sarsa


class TestMoneySarsa(PolicyTests):
    component = "shop_policies.reinforcement.sarsa:Sarsa"
    params: ClassVar[dict[str, Any]] = {"reward": "amount", "alpha": 0.2, "trust": 1.0, "by_segment": False}


class TestBoldDqn(PolicyTests):
    component = "shop_policies.reinforcement.dqn:Dqn"
    params: ClassVar[dict[str, Any]] = {"epsilon": 0.7, "updates": 10, "items": 20, "double": False, "dueling": False}


POLICIES = (QLearning, Sarsa, ExpectedSarsa, Dqn, DiscreteCql, Bcq, BehaviourCloning)


@pytest.mark.parametrize("kind", POLICIES)
def test_a_restored_policy_answers_as_the_stored_one(kind: Any) -> None:
    small = {} if issubclass(kind, QLearning | Sarsa | ExpectedSarsa) else {"updates": 5, "items": 20}
    suite = PolicyTests()
    learned = kind(kind.Config(**small))
    queries, slates = suite.queries(), suite.slates()
    actions = learned.act(queries, slates, np.random.default_rng(0))
    learned.learn(Feedback(queries, actions, _responses(actions.items)))
    assert isinstance(learned, Stored)
    state = {name: np.array(value) for name, value in learned.state().items()}
    assert not any(value.dtype == object for value in state.values())
    fresh = kind(kind.Config(**small))
    before = fingerprint(fresh.act(queries, slates, np.random.default_rng(1)))
    fresh.restore(state)
    after = fingerprint(fresh.act(queries, slates, np.random.default_rng(1)))
    assert after == fingerprint(learned.act(queries, slates, np.random.default_rng(1)))
    assert after != before
    assert fingerprint(fresh.state()) == fingerprint(state)

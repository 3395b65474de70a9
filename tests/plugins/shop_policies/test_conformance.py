"""Every policy of the package passes the shipped suite, with its defaults and with its other forms."""

from typing import Any, ClassVar

from framework.testing import PolicyTests


class TestGreedy(PolicyTests):
    component = "shop_policies.greedy:Greedy"
    name = "greedy"


class TestEpsilonGreedy(PolicyTests):
    component = "shop_policies.epsilon_greedy:EpsilonGreedy"
    name = "epsilon_greedy"


class TestBoldEpsilonGreedy(PolicyTests):
    component = "shop_policies.epsilon_greedy:EpsilonGreedy"
    params: ClassVar[dict[str, Any]] = {"epsilon": 0.7}


class TestThompson(PolicyTests):
    component = "shop_policies.thompson:Thompson"
    name = "thompson"


class TestThompsonBySegment(PolicyTests):
    component = "shop_policies.thompson:Thompson"
    params: ClassVar[dict[str, Any]] = {
        "by_segment": True,
        "warm_start": 3.0,
        "reward": "clicked",
        "propensity_draws": 60,
    }

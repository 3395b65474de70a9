"""Every policy of the package passes the shipped suite, with its defaults and with its other forms."""

from typing import Any, ClassVar

from framework.testing import PolicyTests


class TestGreedy(PolicyTests):
    component = "shop_policies.greedy:Greedy"
    name = "greedy"


class TestEpsilonGreedy(PolicyTests):
    component = "shop_policies.bandits.epsilon_greedy:EpsilonGreedy"
    name = "epsilon_greedy"


class TestBoldEpsilonGreedy(PolicyTests):
    component = "shop_policies.bandits.epsilon_greedy:EpsilonGreedy"
    params: ClassVar[dict[str, Any]] = {"epsilon": 0.7}


class TestThompson(PolicyTests):
    component = "shop_policies.bandits.thompson:Thompson"
    name = "thompson"


class TestThompsonBySegment(PolicyTests):
    component = "shop_policies.bandits.thompson:Thompson"
    params: ClassVar[dict[str, Any]] = {
        "by_segment": True,
        "warm_start": 3.0,
        "reward": "clicked",
        "propensity_draws": 60,
    }


class TestBoltzmannMeans(PolicyTests):
    component = "shop_policies.bandits.softmax:Softmax"
    params: ClassVar[dict[str, Any]] = {"over": "means", "temperature": 0.02, "reward": "clicked"}


class TestColdSoftmax(PolicyTests):
    component = "shop_policies.bandits.softmax:Softmax"
    params: ClassVar[dict[str, Any]] = {"temperature": 0.3, "standardise": False, "propensity_draws": 300}


class TestUcb1BySegment(PolicyTests):
    component = "shop_policies.bandits.ucb1:Ucb1"
    params: ClassVar[dict[str, Any]] = {"by_segment": True, "exploration": 0.3}


class TestMoneyEpsilonGreedyMeans(PolicyTests):
    component = "shop_policies.bandits.epsilon_greedy_means:EpsilonGreedyMeans"
    params: ClassVar[dict[str, Any]] = {"reward": "amount", "by_segment": True, "epsilon": 0.4}


class TestGaussianThompsonBySegment(PolicyTests):
    component = "shop_policies.bandits.gaussian_thompson:GaussianThompson"
    params: ClassVar[dict[str, Any]] = {"reward": "bought", "prior_spread": 0.2, "by_segment": True, "warm_start": 0.1}


class TestMoneyLinThompson(PolicyTests):
    component = "shop_policies.bandits.lin_thompson:LinThompson"
    params: ClassVar[dict[str, Any]] = {"reward": "amount", "v": 200.0, "regularization": 3.0}

"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the policies."""
    return [
        Component(
            "policy",
            "greedy",
            "shop_policies.greedy:Greedy",
            "shows the recommender's first items, always",
            reference="Sutton, Barto 2018, section 2.2",
        ),
        Component(
            "policy",
            "epsilon_greedy",
            "shop_policies.bandits.epsilon_greedy:EpsilonGreedy",
            "shows a random candidate at each position with probability epsilon",
            reference="Sutton, Barto 2018, section 2.2",
        ),
        Component(
            "policy",
            "epsilon_greedy_means",
            "shop_policies.bandits.epsilon_greedy_means:EpsilonGreedyMeans",
            "shows what brought most so far, and a random candidate with probability epsilon",
            reference="Sutton, Barto 2018, sections 2.2, 2.4",
        ),
        Component(
            "policy",
            "softmax",
            "shop_policies.bandits.softmax:Softmax",
            "draws candidates by exp(score or learned mean / temperature)",
            reference="Luce 1959; Sutton, Barto 2018, section 2.8",
        ),
        Component(
            "policy",
            "ucb1",
            "shop_policies.bandits.ucb1:Ucb1",
            "shows what could still be the best: the upper ends of confidence intervals",
            reference="Auer, Cesa-Bianchi, Fischer, Machine Learning 2002",
        ),
        Component(
            "policy",
            "thompson",
            "shop_policies.bandits.thompson:Thompson",
            "learns what sells while the trial runs: Beta-Bernoulli Thompson sampling",
            reference="Thompson, Biometrika 1933; Chapelle, Li, NIPS 2011",
        ),
        Component(
            "policy",
            "gaussian_thompson",
            "shop_policies.bandits.gaussian_thompson:GaussianThompson",
            "Thompson sampling of any reward, money above all: a Gaussian likelihood",
            reference="Thompson, Biometrika 1933; Honda, Takemura, AISTATS 2014",
        ),
        Component(
            "policy",
            "linucb",
            "shop_policies.bandits.linucb:Linucb",
            "a linear model of each item's reward in what is known of the visitor, and its upper bound",
            reference="Li, Chu, Langford, Schapire, WWW 2010",
        ),
        Component(
            "policy",
            "lin_thompson",
            "shop_policies.bandits.lin_thompson:LinThompson",
            "Thompson sampling of a linear model of each item's reward",
            reference="Agrawal, Goyal, ICML 2013",
        ),
        Component(
            "policy",
            "neural_linear",
            "shop_policies.bandits.neural_linear:NeuralLinear",
            "Thompson sampling of linear models on what a small network learns",
            needs=("torch",),
            reference="Riquelme, Tucker, Snoek, ICLR 2018",
        ),
        Component(
            "policy",
            "ipw_policy",
            "shop_policies.learned.ipw_policy:IpwPolicy",
            "learned from a log by inverse propensity weighting, with a penalty on its uncertainty",
            needs=("scipy",),
            reference="Swaminathan, Joachims, JMLR 2015 and NIPS 2015",
        ),
        Component(
            "policy",
            "dr_policy",
            "shop_policies.learned.dr_policy:DrPolicy",
            "learned from a log by doubly robust values, with a penalty on their uncertainty",
            needs=("scipy",),
            reference="Dudik, Langford, Li, ICML 2011; Swaminathan, Joachims, JMLR 2015",
        ),
        Component(
            "policy",
            "q_learning",
            "shop_policies.reinforcement.q_learning:QLearning",
            "learns values of items by user state: the best of the next page counts too",
            reference="Watkins 1989; Sutton, Barto 2018, section 6.5",
        ),
        Component(
            "policy",
            "sarsa",
            "shop_policies.reinforcement.sarsa:Sarsa",
            "learns values of items by user state: what the next page will show counts too",
            reference="Rummery, Niranjan 1994; Sutton, Barto 2018, section 6.4",
        ),
        Component(
            "policy",
            "expected_sarsa",
            "shop_policies.reinforcement.expected_sarsa:ExpectedSarsa",
            "learns values of items by user state: what the next page shows on average counts too",
            reference="van Seijen, van Hasselt, Whiteson, Wiering, ADPRL 2009",
        ),
        Component(
            "policy",
            "dqn",
            "shop_policies.reinforcement.dqn:Dqn",
            "deep Q-learning of items from what is known of the user: double, dueling, from replay",
            needs=("torch",),
            reference="Mnih et al., Nature 2015; van Hasselt et al., AAAI 2016; Wang et al., ICML 2016",
        ),
        Component(
            "policy",
            "discrete_cql",
            "shop_policies.reinforcement.discrete_cql:DiscreteCql",
            "learns from a log, and holds down what the log did not show",
            needs=("torch",),
            reference="Kumar, Zhou, Tucker, Levine, NeurIPS 2020",
        ),
        Component(
            "policy",
            "bcq",
            "shop_policies.reinforcement.bcq:Bcq",
            "learns from a log, among what its policy would show",
            needs=("torch",),
            reference="Fujimoto, Conti, Ghavamzadeh, Pineau 2019",
        ),
        Component(
            "policy",
            "behaviour_cloning",
            "shop_policies.reinforcement.behaviour_cloning:BehaviourCloning",
            "does what the policy of a log most likely did: the baseline of learning from one",
            needs=("torch",),
            reference="Pomerleau, Neural Computation 1991",
        ),
    ]

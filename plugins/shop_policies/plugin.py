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
            "shop_policies.epsilon_greedy:EpsilonGreedy",
            "shows a random candidate at each position with probability epsilon",
            reference="Sutton, Barto 2018, section 2.2",
        ),
        Component(
            "policy",
            "thompson",
            "shop_policies.thompson:Thompson",
            "learns what sells while the trial runs: Beta-Bernoulli Thompson sampling",
            reference="Thompson, Biometrika 1933; Chapelle, Li, NIPS 2011",
        ),
    ]

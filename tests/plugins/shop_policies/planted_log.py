"""A log of decisions whose truth is known: chances of a purchase by action and context, every policy's exact value."""

import numpy as np

from framework.records import LoggedDecisions
from shop_policies.bandits.contexts import on_grid

ACTIONS, FEATURES = 8, 3


class PlantedLog:
    """Chances 0.3 + x' theta_a kept to [0.02, 0.98]; the logger is a softmax-linear policy with weights of its own."""

    def __init__(self, seed, logger=1.0):
        rng = np.random.default_rng([seed, 17])
        self.theta = rng.normal(0.0, 0.12, (ACTIONS, FEATURES))
        self.level = rng.normal(0.0, 0.08, ACTIONS)
        self.weights = rng.normal(0.0, logger, (ACTIONS, FEATURES + 1))
        self.crowd = on_grid(rng.normal(size=(20_000, FEATURES)))

    def chance(self, features):
        return np.clip(0.3 + self.level + features @ self.theta.T, 0.02, 0.98)

    def shown(self, features):
        logits = np.column_stack([np.ones(len(features)), features]) @ self.weights.T
        weight = np.exp(logits - logits.max(axis=1, keepdims=True))
        return weight / weight.sum(axis=1, keepdims=True)

    def draw(self, n, seed):
        """Return a log of n decisions."""
        rng = np.random.default_rng([seed, 18])
        features = on_grid(rng.normal(size=(n, FEATURES)))
        law = self.shown(features)
        action = (law.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=ACTIONS - 1)
        reward = rng.random(n) < self.chance(features)[np.arange(n), action]
        return LoggedDecisions(
            action=action.astype(np.int32),
            position=np.zeros(n, dtype=np.int32),
            reward=reward.astype(np.float64),
            propensity=law[np.arange(n), action],
            actions=tuple(f"a{place}" for place in range(ACTIONS)),
            positions=1,
            context=features,
            context_names=("x", "y", "z"),
        )

    def value(self, law):
        """Return the mean chance of a purchase over a crowd of 20,000 under `law`(features) -> (n, A)."""
        return float((law(self.crowd) * self.chance(self.crowd)).sum(axis=1).mean())

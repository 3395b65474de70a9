"""Deep Q-learning of pages: double, dueling, from replay, each of which can be switched off.

References: Mnih et al., "Human-level control through deep reinforcement learning" (Nature 2015); van Hasselt, Guez,
Silver, "Deep reinforcement learning with double Q-learning" (AAAI 2016); Wang et al., "Dueling network architectures
for deep reinforcement learning" (ICML 2016).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shop_policies.reinforcement.neural_policy import NeuralPolicy

if TYPE_CHECKING:
    from shop_policies.reinforcement.dqn_module import DqnModule, QLearner


class Dqn(NeuralPolicy):
    """Shows what deep Q-learning values most, and explores as epsilon_greedy does.

    Values come from a network that sees the user's features or segment and what came of the last page, and learns from
    a replay of feedback while the trial runs. A `capacity` as large as one batch of feedback is a replay switched off.
    """

    def make_module(self, learner: QLearner) -> DqnModule:
        """Return deep Q-learning's module."""
        from shop_policies.reinforcement.dqn_module import DqnModule

        return DqnModule(learner)

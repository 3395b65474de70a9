"""Behaviour cloning of pages: what the log's policy would most likely show. The baseline of what is learned offline.

Reference: Pomerleau, "Efficient training of artificial neural networks for autonomous navigation" (Neural Computation
1991).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from shop_policies.reinforcement.neural_policy import NeuralPolicy

if TYPE_CHECKING:
    from shop_policies.reinforcement.dqn_module import DqnModule, QLearner


class BehaviourCloning(NeuralPolicy):
    """Shows what was shown most in the user's state, whatever came of it; items that were never shown come last."""

    untried: ClassVar[float] = -1e9

    def make_module(self, learner: QLearner) -> DqnModule:
        """Return the cloner's module."""
        from shop_policies.reinforcement.behaviour_cloning_module import BehaviourCloningModule

        return BehaviourCloningModule(learner)

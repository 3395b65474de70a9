"""Behaviour cloning: doing what the log's policy most likely does. The baseline of what is learned offline.

Reference: Pomerleau, "Efficient training of artificial neural networks for autonomous navigation" (1991).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from shop_policies.reinforcement.dqn_module import DqnModule


class BehaviourCloningModule(DqnModule):
    """Learns P(a | s) by cross-entropy; the network's outputs are logits. Rewards play no part."""

    def loss(self, state: Tensor, action: Tensor, reward: Tensor, next_state: Tensor, ended: Tensor) -> Tensor:  # noqa: ARG002
        """Return the mean negative log-likelihood of what was done."""
        logits = self.network(state).masked_fill(~self.known, float("-inf"))
        return functional.cross_entropy(logits, action)

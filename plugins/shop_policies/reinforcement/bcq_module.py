"""Batch-constrained Q-learning for finite actions, from a fixed log.

Reference: Fujimoto, Conti, Ghavamzadeh, Pineau, "Benchmarking batch deep reinforcement learning algorithms" (2019),
section 4, discrete BCQ.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from shop_policies.reinforcement.dqn_module import DqnModule, QLearner
from shop_policies.reinforcement.q_network_module import QNetwork


class BcqModule(DqnModule):
    """Deep Q-learning among the actions that the log's policy takes.

    G(a | s) is learned by cross-entropy from the log; an action is permitted where G(a | s) / max G(. | s) is at least
    `threshold`: 0 permits all, so that it is deep Q-learning, 1 the likeliest alone, so that it clones.
    """

    def __init__(self, learner: QLearner, threshold: float, logit_penalty: float = 1e-2) -> None:
        super().__init__(learner)
        self.threshold, self.logit_penalty = threshold, logit_penalty
        self.behaviour = QNetwork(learner.features, learner.actions, learner.hidden)

    def forward(self, states: Tensor) -> Tensor:
        """Return the values (n, A); actions that are not permitted follow below them, in the order of G."""
        values, logits = self.network(states), self._log_behaviour(states)
        allowed = self._allowed(logits)
        lowest = values.masked_fill(~allowed, torch.inf).min(dim=1, keepdim=True).values
        return torch.where(allowed, values, lowest + logits - 1.0)

    def permitted(self, states: Tensor, values: Tensor) -> Tensor:
        """Return the values (n, A) with -inf for actions that are not permitted."""
        found: Tensor = values.masked_fill(~self._allowed(self._log_behaviour(states)), -torch.inf)
        return found

    def loss(self, state: Tensor, action: Tensor, reward: Tensor, next_state: Tensor, ended: Tensor) -> Tensor:
        """Return the Bellman error, the cross-entropy of the behaviour and the penalty on its logits."""
        bellman = self.bellman_loss(self.network(state), action, self.targets(reward, next_state, ended))
        logits = self.behaviour(state)
        likely = functional.cross_entropy(logits.masked_fill(~self.known, -torch.inf), action)
        whole: Tensor = bellman + likely + self.logit_penalty * logits.square().mean()
        return whole

    def _log_behaviour(self, states: Tensor) -> Tensor:
        return functional.log_softmax(self.behaviour(states).masked_fill(~self.known, -torch.inf), dim=1)

    def _allowed(self, log_behaviour: Tensor) -> Tensor:
        likeliest = log_behaviour.max(dim=1, keepdim=True).values
        likely: Tensor = (log_behaviour - likeliest).exp() >= self.threshold
        return likely & self.known

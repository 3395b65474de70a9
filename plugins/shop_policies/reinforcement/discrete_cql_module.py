"""Conservative Q-learning for finite actions, from a fixed log.

Reference: Kumar, Zhou, Tucker, Levine, "Conservative Q-learning for offline reinforcement learning" (NeurIPS 2020),
equation 4, CQL(H).
"""

from __future__ import annotations

import torch
from torch import Tensor

from shop_policies.reinforcement.dqn_module import DqnModule, QLearner


class DiscreteCqlModule(DqnModule):
    """Deep Q-learning with a weight on what the log does not show.

    The loss adds `conservatism` times mean(logsumexp over known a of Q(s, a) - Q(s, logged a)): values of actions that
    the log never took are pushed down.
    """

    def __init__(self, learner: QLearner, conservatism: float) -> None:
        super().__init__(learner)
        self.conservatism = conservatism

    def loss(self, state: Tensor, action: Tensor, reward: Tensor, next_state: Tensor, ended: Tensor) -> Tensor:
        """Return the Bellman error and the weighted gap to the soft maximum."""
        values = self.network(state)
        bellman = self.bellman_loss(values, action, self.targets(reward, next_state, ended))
        return bellman + self.conservatism * self.gap(values, action).mean()

    def gap(self, values: Tensor, action: Tensor) -> Tensor:
        """Return by how much the soft maximum of the values (n, A) exceeds that of what was done (n,)."""
        soft = torch.logsumexp(values.masked_fill(~self.known, -torch.inf), dim=1)
        return soft - values.gather(1, action[:, None])[:, 0]

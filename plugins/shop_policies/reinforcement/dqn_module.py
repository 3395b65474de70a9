"""Deep Q-learning as a Lightning module: double, dueling, with a target network.

References: Mnih et al., "Human-level control through deep reinforcement learning" (Nature 2015), algorithm 1; van
Hasselt, Guez, Silver, "Deep reinforcement learning with double Q-learning" (AAAI 2016), section "Double DQN".
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn import functional

from shop_policies.reinforcement.q_network_module import QNetwork
from shop_policies.reinforcement.transitions import Replay, Transitions


@dataclass(frozen=True)
class QLearner:
    """What every learner of action values has.

    `hidden`: sizes of the layers; `target_every`: gradient steps after which the target network becomes the learned
    one; `double`: the learned network chooses the next action and the target network values it, rather than the target
    network both; `dueling`: see `QNetwork`.
    """

    features: int
    actions: int
    hidden: tuple[int, ...] = (128, 128)
    gamma: float = 0.99
    learning_rate: float = 1e-3
    target_every: int = 100
    double: bool = True
    dueling: bool = True


class DqnModule(LightningModule):
    """Learns Q by the squared Bellman error, with Huber's loss, as Mnih et al. clip it.

    `known` (A,) are the actions that a next state may offer: all, unless it is told otherwise.
    """

    known: Tensor
    steps: Tensor

    def __init__(self, learner: QLearner) -> None:
        super().__init__()
        self.learner = learner
        self.network = QNetwork(learner.features, learner.actions, learner.hidden, dueling=learner.dueling)
        self.target = copy.deepcopy(self.network).requires_grad_(requires_grad=False)
        self.register_buffer("known", torch.ones(learner.actions, dtype=torch.bool))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.replay: Replay | None = None

    def forward(self, states: Tensor) -> Tensor:
        """Return what to prefer in each state (n, A): the values."""
        values: Tensor = self.network(states)
        return values

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:  # noqa: ARG002 - Lightning's
        """Return the loss."""
        return self.loss(*batch)

    def loss(self, state: Tensor, action: Tensor, reward: Tensor, next_state: Tensor, ended: Tensor) -> Tensor:
        """Return the mean loss of steps; see `Transitions` for the shapes."""
        values = self.network(state)
        return self.bellman_loss(values, action, self.targets(reward, next_state, ended))

    @staticmethod
    def bellman_loss(values: Tensor, action: Tensor, targets: Tensor) -> Tensor:
        """Return Huber's loss between the values of what was done and their targets."""
        return functional.smooth_l1_loss(values.gather(1, action[:, None])[:, 0], targets)

    @torch.no_grad()
    def targets(self, reward: Tensor, next_state: Tensor, ended: Tensor) -> Tensor:
        """Return r + gamma max Q'(s', a') (n,), and r where the episode ended."""
        valued = self.target(next_state)
        chooser = self.network(next_state) if self.learner.double else valued
        best = self.permitted(next_state, chooser).argmax(dim=1, keepdim=True)
        following: Tensor = valued.gather(1, best)[:, 0]
        return reward + self.learner.gamma * torch.where(ended, 0.0, following)

    def permitted(self, states: Tensor, values: Tensor) -> Tensor:  # noqa: ARG002 - others look at the states
        """Return the values (n, A) with -inf for actions that are not to be chosen."""
        return values.masked_fill(~self.known, -torch.inf)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam over all that is learned."""
        learned = [weight for weight in self.parameters() if weight.requires_grad]
        return torch.optim.Adam(learned, lr=self.learner.learning_rate)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's
        """Count the step."""
        self.stepped()

    def stepped(self) -> None:
        """Count a gradient step, and every `target_every` of them renew the target network."""
        self.steps += 1
        if int(self.steps) % self.learner.target_every == 0:
            self.target.load_state_dict(self.network.state_dict())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the steps kept for replay, without which a training could not go on as it would have."""
        if self.replay is not None:
            checkpoint["replay"] = {name: torch.from_numpy(array) for name, array in self.replay.state().items()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take them over again."""
        if self.replay is not None:
            self.replay.restore({name: tensor.numpy() for name, tensor in checkpoint["replay"].items()})


def tensors(steps: Transitions) -> tuple[Tensor, ...]:
    """Return steps as a module's batch."""
    return tuple(torch.from_numpy(np.ascontiguousarray(getattr(steps, name))) for name in Transitions.names())

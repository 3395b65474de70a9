"""Batch-constrained Q-learning of pages, from a log: the best among what the log's policy would show.

Reference: Fujimoto, Conti, Ghavamzadeh, Pineau, "Benchmarking batch deep reinforcement learning algorithms" (2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from framework.errors import ConfigError
from shop_policies.reinforcement.neural_policy import NeuralPolicy, NeuralPolicyConfig

if TYPE_CHECKING:
    from shop_policies.reinforcement.dqn_module import DqnModule, QLearner


@dataclass(frozen=True)
class BcqConfig(NeuralPolicyConfig):
    """As dqn's, and `threshold`: the least chance of an item in the log, as a share of the likeliest item's."""

    threshold: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.threshold <= 1.0:
            raise ConfigError(f"threshold is {self.threshold}", allowed="a number from 0 to 1")


class Bcq(NeuralPolicy):
    """Shows the items of highest value among those that the log's policy shows often, then the others by how often.

    For logs (`log`); feedback of the trial is added to what it learns from.
    """

    Config: ClassVar[type[NeuralPolicyConfig]] = BcqConfig
    untried: ClassVar[float] = -1e9
    config: BcqConfig

    def make_module(self, learner: QLearner) -> DqnModule:
        """Return batch-constrained Q-learning's module."""
        from shop_policies.reinforcement.bcq_module import BcqModule

        return BcqModule(learner, self.config.threshold)

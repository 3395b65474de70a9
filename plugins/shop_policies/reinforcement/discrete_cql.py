"""Conservative Q-learning of pages, from a log: items that the log did not show are held down.

Reference: Kumar, Zhou, Tucker, Levine, "Conservative Q-learning for offline reinforcement learning" (NeurIPS 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from framework.errors import ConfigError
from shop_policies.reinforcement.neural_policy import NeuralPolicy, NeuralPolicyConfig

if TYPE_CHECKING:
    from shop_policies.reinforcement.dqn_module import DqnModule, QLearner


@dataclass(frozen=True)
class DiscreteCqlConfig(NeuralPolicyConfig):
    """As dqn's, and `conservatism`: the weight of the penalty (the paper's alpha); 0 is deep Q-learning."""

    conservatism: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.conservatism >= 0.0:
            raise ConfigError(f"conservatism is {self.conservatism}", allowed="a number from 0")


class DiscreteCql(NeuralPolicy):
    """Shows what conservative Q-learning values most; items that were never shown come last.

    For logs (`log`); feedback of the trial is added to what it learns from.
    """

    Config: ClassVar[type[NeuralPolicyConfig]] = DiscreteCqlConfig
    untried: ClassVar[float] = -1e9
    config: DiscreteCqlConfig

    def make_module(self, learner: QLearner) -> DqnModule:
        """Return conservative Q-learning's module."""
        from shop_policies.reinforcement.discrete_cql_module import DiscreteCqlModule

        return DiscreteCqlModule(learner, self.config.conservatism)

"""Whether groups of users really respond differently."""

from framework.stats.segments.interaction import (
    InteractionTest,
    classical_interaction,
    interaction,
    interaction_of_effects,
    qualitative_interaction,
)
from framework.stats.segments.shrinkage import Shrunken, shrink
from framework.stats.segments.splitting import cross_fitted, folds, forward_fitted, guidance, learning_half, over_folds
from framework.stats.segments.tau import tau_squared
from framework.stats.segments.winner import Winner, best_segment

__all__ = [
    "InteractionTest",
    "Shrunken",
    "Winner",
    "best_segment",
    "classical_interaction",
    "cross_fitted",
    "folds",
    "forward_fitted",
    "guidance",
    "interaction",
    "interaction_of_effects",
    "learning_half",
    "over_folds",
    "qualitative_interaction",
    "shrink",
    "tau_squared",
]

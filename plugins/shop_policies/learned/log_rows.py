"""A log of decisions as a policy learns from it: contexts on the bandits' grid, rewards, chances, units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError
from framework.records import LoggedDecisions
from shop_policies.bandits.contexts import on_grid


@dataclass(frozen=True)
class LogRows:
    """n decisions among A actions: contexts (n, 1 + F) of a constant and the features, and what each came to."""

    contexts: NDArray[np.float64]
    action: NDArray[np.intp]
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64]
    unit: NDArray[np.int64]
    actions: int

    @staticmethod
    def of(decisions: LoggedDecisions) -> LogRows:
        """Return the log's rows; places of a page count as decisions of their own.

        Raises DataError where the log has no rows, or no chances, or one that is not above 0 and at most 1.
        """
        n = len(decisions)
        chance = decisions.propensity
        if not n:
            raise DataError("The log of decisions is empty, so no policy can be learned from it")
        if chance is None:
            raise DataError(
                "The log does not say with which probability it showed what it showed",
                hint="A policy can be learned from logs with propensities only; let the shop log them.",
            )
        if not ((chance > 0.0) & (chance <= 1.0)).all():
            raise DataError("The log holds a propensity that is not above 0 and at most 1")
        features = np.zeros((n, 0)) if decisions.context is None else on_grid(decisions.context)
        unit = np.arange(n) if decisions.unit is None else decisions.unit
        contexts = np.concatenate([np.ones((n, 1)), features], axis=1)
        return LogRows(
            contexts,
            decisions.action.astype(np.intp),
            decisions.reward.astype(np.float64),
            chance.astype(np.float64),
            np.unique(unit, return_inverse=True)[1].reshape(-1),
            len(decisions.actions),
        )

"""The first k shown positions of an outcome, checked: what every metric "@k" starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, TrialError
from framework.records import Outcomes


def checked_k(k: int, metric: str) -> int:
    """Return `k`; raises ConfigError where it is no positive whole number."""
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ConfigError(f"metric '{metric}': k is {k!r}", allowed="a whole number from 1")
    return k


def shown(outcomes: Outcomes, k: int, label: str) -> NDArray[np.int32]:
    """Return the items (n, k) of the first k positions, -1 where a position stayed empty.

    Raises TrialError where fewer than k positions were shown: a metric at k would then silently be one at less.
    """
    positions = outcomes.items.shape[1]
    if k > positions:
        raise TrialError(
            f"{label} looks at {k} positions, but the {outcomes.evidence} trial shows {positions}",
            allowed=f"k from 1 to {positions}",
            hint=f"Lower the metric's k or set trial.positions={k}.",
        )
    return outcomes.items[:, :k]


def hits(outcomes: Outcomes, k: int, label: str) -> NDArray[np.bool_]:
    """Return (n, k): the item at this position was shown and bought. Raises TrialError as `shown` does."""
    return outcomes.bought[:, :k] & (shown(outcomes, k, label) >= 0)


def relevant(outcomes: Outcomes, label: str) -> NDArray[np.int32]:
    """Return how many distinct items each unit (n,) bought, shown or not.

    Raises TrialError where the evidence cannot know that: a simulated user only answers to what is shown.
    """
    if outcomes.relevant is None:
        raise TrialError(
            f"{label} needs all that a user bought, and {outcomes.evidence} evidence knows only of the items shown",
            allowed="holdout evidence",
            hint="Read it from the holdout trial, or use conversion here.",
        )
    return outcomes.relevant

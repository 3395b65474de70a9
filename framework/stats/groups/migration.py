"""Who changed segment between two moments, and whether by what they did or only by time going on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.groups.agreement import Labels, contingency

AGEING = ("recency_days", "tenure_days", "days_since_view")
"""The user features that grow by a day a day for a user who does nothing; all others stay."""


@dataclass(frozen=True)
class Migration:
    """Users (K, K) by their segment before (rows) and after (columns), at the same model's segments.

    `moved` = `aged` + `acted` off the diagonal: a user who would be in the later segment without having done anything
    "only aged", every other mover "acted differently". `held` (K,) counts the users who stayed in a segment that they
    would have left without doing anything, and `stayed` (K,) all others who stayed.
    """

    counts: NDArray[np.int64]
    aged: NDArray[np.int64]
    acted: NDArray[np.int64]
    held: NDArray[np.int64]
    stayed: NDArray[np.int64]

    @property
    def users(self) -> int:
        """All users compared."""
        return int(self.counts.sum())

    @property
    def moved(self) -> int:
        """Users whose segment changed."""
        return self.users - int(np.trace(self.counts))


def migration(before: Labels, after: Labels, idle: Labels, groups: int) -> Migration:
    """Return how users moved from one moment to a later one.

    Args:
        before: each user's segment (n,) at the earlier moment, from 0; only users known at both.
        after: the same users' segments (n,) at the later moment, by the same fitted model.
        idle: their segments (n,) at the later moment had they done nothing since: by the model from features as `aged`.
        groups: K.

    Raises:
        TrialError: as `contingency`.
    """
    counts = contingency(before, after, (groups, groups))
    start, end, still = (np.asarray(labels) for labels in (before, after, idle))
    if len(still) != len(start):
        raise TrialError(f"idle has {len(still)} labels", allowed=f"{len(start)}, one a user")
    moved = start != end
    by_age = moved & (still == end)
    each = (groups, groups)
    stayed = np.bincount(start[~moved & (still == start)], minlength=groups)
    return Migration(
        counts=counts,
        aged=contingency(start[by_age], end[by_age], each),
        acted=contingency(start[moved & ~by_age], end[moved & ~by_age], each),
        held=np.diagonal(counts) - stayed,
        stayed=stayed,
    )


def aged(names: Sequence[str], values: NDArray[np.float64], days: float) -> NDArray[np.float64]:
    """Return user features (n, F) `days` later for users who do nothing: what `AGEING` names grows, the rest stays."""
    if days < 0:
        raise TrialError(f"days is {days}", allowed="0 or more: the later moment comes after the earlier one")
    return np.asarray(values + np.where(np.isin(list(names), AGEING), float(days), 0.0), dtype=np.float64)

"""Would the same groups come of other users of the same kind: refits on resamples, compared on all users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.groups.agreement import Labels, adjusted_rand, checked, contingency

Refit = Callable[[NDArray[np.intp], np.random.Generator], Labels]
"""Fits on the users at these places (with repetitions) and returns the group, by that fit, of all n users."""


@dataclass(frozen=True)
class Stability:
    """Agreement of `resamples` refits with the segmentation itself.

    `adjusted_rand` is the mean over refits, `low` and `high` hold the middle `confidence` of them. `groups` (K,) is
    each group's mean Jaccard index with the group of a refit that is most like it; Hennig calls groups below .5
    dissolved, from .75 on valid, and from .85 on highly stable. NaN for a group without users.
    """

    adjusted_rand: float
    low: float
    high: float
    groups: tuple[float, ...]
    resamples: int
    confidence: float


def bootstrap_stability(
    labels: Labels,
    refit: Refit,
    *,
    rng: np.random.Generator,
    resamples: int = 50,
    confidence: float = 0.95,
    groups: int | None = None,
) -> Stability:
    """Return how far refits on bootstrap resamples give all users the groups that they have.

    Hennig, "Cluster-wise assessment of cluster stability", CSDA 2007 (the Jaccard index, and reading it);
    Ben-Hur, Elisseeff, Guyon, PSB 2002 (agreement over resamples). One group in every refit agrees fully with one
    group, which says nothing of structure.

    Args:
        labels: each user's group (n,), from 0, of the fit on all users.
        refit: fits on users (with repetitions) and labels all; draws only from the generator that it is given.
        rng: draws the resamples and seeds the refits: same state, same result.
        resamples: how many refits, 2 at least.
        confidence: what share of the refits lies between `low` and `high`.
        groups: K, where groups at the end have no users.

    Raises:
        TrialError: fewer than 2 resamples, no users, or a refit that does not label every user.
    """
    if resamples < 2:
        raise TrialError(f"resamples is {resamples}", allowed="2 or more")
    own = checked(labels)
    n = len(own)
    if n == 0:
        raise TrialError("there are no users to compare groupings on", allowed="one user or more")
    K = int(own.max()) + 1 if groups is None else groups
    agreement, likeness = np.empty(resamples), np.empty((resamples, K))
    for place, draw in enumerate(rng.spawn(resamples)):
        found = refit(draw.integers(0, n, n), draw)
        agreement[place] = adjusted_rand(own, found)
        likeness[place] = most_alike(contingency(own, found, (K, int(np.max(found)) + 1)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(agreement, [tail, 1 - tail])
    return Stability(
        adjusted_rand=float(agreement.mean()),
        low=float(low),
        high=float(high),
        groups=tuple(float(value) for value in likeness.mean(axis=0)),
        resamples=resamples,
        confidence=confidence,
    )


def most_alike(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each group (K,) of a contingency table (K, L) its highest Jaccard index with one of the others."""
    sizes = table.sum(axis=1)
    either = sizes[:, None] + table.sum(axis=0)[None, :] - table
    alike = (table / np.maximum(either, 1)).max(axis=1)
    return np.where(sizes > 0, alike, np.nan)

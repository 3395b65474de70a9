"""How far two groupings of the same users agree, whatever their groups are called: the adjusted Rand index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError

Labels = NDArray[np.integer]


def contingency(first: Labels, second: Labels, groups: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """Return how many users (K, L) are in group k of the first grouping and l of the second.

    Args:
        first: each user's group (n,), from 0.
        second: the same users' groups (n,) in the other grouping.
        groups: K and L, where groups without users count too; the highest labels plus 1 by default.

    Raises:
        TrialError: the groupings are of different lengths, or a label is outside 0 to K - 1.
    """
    one, other = checked(first), checked(second)
    if len(one) != len(other):
        raise TrialError(
            f"two groupings have {len(one)} and {len(other)} labels", allowed="one label a user, of the same users"
        )
    found = (int(one.max(initial=-1)) + 1, int(other.max(initial=-1)) + 1)
    K, L = found if groups is None else groups
    if found[0] > K or found[1] > L:
        raise TrialError(f"labels run to {found[0] - 1} and {found[1] - 1}", allowed=f"below {K} and {L}")
    return np.bincount(one * L + other, minlength=K * L).astype(np.int64).reshape(K, L)


def checked(labels: Labels) -> NDArray[np.int64]:
    """Return labels as whole numbers; raises TrialError where they are none, negative, or not one-dimensional."""
    array = np.asarray(labels)
    if array.ndim != 1 or (len(array) and not (np.issubdtype(array.dtype, np.integer) and array.min() >= 0)):
        raise TrialError("labels are no list of groups", allowed="whole numbers from 0, one a user")
    return array.astype(np.int64)


def adjusted_rand(first: Labels, second: Labels) -> float:
    """Return the adjusted Rand index: 1 for equal groupings, 0 on average for unrelated ones; can be negative.

    Two groupings of one group each agree fully. Counts of pairs are whole numbers of any size, so nothing is rounded
    before the last division (Hubert, Arabie, "Comparing partitions", 1985; as scikit-learn's `adjusted_rand_score`).
    """
    table = contingency(first, second)
    n = int(table.sum())
    together = _pairs(table)
    one, other, every = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0)), n * (n - 1) // 2
    if together == one == other:
        return 1.0
    return 2 * (together * every - one * other) / ((one + other) * every - 2 * one * other)


def _pairs(counts: NDArray[np.int64]) -> int:
    return sum(int(count) * (int(count) - 1) // 2 for count in counts.ravel() if count > 1)

"""Which group of a new segmentation goes on which group of the old one, and how many users stay with theirs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.stats.groups.agreement import Labels, contingency


@dataclass(frozen=True)
class Matching:
    """Groups paired one to one so that as many users as possible are in paired groups.

    `pairs` are (old, new) in the order of the old groups, only those that share a user; `overlap` is each pair's
    Jaccard index: users in both over users in either. `agreement` is the share of the users that are in a pair: 1 where
    the groups only changed their numbers. `ended` are old groups and `begun` new ones without a partner, each with
    users. Of no users at all the agreement is NaN.
    """

    pairs: tuple[tuple[int, int], ...]
    overlap: tuple[float, ...]
    agreement: float
    ended: tuple[int, ...]
    begun: tuple[int, ...]

    def renumbered(self, labels: Labels, groups: int) -> NDArray[np.int64]:
        """Return new labels (n,) by the old groups' numbers; new groups without a partner follow from `groups` on."""
        highest = int(np.asarray(labels).max(initial=-1))
        table = np.full(highest + 1, -1, dtype=np.int64)
        for old, new in self.pairs:
            if new <= highest:
                table[new] = old
        free = np.flatnonzero(table < 0)
        table[free] = groups + np.arange(len(free))
        return table[np.asarray(labels)]


def match_groups(before: Labels, after: Labels, groups: tuple[int, int] | None = None) -> Matching:
    """Return the matching with the most users in paired groups, by the Hungarian method (Kuhn 1955; scipy).

    Args:
        before: each user's old group (n,), from 0; only users that both segmentations know.
        after: the same users' new groups (n,).
        groups: how many groups there are in each, where some have no users.

    Raises:
        TrialError: as `contingency`.
    """
    from scipy.optimize import linear_sum_assignment

    table = contingency(before, after, groups)
    n = int(table.sum())
    rows, columns = linear_sum_assignment(table, maximize=True)
    kept = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if table[row, column] > 0]
    old, new = table.sum(axis=1), table.sum(axis=0)
    return Matching(
        pairs=tuple(kept),
        overlap=tuple(float(table[r, c] / (old[r] + new[c] - table[r, c])) for r, c in kept),
        agreement=sum(int(table[pair]) for pair in kept) / n if n else float("nan"),
        ended=tuple(int(k) for k in np.flatnonzero(old > 0) if k not in {r for r, _ in kept}),
        begun=tuple(int(k) for k in np.flatnonzero(new > 0) if k not in {c for _, c in kept}),
    )

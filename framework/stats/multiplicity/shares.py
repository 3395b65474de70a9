"""A share of alpha for each hypothesis: weighted corrections, the fallback procedure, graphs that hand shares on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from framework.errors import TrialError
from framework.stats.multiplicity.adjust import checked_p_values

Floats = NDArray[np.float64]


def equal_shares(count: int) -> tuple[float, ...]:
    """Return `count` equal shares of alpha."""
    return (1 / count,) * count


def weighted_bonferroni(p_values: Sequence[float], shares: Sequence[float]) -> tuple[float, ...]:
    """Return p / share: each hypothesis is tested at its own share of alpha, whatever becomes of the others.

    `shares` (m,) are 0 or more and add up to 1; a share of 0 gives an adjusted p of 1. Family-wise error, any
    dependence.

    Raises:
        TrialError: for p-values outside [0, 1], another number of shares, negative ones, or a sum that is not 1.
    """
    p, share = _checked(p_values, shares)
    return tuple(_over(p, share).tolist())


def weighted_holm(p_values: Sequence[float], shares: Sequence[float]) -> tuple[float, ...]:
    """Return the step-down of `weighted_bonferroni` (Holm 1979): a rejected hypothesis leaves its share to the others.

    In order of p / share, each is tested at its share of what is left; equal shares give `holm`. Arguments and errors
    as for `weighted_bonferroni`. A hypothesis with share 0 is tested by none of it: its adjusted p is 1.
    """
    p, share = _checked(p_values, shares)
    ratio = np.divide(p, share, out=np.full_like(p, np.inf), where=share > 0)
    order = np.argsort(ratio, kind="stable")
    left = np.cumsum(share[order][::-1])[::-1]
    stepped = np.where(share[order] > 0, ratio[order], 1.0) * np.where(share[order] > 0, left, 1.0)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped)) if p.size else stepped
    return tuple(adjusted.tolist())


def fallback(p_values: Sequence[float], shares: Sequence[float]) -> tuple[float, ...]:
    """Return adjusted p-values of the fallback procedure (Wiens 2003), for hypotheses in their declared order.

    A hypothesis is tested at its own share of alpha plus what the rejected one before it was tested at; after one that
    is not rejected, the next starts with its own share alone. Unlike a fixed sequence it does not end there. All the
    share on the first gives the fixed sequence. Family-wise error, any dependence. Arguments and errors as for
    `weighted_bonferroni`.
    """
    p, share = _checked(p_values, shares)
    adjusted: list[float] = []
    for i in range(p.size):
        best, carried, before = np.inf, 0.0, 0.0
        # Over every start j of an unbroken run of rejections j .. i - 1 that hands its shares on to i.
        for j in range(i, -1, -1):
            carried += share[j]
            before = max(before, adjusted[j]) if j < i else 0.0
            if carried > 0:
                best = min(best, max(before, p[i] / carried))
        adjusted.append(float(min(1.0, best)))
    return tuple(adjusted)


def graph(p_values: Sequence[float], shares: Sequence[float], transitions: ArrayLike) -> tuple[float, ...]:
    """Return adjusted p-values of a sequentially rejective graph (Bretz, Maurer, Brannath and Posch 2009, algorithm 2).

    `transitions` (m, m): row i says what part of hypothesis i's share goes to each other one when i is rejected; parts
    are 0 or more, add up to at most 1 a row, 0 on the diagonal. Holm, fixed sequences, fallback and gatekeeping are
    graphs. `shares` may add up to less than 1. Family-wise error, any dependence; rows are tested in the order that the
    graph sets, ties by the lower index.

    Raises:
        TrialError: as for `weighted_bonferroni`, and for transitions of another shape or outside those limits.
    """
    p, share = _checked(p_values, shares, exhaust=False)
    if not p.size:
        return ()
    hand_on = _checked_transitions(transitions, p.size)
    adjusted, reached = np.ones_like(p), 0.0
    left = np.ones(p.size, dtype=bool)
    for _ in range(p.size):
        level = np.divide(p, share, out=np.full_like(p, np.inf), where=left & (share > 0))
        j = int(np.argmin(level))
        if not np.isfinite(level[j]):
            break
        reached = max(reached, min(1.0, float(level[j])))
        adjusted[j] = reached
        left[j] = False
        share = np.where(left, share + share[j] * hand_on[j], 0.0)
        there_and_back = hand_on[:, j] * hand_on[j]
        through = hand_on + np.outer(hand_on[:, j], hand_on[j])
        stays = 1 - there_and_back
        hand_on = np.divide(through, stays[:, None], out=np.zeros_like(through), where=stays[:, None] > 0)
        hand_on[j], hand_on[:, j] = 0.0, 0.0
        np.fill_diagonal(hand_on, 0.0)
    return tuple(adjusted.tolist())


def _over(p: Floats, share: Floats) -> Floats:
    return np.minimum(1.0, np.divide(p, share, out=np.ones_like(p), where=share > 0))


def _checked(p_values: Sequence[float], shares: Sequence[float], *, exhaust: bool = True) -> tuple[Floats, Floats]:
    p = checked_p_values(p_values)
    share = np.asarray(shares, dtype=np.float64)
    if share.shape != p.shape:
        raise TrialError(f"{p.size} p-values but {share.size} shares of alpha", allowed="one share each")
    total = float(share.sum())
    too_much = total > 1 + 1e-9
    if p.size and (not bool((share >= 0).all()) or too_much or (exhaust and total < 1 - 1e-9)):
        raise TrialError(
            f"shares of alpha are {', '.join(f'{s:g}' for s in share)}",
            allowed="0 or more each, 1 in all" if exhaust else "0 or more each, at most 1 in all",
        )
    return p, share


def _checked_transitions(transitions: ArrayLike, m: int) -> Floats:
    hand_on = np.array(transitions, dtype=np.float64)
    if hand_on.shape != (m, m):
        raise TrialError(f"transitions have shape {hand_on.shape} for {m} hypotheses", allowed=f"shape ({m}, {m})")
    if not bool((hand_on >= 0).all()) or bool((hand_on.sum(axis=1) > 1 + 1e-9).any()) or np.diag(hand_on).any():
        raise TrialError("transitions hand on what is not there", allowed="rows of 0 or more, at most 1, 0 to itself")
    return hand_on

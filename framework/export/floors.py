"""No group of fewer than k users in an export, nor where it is crossed with those before it.

A cell is what somebody can single out who holds all exports under one key: the users with one label in each of them, or
with none (Sweeney 2002, k-anonymity; differencing of releases: Dwork, Smith, Steinke and Ullman 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError

Labels = NDArray[np.int64]
METHODS = ("merge", "suppress")
OTHER = "other"
ABSENT = -1


@dataclass(frozen=True)
class Floored:
    """What may leave: `labels` (n,) index `names`, -1 for users who are left out.

    `merged` names the groups that became one, `suppressed` counts the users left out for small groups, `crossed` those
    left out because of earlier exports.
    """

    labels: Labels
    names: tuple[str, ...]
    merged: tuple[str, ...]
    suppressed: int
    crossed: int


def floored(
    labels: Labels, names: Sequence[str], floor: int, *, method: str = "merge", earlier: Sequence[Labels] = ()
) -> Floored:
    """Return labels without a cell under the floor.

    Small groups are merged into "other", with the smallest large group where they stay small together, or suppressed.
    Where an earlier export has a cell that this one would split into small parts, users of the parts are left out, and
    as many of its largest part as hide them, all of it where the rest would be small itself.

    Args:
        labels: (n,) of the users, in an order that tells nothing of them, -1 for nobody's.
        names: of the labels.
        floor: users that a cell must have, if it has any.
        method: "merge" or "suppress".
        earlier: (n,) labels of the same users in each earlier export, -1 where one lacks them; none of their own
            crossings may be under the floor.

    Raises:
        ConfigError: a floor below 2, another method, or earlier exports that are under the floor already.
    """
    if floor < 2:
        raise ConfigError(f"floor is {floor}", allowed="2 or more: a group of one is a user")
    if method not in METHODS:
        raise ConfigError(f"method is '{method}'", allowed=METHODS)
    before = cells(earlier, labels.size)
    seen = (_columns(earlier, labels.size) != ABSENT).any(axis=1)
    small = [int(size) for size in np.bincount(before[seen]) if 0 < size < floor]
    if small:
        raise ConfigError(
            f"crossing the earlier exports gives {len(small)} cell(s) under the floor of {floor}, the smallest of "
            f"{min(small)}",
            hint="They left with a smaller floor. Take a new key and a folder of its own, or a floor that they keep.",
        )
    kept, said, merged = _by_size(labels, list(names), floor, method)
    suppressed = int((labels >= 0).sum() - (kept >= 0).sum())
    crossed = _crossed(kept, before, seen, floor)
    gone = int((kept >= 0).sum() - (crossed >= 0).sum())
    used = np.unique(crossed[crossed >= 0])
    again = np.full(len(said) + 1, ABSENT, dtype=np.int64)
    again[used] = np.arange(used.size)
    return Floored(again[crossed], tuple(said[place] for place in used), merged, suppressed, gone)


def cells(exports: Sequence[Labels], users: int) -> Labels:
    """Return the cell (n,) of each user in the crossing of all exports, from 0."""
    if not len(exports):
        return np.zeros(users, dtype=np.int64)
    return np.unique(_columns(exports, users), axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def smallest_cell(exports: Sequence[Labels], users: int) -> int | None:
    """Return the users in the smallest cell of those in any export; None where no export has any."""
    seen = (_columns(exports, users) != ABSENT).any(axis=1)
    sizes = np.bincount(cells(exports, users)[seen]) if seen.any() else np.zeros(0, dtype=np.int64)
    return int(sizes[sizes > 0].min()) if sizes.size else None


def _columns(exports: Sequence[Labels], users: int) -> Labels:
    return np.stack(exports, axis=1) if len(exports) else np.full((users, 1), ABSENT, dtype=np.int64)


def _by_size(labels: Labels, names: list[str], floor: int, method: str) -> tuple[Labels, list[str], tuple[str, ...]]:
    sizes = np.bincount(labels[labels >= 0], minlength=len(names))
    small = [place for place, size in enumerate(sizes) if 0 < size < floor]
    found = labels.copy()
    if not small:
        return found, names, ()
    if method == "merge":
        large = sorted((place for place, size in enumerate(sizes) if size >= floor), key=lambda place: sizes[place])
        while sizes[small].sum() < floor and large:
            small.append(large.pop(0))
        if sizes[small].sum() >= floor:
            other = OTHER
            while other in [name for place, name in enumerate(names) if place not in small]:
                other += "_"
            found[np.isin(labels, small)] = len(names)
            return found, [*names, other], tuple(names[place] for place in sorted(small))
    found[np.isin(labels, small)] = ABSENT
    return found, names, ()


def _crossed(labels: Labels, before: Labels, seen: NDArray[np.bool_], floor: int) -> Labels:
    """Leave users out until no earlier cell is split into parts under the floor."""
    found = labels.copy()
    for cell in np.unique(before):
        places = np.flatnonzero(before == cell)
        own = _without_small(found[places], floor)
        # Whom no export has, nobody can see missing: there small parts go by themselves.
        while seen[places[0]] and 0 < int((own == ABSENT).sum()) < floor:
            parts, sizes = np.unique(own[own >= 0], return_counts=True)
            if not parts.size:
                break
            largest = np.flatnonzero(own == parts[np.argmax(sizes)])
            lacking = floor - int((own == ABSENT).sum())
            own[largest if largest.size - lacking < floor else largest[:lacking]] = ABSENT
        found[places] = own
    return found


def _without_small(labels: Labels, floor: int) -> Labels:
    parts, sizes = np.unique(labels, return_counts=True)
    small = parts[(sizes < floor) & (parts != ABSENT)]
    return np.where(np.isin(labels, small), ABSENT, labels)

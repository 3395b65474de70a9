"""An attack on an export before it leaves: can somebody tell who is in it? An AUC, 0.5 is blind, 1 knows everybody.

Two attackers, after Shokri, Stronati, Song and Shmatikov 2017 ("Membership inference attacks against machine learning
models") and Homer et al. 2008 (from counts alone):

- by name: knows users' ids and tries what others take for a pseudonym: the id itself, its plain hashes, and HMACs
  under keys that people leave in place. Members are exported users, the others as many ids that are not.
- by size: knows in which cell a user would be, and from the sizes of cells how large a share of it is in. Users are
  dealt in or out by a coin, the half that is in is exported under the same floor, and the attacker guesses "in" in the
  order of the cells' shares. In a cell of one user that share is the answer; in large cells it is a half and tells
  nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

WORST = 0.55
"""The largest AUC of an export that may leave."""
_DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256")
_LEFT_IN_PLACE = (b"", b"key", b"secret", b"salt", b"password", b"changeme", b"test", b"prelaunch")


def name_attack(ids: Sequence[str], exported: Sequence[str], strangers: Sequence[str], *, most: int = 2000) -> float:
    """Return the AUC of the attacker by name, over at most `most` members and as many strangers, evenly spread.

    `ids` are the exported users', `exported` all pseudonyms in the export, `strangers` ids of nobody in it.
    """
    known = set(exported)

    def hits(users: Sequence[str]) -> NDArray[np.float64]:
        chosen = [
            users[place] for place in np.unique(np.linspace(0, len(users) - 1, min(most, len(users))).astype(int))
        ]
        return np.array([any(guess in known for guess in _guesses(one)) for one in chosen], dtype=np.float64)

    if not len(ids) or not len(strangers):
        return 0.5
    return auc(hits(ids), hits(strangers))


def size_attack(cell: NDArray[np.integer], floor: int, rng: np.random.Generator, *, deals: int = 50) -> float:
    """Return the AUC of the attacker by size, averaged over `deals` coins for every user; `cell` (n,) from 0."""
    found = []
    for _ in range(deals):
        inside = rng.random(cell.size) < 0.5
        if not 0 < inside.sum() < cell.size:
            continue
        sizes = np.bincount(cell[inside], minlength=int(cell.max()) + 1).astype(np.float64)
        # A cell under half the floor, which is about what a coin leaves of it, would not have been exported.
        sizes[sizes < floor / 2] = 0.0
        share = sizes / np.maximum(np.bincount(cell), 1)
        found.append(auc(share[cell[inside]], share[cell[~inside]]))
    return float(np.mean(found)) if found else 0.5


def auc(members: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the probability that a member's score is above another's, ties half (Mann and Whitney 1947)."""
    from scipy import stats

    ranks = stats.rankdata(np.concatenate([members, others]))
    above = ranks[: members.size].sum() - members.size * (members.size + 1) / 2
    return float(above / (members.size * others.size))


def _guesses(user: str) -> list[str]:
    raw = user.encode("utf-8", "surrogatepass")
    made: list[Callable[[], str]] = [lambda: user]
    made += [lambda name=name: hashlib.new(name, raw).hexdigest() for name in _DIGESTS]  # type: ignore[misc]
    made += [lambda key=key: hmac.new(key, raw, hashlib.sha256).hexdigest() for key in _LEFT_IN_PLACE]  # type: ignore[misc]
    return [make() for make in made]

"""Which arm a unit is in: a salted hash of its id, so that the answer never depends on order, time or machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError

_BUCKETS = 2**53


def hashed_uniform(units: NDArray[np.str_], salt: str) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each unit id (n,), the same for the same salt wherever it is computed.

    The first 53 bits of BLAKE2b, keyed by the salt: every salt gives an independent shuffle of the units.
    """
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    values = np.empty(len(units))
    for place, unit in enumerate(units):
        digest = hashlib.blake2b(str(unit).encode(), digest_size=8, key=key).digest()
        values[place] = (int.from_bytes(digest, "big") >> 11) / _BUCKETS
    return values


def planned_shares(arms: tuple[str, ...], shares: Mapping[str, float]) -> dict[str, float]:
    """Return each arm's share of the units, summing to 1; equal where none are planned.

    Raises ConfigError for an arm that the study does not have, one left out, or a share that is not positive.
    """
    if not shares:
        return {arm: 1.0 / len(arms) for arm in arms}
    for name, share in shares.items():
        if name not in arms:
            raise ConfigError(f"trial.simulated.shares names '{name}', which is no strategy", allowed=arms)
        if not share > 0:
            raise ConfigError(f"trial.simulated.shares.{name} is {share}", allowed="numbers above 0")
    missing = [arm for arm in arms if arm not in shares]
    if missing:
        raise ConfigError(
            f"trial.simulated.shares leaves out {', '.join(missing)}", hint="Give every strategy a share, or none."
        )
    total = sum(shares.values())
    return {arm: shares[arm] / total for arm in arms}


def assign(units: NDArray[np.str_], shares: Mapping[str, float], salt: str) -> NDArray[np.int32]:
    """Return each unit's arm (n,) as an index into the arms of `shares`, in their order."""
    edges = np.cumsum(list(shares.values()))[:-1]
    return np.searchsorted(edges, hashed_uniform(units, salt), side="right").astype(np.int32)

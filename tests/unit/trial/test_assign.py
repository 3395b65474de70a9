"""Assignment: by hash, salted, in the planned shares, whatever the order of the units."""

import hashlib

import numpy as np
import pytest
from scipy.stats import binomtest, chi2_contingency, kstest

from framework.errors import ConfigError
from framework.trial.assign import assign, hashed_uniform, planned_shares

UNITS = np.array([f"user-{number}" for number in range(20_000)])


def test_the_hash_is_blake2b_keyed_by_the_salt() -> None:
    key = hashlib.blake2b(b"pepper", digest_size=32).digest()
    first = int.from_bytes(hashlib.blake2b(b"user-0", digest_size=8, key=key).digest(), "big") >> 11
    assert hashed_uniform(UNITS[:1], "pepper")[0] == first / 2**53


def test_hashes_are_uniform_and_differ_between_salts() -> None:
    one, other = hashed_uniform(UNITS, "one"), hashed_uniform(UNITS, "other")
    assert kstest(one, "uniform").pvalue > 1e-3
    table = np.histogram2d(one, other, bins=4)[0]
    assert chi2_contingency(table).pvalue > 1e-3


def test_order_of_units_does_not_matter() -> None:
    shares = planned_shares(("a", "b"), {})
    rows = np.random.default_rng(0).permutation(len(UNITS))
    np.testing.assert_array_equal(assign(UNITS[rows], shares, "s"), assign(UNITS, shares, "s")[rows])


def test_arms_get_their_planned_shares() -> None:
    shares = planned_shares(("a", "b", "c"), {"a": 2, "b": 1, "c": 1})
    counts = np.bincount(assign(UNITS, shares, "salt"), minlength=3)
    for count, share in zip(counts, (0.5, 0.25, 0.25), strict=True):
        assert binomtest(int(count), len(UNITS), share).pvalue > 1e-3


@pytest.mark.parametrize(
    ("shares", "message"),
    [({"a": 1, "z": 1}, "'z'"), ({"a": 1, "b": 0}, "is 0"), ({"a": 1}, "leaves out b")],
)
def test_wrong_shares_are_named(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planned_shares(("a", "b"), shares)

"""Attackers find what can be found: plain hashes and tiny cells; and nothing in a keyed export over the floor."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest

from framework.errors import ConfigError
from framework.export.membership import WORST, auc, name_attack, size_attack
from framework.export.pseudonyms import key_name, pseudonyms, read_key

KEY = b"0123456789abcdef0123456789abcdef"
IDS = [f"user{number}" for number in range(500)]
STRANGERS = [f"other{number}" for number in range(500)]


def test_pseudonyms_are_hmac_sha256():
    # RFC 4231, test case 2.
    (found,) = pseudonyms(["what do ya want for nothing?"], b"Jefe")
    assert found == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert pseudonyms(["a"], KEY) != pseudonyms(["a"], KEY + b"x")


def test_key_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_bytes(KEY + b"\n")
    monkeypatch.setenv("SHOP_KEY", KEY.decode())
    assert read_key(file, None) == read_key(None, "SHOP_KEY") == KEY
    assert KEY.decode() not in key_name(KEY)
    file.write_bytes(b"short")
    for arguments, words in (
        ((file, None), "holds a key of 5 bytes"),
        ((tmp_path / "none", None), "cannot be read"),
        ((None, "NO_SUCH_KEY"), "is not set"),
        ((None, None), "needs one key"),
        ((file, "SHOP_KEY"), "needs one key"),
    ):
        with pytest.raises(ConfigError, match=words) as refusal:
            read_key(*arguments)
        assert "short" not in str(refusal.value)


@pytest.mark.parametrize(
    "made",
    [
        lambda user: user,
        lambda user: hashlib.md5(user.encode()).hexdigest(),  # noqa: S324
        lambda user: hashlib.sha256(user.encode()).hexdigest(),
        lambda user: hmac.new(b"secret", user.encode(), hashlib.sha256).hexdigest(),
    ],
)
def test_attacker_by_name_opens_what_needs_no_key(made):
    assert name_attack(IDS, [made(user) for user in IDS], STRANGERS) == 1.0


def test_attacker_by_name_is_blind_to_keyed_names():
    assert name_attack(IDS, pseudonyms(IDS, KEY), STRANGERS) == 0.5
    assert name_attack([], [], STRANGERS) == 0.5


def test_attacker_by_size_finds_users_alone_and_nobody_in_large_cells():
    rng = np.random.default_rng(0)
    assert size_attack(np.arange(300), 1, rng) == 1.0
    assert size_attack(np.repeat(np.arange(6), 5000), 50, rng) < 0.51
    at_floor = size_attack(np.repeat(np.arange(20), 50), 50, rng)
    assert at_floor > WORST
    # Half of the cells under 25 vanish whole: that is found. 100 and more a cell do not.
    assert size_attack(np.repeat(np.arange(20), 120), 50, rng) < WORST


def test_auc_by_hand():
    assert auc(np.array([3.0, 1.0]), np.array([2.0, 1.0])) == pytest.approx((1 + 1 + 0 + 0.5) / 4)

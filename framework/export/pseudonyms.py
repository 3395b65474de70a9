"""Names for users that only the holder of a key can make: HMAC-SHA256 of the id."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from framework.errors import ConfigError

SHORTEST = 16
"""Bytes of a key below which guessing it is a matter of time (RFC 2104 advises the hash's length, 32)."""


def read_key(key_file: Path | None, key_env: str | None) -> bytes:
    """Return the key from a file (blanks at the ends do not count) or an environment variable.

    The key itself never stands in a message.

    Raises:
        ConfigError: neither or both are named, there is no such file or variable, or the key is shorter than 16 bytes.
    """
    if (key_file is None) == (key_env is None):
        raise ConfigError(
            "export needs one key", allowed="key_file=FILE, or key_env=VARIABLE", hint="openssl rand -hex 32 > FILE"
        )
    if key_file is not None:
        try:
            key, place = key_file.read_bytes().strip(), f"key_file {key_file}"
        except OSError as error:
            raise ConfigError(f"key_file {key_file} cannot be read: {error.strerror or error}") from error
    else:
        place = f"the environment variable {key_env}"
        found = os.environ.get(str(key_env))
        if found is None:
            raise ConfigError(f"{place} is not set", allowed="the name of a variable that holds the key")
        key = found.strip().encode()
    if len(key) < SHORTEST:
        raise ConfigError(f"{place} holds a key of {len(key)} bytes", allowed=f"{SHORTEST} or more, by chance")
    return key


def pseudonyms(ids: Sequence[str], key: bytes) -> list[str]:
    """Return 64 hexadecimal digits for each id: equal for equal ids and keys, and telling nothing of either."""
    return [hmac.new(key, one.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest() for one in ids]


def key_name(key: bytes) -> str:
    """Return what tells two keys apart without giving either away: 16 digits, of a text that is no user's id."""
    return hmac.new(key, b"prelaunch:export:key\0", hashlib.sha256).hexdigest()[:16]

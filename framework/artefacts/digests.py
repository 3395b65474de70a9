"""SHA-256 of what an artefact rests on: the events that it was fitted to, the files that it consists of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from framework.data.tables import Dataset

_BLOCK = 1 << 20


def events_digest(data: Dataset) -> str:
    """Return the digest of who did what to which item and when: of users', items' and kinds' names and the times.

    The same for equal events, whatever machine, run or file they come from; segments, features and prices do not count.
    """
    found = hashlib.sha256()
    for names in (data.users, data.items, data.events.kinds):
        _add_names(found, names)
    events = data.events
    columns = ((events.user, "<i4"), (events.item, "<i4"), (events.kind, "<i1"), (events.time, "<i8"))
    for column, dtype in columns:
        found.update(len(column).to_bytes(8, "little"))
        found.update(np.ascontiguousarray(column, dtype=dtype).tobytes())
    return found.hexdigest()


def file_digest(path: Path) -> str:
    """Return the digest of a file's bytes, read a block at a time. Raises OSError where it cannot be read."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _add_names(found: hashlib._Hash, names: Iterable[str]) -> None:
    """Add names with their lengths, so that ("ab", "c") is not ("a", "bc")."""
    encoded = [str(name).encode("utf-8", "surrogatepass") for name in names]
    found.update(len(encoded).to_bytes(8, "little"))
    found.update(b"".join(len(name).to_bytes(8, "little") + name for name in encoded))

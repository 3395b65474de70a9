"""The memory that a stretch of work adds to this process, at its height."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.005
"""Seconds between two looks."""
STATM = Path("/proc/self/statm")


@dataclass
class Height:
    """The most resident bytes above those at the start; None where this system does not tell them."""

    added: int | None = None


@contextmanager
def memory_watched() -> Iterator[Height]:
    """Give a record that holds, once the work inside is done, the peak resident memory above that before it, in bytes.

    Resident memory is looked at by a thread of its own every 5 ms, so a shorter peak may be missed unless it is the
    process's highest so far, which the system keeps itself. What the work could take from memory that the process had
    freed before is not seen; a graphics card's memory and other processes' do not count.
    """
    height = Height()
    before, record = resident_bytes(), _highest_ever()
    most = before or 0
    done = threading.Event()

    def look() -> None:
        nonlocal most
        while not done.wait(EVERY):
            most = max(most, resident_bytes() or 0)

    watcher = threading.Thread(target=look, name="prelaunch-memory", daemon=True)
    if before is not None:
        watcher.start()
    try:
        yield height
    finally:
        done.set()
        if before is not None:
            watcher.join()
            most = max(most, resident_bytes() or 0)
            highest = _highest_ever()
            if record is not None and highest is not None and highest > record:
                most = max(most, highest)
            height.added = most - before


def resident_bytes() -> int | None:
    """Return the memory of this process that is resident now, None where the system has no /proc."""
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _highest_ever() -> int | None:
    """Return the most that was ever resident of this process, in bytes; it can only grow."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

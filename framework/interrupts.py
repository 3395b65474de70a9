"""Ctrl-C and SIGTERM end a run, also where a library that they reach swallows the exception."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked: list[int] = []


@contextmanager
def heeded() -> Iterator[None]:
    """Turn the signals into KeyboardInterrupt while this is open. A signal that the caller ignores stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python hands signals to the main thread alone
        return
    _asked.clear()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    mine = [number for number in SIGNALS if before[number] not in (signal.SIG_IGN, None)]
    for number in mine:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, before[number])


def exit_code() -> int:
    """Return the shell's code for the last signal: 130 for Ctrl-C, also where no signal came; 143 for SIGTERM."""
    return 128 + (_asked[-1] if _asked else signal.SIGINT)


def check() -> None:
    """Raise KeyboardInterrupt where a signal came but the run went on.

    DuckDB's client drops what is raised while it opens a database; without this, that Ctrl-C would be lost.
    """
    if _asked:
        raise KeyboardInterrupt(signal.Signals(_asked[-1]).name)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    raise KeyboardInterrupt(signal.Signals(number).name)

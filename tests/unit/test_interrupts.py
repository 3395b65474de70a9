"""A signal that a library swallows still ends the run, at the end of its stage."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from framework import interrupts


@pytest.fixture
def usual() -> Iterator[None]:
    """Give the test Python's own handler, whatever the caller of the tests ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_swallowed_signal_is_raised_again(number: int, code: int) -> None:
    before = signal.getsignal(number)
    with interrupts.heeded():
        interrupts.check()
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name):
            interrupts.check()
        assert interrupts.exit_code() == code
    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("usual")
def test_signal_of_an_earlier_run_is_forgotten() -> None:
    with interrupts.heeded(), contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    with interrupts.heeded():
        interrupts.check()


@pytest.mark.usefixtures("usual")
def test_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and a shell's `&` do
    with interrupts.heeded():
        os.kill(os.getpid(), signal.SIGINT)
        interrupts.check()

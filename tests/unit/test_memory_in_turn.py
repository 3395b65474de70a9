"""Runs that change a memory at the same time take turns: no entry is lost, and nobody waits for long."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from framework import ledger, memory
from framework.ledger import earlier_rules, remember_rule

LOG = "1d4f6d6f2f0b4a0f" * 4
RULE, NEW_RULE = "a" * 64, "b" * 64


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _process(code: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    head = "import sys, time\nfrom framework.ledger import remember_rule\nfrom framework.memory import in_turn\n"
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", head + code], env=env, cwd=Path(__file__).parents[2], stdout=stdout)


def _meeting(monkeypatch: pytest.MonkeyPatch, module: object, reader: str) -> None:
    """Let two threads that read the memory both have read before either writes, where nothing keeps them apart."""
    read, both = getattr(module, reader), threading.Barrier(2)

    def reading(*asked: object) -> object:
        found = read(*asked)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)
        return found

    monkeypatch.setattr(module, reader, reading)


def test_rules_noted_at_the_same_time_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _meeting(monkeypatch, ledger, "_rules")
    with ThreadPoolExecutor(2) as runs:
        asked = [runs.submit(remember_rule, "shop", LOG, rule, f"day {rule[0]}") for rule in (RULE, NEW_RULE)]
    assert [future.result() for future in asked] == [None, None]
    assert {entry["digest"] for entry in ledger._rules("shop", LOG)} == {RULE, NEW_RULE}


def test_processes_that_note_rules_at_the_same_time_lose_none(cache: Path) -> None:
    code = "for i in range(6):\n    remember_rule('shop', '{log}', f'{mark}{{i:03d}}' + '0' * 60, 'day')\n"
    running = [_process(code.format(log=LOG, mark=mark)) for mark in "xyz"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    (file,) = (cache / "rules").iterdir()
    kept = [entry["digest"][:4] for entry in json.loads(file.read_text(encoding="utf-8"))["rules"]]
    assert sorted(kept) == [f"{mark}{place:03d}" for mark in "xyz" for place in range(6)]


def test_offers_noted_at_the_same_time_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _meeting(monkeypatch, memory, "_read")
    offer = memory.Offer("shop", "1", "shop")
    with ThreadPoolExecutor(2) as runs:
        asked = [runs.submit(memory.remember, {("model", name): offer}) for name in ("rfm", "kmeans")]
    assert [future.result() for future in asked] == [None, None]
    assert memory.recall("model", "rfm") == memory.recall("model", "kmeans") == offer


HOLDS = """
with in_turn():
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    time.sleep(120)
"""


@pytest.fixture
def holder() -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that has the ledger's lock and does not let go of it."""
    with _process(HOLDS, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_process_that_does_not_let_go_costs_a_wait_only(
    holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PATIENCE", 0.2)
    started = time.monotonic()
    remember_rule("shop", LOG, RULE, "2026-01-01")
    assert 0.2 <= time.monotonic() - started < 5
    assert earlier_rules("shop", LOG, NEW_RULE)
    assert holder.poll() is None


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_process_killed_in_its_turn_keeps_nobody_waiting(holder: subprocess.Popen[bytes]) -> None:
    holder.kill()
    assert holder.wait(60) == -signal.SIGKILL
    started = time.monotonic()
    remember_rule("shop", LOG, RULE, "2026-01-01")
    assert time.monotonic() - started < memory.PATIENCE / 2
    assert earlier_rules("shop", LOG, NEW_RULE)


@pytest.mark.parametrize("error", [OSError(95, "Operation not supported"), OSError(37, "No locks available")])
def test_a_file_system_without_locks_still_remembers(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> None:
        raise error

    monkeypatch.setattr(memory, "_take", refused)
    remember_rule("shop", LOG, RULE, "2026-01-01")
    assert earlier_rules("shop", LOG, NEW_RULE)


def test_an_error_in_ones_turn_is_told_and_ends_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PATIENCE", 60)
    with pytest.raises(OSError, match="mine"), memory.in_turn():
        raise OSError("mine")
    remember_rule("shop", LOG, RULE, "2026-01-01")
    assert earlier_rules("shop", LOG, NEW_RULE)

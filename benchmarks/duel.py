"""Time ways to one answer beside each other, each run in a fresh process, and measure their peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROUNDS = int(os.environ.get("PRELAUNCH_BENCH_ROUNDS", "5"))
ROOT = Path(__file__).resolve().parent.parent
OURS = "prelaunch"
MEGABYTE = 2**20 if sys.platform == "darwin" else 2**10
"""What `ru_maxrss` counts to a megabyte: bytes on macOS, kilobytes elsewhere."""


@dataclass(frozen=True)
class Script:
    """A side in an interpreter of its own, which `interpreter` returns (and makes, where it is not there).

    It is run with the folder, the file that the answer belongs in (as `numpy.save` writes it) and `arguments`.
    """

    file: Path
    interpreter: Callable[[], Path]
    arguments: tuple[str, ...] = ()


Side = Callable[[Path], np.ndarray] | Script
"""Takes a folder with the prepared input, gives an array to compare. A function is named at the top of its module."""


@dataclass(frozen=True)
class Duel:
    """`ours` and the ways `beside` it, by name; answers agree to `rtol`."""

    name: str
    prepare: Callable[[Path], None]
    ours: Side
    beside: Mapping[str, Side]
    rtol: float = 1e-6

    @property
    def sides(self) -> dict[str, Side]:
        """All of them by name, ours first."""
        return {OURS: self.ours, **self.beside}


class Cost(NamedTuple):
    """What a side's process took from its start to its end; or ours divided by that."""

    seconds: float
    cpu_seconds: float
    """On all cores together: what other jobs on the machine disturb least."""
    megabytes: float
    """The highest resident memory, the interpreter and all imports included."""


@dataclass(frozen=True)
class Outcome:
    """Medians over rounds of a side's cost, and of ours divided by the side's in the same round."""

    cost: Cost
    ratio: Cost


def fight(duel: Duel) -> dict[str, Outcome]:
    """Run all sides in turn, `ROUNDS` times after one round that is not counted.

    Raises:
        AssertionError: a side's answer is not ours.
        RunError: the environment of a side cannot be made.
        subprocess.CalledProcessError: a side failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = {side: command(way, folder, folder / f"{side}.npy") for side, way in duel.sides.items()}
        # A process started by a large one is counted as large from its birth: this one must stay small.
        run(command(duel.prepare, folder, folder / "nothing"))
        rounds: list[dict[str, Cost]] = []
        for number in range(1 + ROUNDS):
            costs = {}
            for side, words in commands.items():
                progress(f"{duel.name}: round {number} of {ROUNDS}, {side}")
                costs[side] = run(words)
            rounds.append(costs)
            _check(duel, folder)
        progress("")
    return {side: _outcome(rounds[1:], side) for side in duel.sides}


def _check(duel: Duel, folder: Path) -> None:
    ours = np.load(folder / f"{OURS}.npy")
    for side in duel.beside:
        answer = np.load(folder / f"{side}.npy")
        np.testing.assert_allclose(answer, ours, rtol=duel.rtol, err_msg=f"{duel.name}: {side} is not ours")


def command(side: Callable[[Path], object] | Script, folder: Path, answer: Path) -> list[str]:
    """Return the command that runs a side, or what prepares its input."""
    if isinstance(side, Script):
        return [str(side.interpreter()), str(side.file), str(folder), str(answer), *side.arguments]
    return [sys.executable, "-m", "benchmarks.side", side.__module__, side.__name__, str(folder), str(answer)]


def run(command: list[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, and return what its process took. Raises CalledProcessError where it failed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MEGABYTE)


def _outcome(rounds: list[dict[str, Cost]], side: str) -> Outcome:
    ratios = [[ours / its for ours, its in zip(run[OURS], run[side], strict=True)] for run in rounds]
    return Outcome(medians([run[side] for run in rounds]), medians(ratios))


def progress(text: str) -> None:
    """Say what is going on, in place of what was said before; in a terminal only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def medians(costs: Iterable[Iterable[float]]) -> Cost:
    """Return the median of each kind of cost."""
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))

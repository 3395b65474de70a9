"""Time two functions against each other, each run in a fresh process, and measure its peak memory."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

ROUNDS = 3


@dataclass(frozen=True)
class Duel:
    """Two ways to one answer: each takes a folder with the prepared input and returns an array to compare."""

    name: str
    prepare: Callable[[Path], None]
    ours: Callable[[Path], np.ndarray]
    peer: Callable[[Path], np.ndarray]


@dataclass(frozen=True)
class Cost:
    """Median seconds over the rounds, and the highest peak memory in MB, of one side."""

    seconds: float
    megabytes: float


def fight(duel: Duel, folder: Path) -> tuple[Cost, Cost]:
    """Run both sides in turn; raises AssertionError where their answers differ."""
    duel.prepare(folder)
    rounds = [(_once(duel.ours, folder), _once(duel.peer, folder)) for _ in range(ROUNDS)]
    for (_, _, ours), (_, _, peer) in rounds:
        np.testing.assert_allclose(ours, peer, rtol=1e-6)
    sides = zip(*rounds, strict=True)
    ours, peer = (Cost(statistics.median(run[0] for run in side), max(run[1] for run in side)) for side in sides)
    return ours, peer


def _once(side: Callable[[Path], np.ndarray], folder: Path) -> tuple[float, float, np.ndarray]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(side, folder, sender))
    process.start()
    result: tuple[float, float, np.ndarray] = receiver.recv()
    process.join()
    return result


def _measured(side: Callable[[Path], np.ndarray], folder: Path, sender: Connection) -> None:
    started = time.perf_counter()
    answer = side(folder)
    seconds = time.perf_counter() - started
    sender.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, answer))

"""Time ways to one result lap by lap, each in a fresh process in turn; its figures say that the results are as good."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.duel import OURS, ROUNDS, Cost, Outcome, command, medians, progress, run

THREADS = int(os.environ.get("PRELAUNCH_BENCH_THREADS", "1"))
"""Threads of every side, which takes them over into what it runs; numerical libraries get them by the environment."""
POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Laps:
    """What a side has to tell: seconds and processor seconds of its laps by name, and figures of its result by name."""

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Time the block as the lap `name`, on all threads of this process."""
        started, cpu = time.perf_counter(), time.process_time()
        yield
        self.note(name, time.perf_counter() - started, time.process_time() - cpu)

    def note(self, name: str, seconds: float, cpu_seconds: float) -> None:
        """Take down a lap that something else has timed."""
        self.seconds[name], self.cpu_seconds[name] = seconds, cpu_seconds

    def save(self, path: Path) -> None:
        """Write all of it as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


Runner = Callable[[Path], Laps]
"""Takes a folder with the prepared input, and does its laps. Named at the top of its module."""


@dataclass(frozen=True)
class Race:
    """`ours` and the ways `beside` it, by name. Figures differ by at most `within`, by name, from ours.

    A side may do laps that others do not, and such figures; what has no counterpart among ours is only printed.
    """

    name: str
    prepare: Callable[[Path], None]
    ours: Runner
    beside: Mapping[str, Runner]
    within: Mapping[str, float]

    @property
    def sides(self) -> dict[str, Runner]:
        """All of them by name, ours first."""
        return {OURS: self.ours, **self.beside}


@dataclass(frozen=True)
class Finish:
    """Medians over rounds of each lap of a side, and of its figures. The memory is that of the whole process."""

    laps: dict[str, Outcome]
    figures: dict[str, float]


def hold(race: Race) -> dict[str, Finish]:
    """Run all sides in turn, `ROUNDS` times after one round that is not counted, and take medians.

    Raises:
        AssertionError: a side's figures are not ours.
        subprocess.CalledProcessError: a side failed.
    """
    environment = {**os.environ, **dict.fromkeys(POOLS, str(THREADS))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A process started by a large one is counted as large from its birth: this one must stay small.
        run(command(race.prepare, folder, folder / "nothing"), environment)
        rounds: list[dict[str, tuple[Laps, float]]] = []
        for number in range(1 + ROUNDS):
            found = {}
            for side, runner in race.sides.items():
                progress(f"{race.name}: round {number} of {ROUNDS}, {side}")
                answer = folder / f"{side}.json"
                cost = run(command(runner, folder, answer), environment)
                found[side] = Laps(**json.loads(answer.read_text(encoding="utf-8"))), cost.megabytes
            rounds.append(found)
            _check(race, {side: laps.figures for side, (laps, _) in found.items()})
        progress("")
    return {side: _finish(rounds[1:], side) for side in race.sides}


def _check(race: Race, figures: Mapping[str, Mapping[str, float]]) -> None:
    for side, found in figures.items():
        for name in sorted(set(found) & set(race.within)):
            ours = figures[OURS][name]
            if not abs(found[name] - ours) <= race.within[name]:
                raise AssertionError(f"{race.name}: {name} is {ours} of ours and {found[name]} of {side}")


def _finish(rounds: list[dict[str, tuple[Laps, float]]], side: str) -> Finish:
    laps = {}
    for lap in rounds[0][side][0].seconds:
        costs = [_cost(each[side], lap) for each in rounds]
        ratios = [[float("nan")] * len(Cost._fields)]
        if lap in rounds[0][OURS][0].seconds:
            ours = [_cost(each[OURS], lap) for each in rounds]
            ratios = [[a / b for a, b in zip(*pair, strict=True)] for pair in zip(ours, costs, strict=True)]
        laps[lap] = Outcome(medians(costs), medians(ratios))
    figures = {
        name: statistics.median(each[side][0].figures[name] for each in rounds) for name in rounds[0][side][0].figures
    }
    return Finish(laps, figures)


def _cost(found: tuple[Laps, float], lap: str) -> Cost:
    laps, megabytes = found
    return Cost(laps.seconds[lap], laps.cpu_seconds[lap], megabytes)

"""Run the comparisons named on the command line, or all of them, and print them as one table."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from benchmarks.duel import OURS, Duel, Outcome, fight
from benchmarks.race import Race, hold
from framework.errors import PrelaunchError

NAMES = (
    "features",
    "segments",
    "ranking",
    "moments",
    "als",
    "item_knn",
    "full_ranking",
    "sasrec_step",
    "off_policy",
    "environment",
)


def main(wanted: list[str]) -> int:
    """Print median seconds, processor seconds and peak memory of every side, and ours divided by each of them."""
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        return _failed(f"no benchmark {', '.join(unknown)}. Allowed: {', '.join(NAMES)}.")
    print(f"{'':52}{'seconds':>9}{'CPU s':>8}{'MB':>7}{'ours / this:':>14}{'CPU':>7}{'MB':>7}")
    for name in wanted or NAMES:
        duel = import_module(f"benchmarks.{name}").DUEL
        print(duel.name, flush=True)
        try:
            _print_race(duel) if isinstance(duel, Race) else _print_duel(duel)
        except PrelaunchError as error:
            return _failed(str(error))
        except subprocess.CalledProcessError as error:
            return _failed(f"a side failed ({error.returncode}): {' '.join(error.cmd)}")
    return 0


def _print_duel(duel: Duel) -> None:
    for side, outcome in fight(duel).items():
        _print_row(side, outcome, ours=side == OURS)


def _print_race(race: Race) -> None:
    for side, finish in hold(race).items():
        for lap, outcome in finish.laps.items():
            _print_row(f"{side}: {lap}", outcome, ours=side == OURS)
        print("   ", ", ".join(f"{name} {value:.4f}" for name, value in finish.figures.items()))


def _print_row(label: str, outcome: Outcome, *, ours: bool) -> None:
    cost, ratio = outcome.cost, outcome.ratio
    print(f"  {label:50}{_digits(cost.seconds):>9}{_digits(cost.cpu_seconds):>8}{cost.megabytes:>7.0f}", end="")
    print("" if ours else f"{ratio.seconds:>14.2f}{ratio.cpu_seconds:>7.2f}{ratio.megabytes:>7.2f}", flush=True)


def _digits(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 1 else f"{seconds:.4f}"


def _failed(what: str) -> int:
    sys.stderr.write(f"error: {what}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

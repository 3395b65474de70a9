"""Run the comparisons named on the command line, or all of them, and print them as one table."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

from benchmarks.duel import OURS, fight
from framework.errors import PrelaunchError

NAMES = ("features", "ranking", "moments")


def main(wanted: list[str]) -> int:
    """Print median seconds, processor seconds and peak memory of every side, and ours divided by each of them."""
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        return _failed(f"no benchmark {', '.join(unknown)}. Allowed: {', '.join(NAMES)}.")
    print(f"{'':46}{'seconds':>9}{'CPU s':>8}{'MB':>7}{'ours / this:':>14}{'CPU':>7}{'MB':>7}")
    for name in wanted or NAMES:
        duel = import_module(f"benchmarks.{name}").DUEL
        print(duel.name, flush=True)
        try:
            outcomes = fight(duel)
        except PrelaunchError as error:
            return _failed(str(error))
        except subprocess.CalledProcessError as error:
            return _failed(f"a side failed ({error.returncode}): {' '.join(error.cmd)}")
        for side, found in outcomes.items():
            cost, ratio = found.cost, found.ratio
            print(f"  {side:44}{cost.seconds:>9.2f}{cost.cpu_seconds:>8.2f}{cost.megabytes:>7.0f}", end="")
            print("" if side == OURS else f"{ratio.seconds:>14.2f}{ratio.cpu_seconds:>7.2f}{ratio.megabytes:>7.2f}")
    return 0


def _failed(what: str) -> int:
    sys.stderr.write(f"error: {what}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

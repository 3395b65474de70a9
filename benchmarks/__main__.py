"""Run the comparisons named on the command line, or all of them, and print them as one table."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.duel import fight

NAMES = ("features", "ranking")


def main(wanted: list[str]) -> int:
    """Print median seconds, peak memory and ratios of each comparison."""
    unknown = sorted(set(wanted) - set(NAMES))
    if unknown:
        sys.stderr.write(f"error: no benchmark {', '.join(unknown)}. Allowed: {', '.join(NAMES)}.\n")
        return 2
    print(f"{'':44}{'ours':>18}{'peer':>18}{'time':>8}{'memory':>8}")
    for name in wanted or NAMES:
        duel = import_module(f"benchmarks.{name}").DUEL
        with tempfile.TemporaryDirectory() as folder:
            ours, peer = fight(duel, Path(folder))
        sides = "".join(f"{cost.seconds:>9.2f} s{cost.megabytes:>5.0f} MB" for cost in (ours, peer))
        print(f"{duel.name:44}{sides}{ours.seconds / peer.seconds:>8.2f}{ours.megabytes / peer.megabytes:>8.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

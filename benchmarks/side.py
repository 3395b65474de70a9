"""Run one function of a benchmark in this process: `python -m benchmarks.side MODULE FUNCTION FOLDER ANSWER`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np

from benchmarks.race import Laps
from framework.errors import PrelaunchError


def main(module: str, function: str, folder: str, answer: str) -> None:
    """Call it with the folder, and save what it returns, if anything."""
    found = getattr(import_module(module), function)(Path(folder))
    if isinstance(found, Laps):
        found.save(Path(answer))
    elif found is not None:
        np.save(answer, found)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PrelaunchError as error:
        sys.exit(f"error: {error}")

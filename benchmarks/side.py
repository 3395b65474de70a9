"""Run one function of a benchmark in this process: `python -m benchmarks.side MODULE FUNCTION FOLDER ANSWER`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np


def main(module: str, function: str, folder: str, answer: str) -> None:
    """Call it with the folder, and save what it returns, if anything."""
    found = getattr(import_module(module), function)(Path(folder))
    if found is not None:
        np.save(answer, found)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""`python -m framework`, and the command `prelaunch`."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from framework.cli import main


def start() -> NoReturn:
    """Run this process's command line, and end the process with its exit code.

    The process ends before Python takes its modules apart: DuckDB (2.0) would print forty lines of leaked objects
    then, below the message of an error that the user made. What others registered to happen at exit happens first.
    """
    code = [1]
    atexit.register(lambda: _end(code[0]))  # registered first, called last
    code[0] = main()
    sys.exit(code[0])


def _end(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # a closed pipe: nobody reads on
            continue
    os._exit(code)


if __name__ == "__main__":
    start()

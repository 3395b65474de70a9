"""The environment that a peer runs in: its own packages, ours in everything that both use."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from framework.errors import RunError

PEER = ("tea-tasting==1.14.0", "ibis-framework[duckdb]==12.0.0", "sqlglot<30.18")
SHARED = ("duckdb", "narwhals", "numpy", "pandas", "polars", "pyarrow", "scipy")
"""Packages that the peer gets in the version that runs ours."""


@cache
def tea_tasting() -> Path:
    """Return the interpreter of an environment with tea-tasting; made and filled where it is missing.

    Raises:
        RunError: it cannot be filled, such as without a network.
    """
    default = Path.home() / ".cache" / "prelaunch" / "tea-tasting"
    folder = Path(os.environ.get("PRELAUNCH_BENCH_VENV", default))
    python = folder / "bin" / "python"
    wanted = [*PEER, *_shared()]
    if _fits(python, wanted):
        return python
    sys.stderr.write(f"installing tea-tasting into {folder}\n")
    try:
        venv.create(folder, with_pip=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        why = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise RunError(
            f"the peer tea-tasting cannot be installed into {folder}: {why}",
            hint="This needs the network once. PRELAUNCH_BENCH_VENV names another environment, which may have it.",
        ) from error
    return python


def _shared() -> list[str]:
    found = []
    for name in SHARED:
        try:
            found.append(f"{name}=={version(name)}")
        except PackageNotFoundError:  # then any version will do
            found.append(name)
    return found


def _fits(python: Path, wanted: list[str]) -> bool:
    """Say whether pip has nothing to do there."""
    if not python.exists():
        return False
    dry = [str(python), "-m", "pip", "install", "-q", "--no-index", "--dry-run", *wanted]
    return subprocess.run(dry, check=False, capture_output=True).returncode == 0

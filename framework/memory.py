"""Who offered a component or a study last: a small file, so that an error can still name an uninstalled plugin.

Best effort by design. A home that is missing or read-only costs the memory, never the run. Here too is the folder that
such files lie in, and whose turn it is to change them.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from framework.plugins import Plugins

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


VARIABLE = "PRELAUNCH_CACHE"
PATIENCE = 5.0
"""Seconds that a process waits for its turn to change what is remembered; a turn takes milliseconds."""


@dataclass(frozen=True)
class Offer:
    """The plugin that offered something last."""

    distribution: str
    version: str
    plugin: str


def cache_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder for what may be lost: `PRELAUNCH_CACHE`, else the user's cache folder."""
    environ = os.environ if environ is None else environ
    if environ.get(VARIABLE):
        return Path(environ[VARIABLE])
    if environ.get("XDG_CACHE_HOME"):
        return Path(environ["XDG_CACHE_HOME"]) / "prelaunch"
    try:
        return Path.home() / ".cache" / "prelaunch"
    except RuntimeError:  # no home
        return Path(tempfile.gettempdir()) / "prelaunch"


@contextlib.contextmanager
def in_turn() -> Iterator[None]:
    """Keep other threads and processes from changing what the cache folder holds: read, change and write inside.

    The system's lock on a file of the folder, which ends with its process, however that ends. Where there is none to be
    had (a read-only home, a file system without locks, a process that stands still with it), the work is done without:
    at worst another's entry is lost.
    """
    path = cache_folder() / "lock"
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            _wait(held.enter_context(path.open("ab")).fileno())
        yield


def _wait(descriptor: int) -> None:
    """Take the lock of an open file, or leave it to the one that keeps it. Raises OSError where there are no locks."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(BlockingIOError, PermissionError):  # another has it
            _take(descriptor)
            return
        time.sleep(0.01)


def recall(kind: str, name: str) -> Offer | None:
    """Return who offered the component (or, of kind "experiment", the study) when it was last seen."""
    found = _read(cache_folder() / "components.json").get(f"{kind}/{name}")
    try:
        return Offer(**found) if isinstance(found, dict) else None
    except TypeError:
        return None


def remember(offers: Mapping[tuple[str, str], Offer]) -> None:
    """Note who offers what now, by (kind, name); what is gone stays noted. Atomic, and silent where it cannot write."""
    path = cache_folder() / "components.json"
    news = {f"{kind}/{name}": asdict(offer) for (kind, name), offer in offers.items()}
    known = _read(path)
    if any(known.get(key) != value for key, value in news.items()):
        with in_turn():
            _write(path, _read(path) | news)


def _write(path: Path, content: Mapping[str, object]) -> None:
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            temporary = file.name
            json.dump(content, file, indent=1, sort_keys=True)
        Path(temporary).replace(path)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def remember_plugins(plugins: Plugins) -> None:
    """Note which distribution offers which component and study, for the day when it is gone."""
    offers: dict[tuple[str, str], Offer] = {}
    for entry in plugins.entries:
        if entry.status == "loaded":
            offer = Offer(entry.distribution, entry.version, entry.name)
            offers |= dict.fromkeys(entry.offers | {("experiment", study) for study in entry.studies}, offer)
    remember(offers)


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

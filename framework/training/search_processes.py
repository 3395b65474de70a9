"""Who searches: which process tries what, whether it still lives, and that one search alone has a storage."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from framework.errors import RunError

BEAT = 15.0
"""Seconds between two signs of life of a process."""
SILENCE = 6 * BEAT
"""Seconds without a sign after which a process on another machine is taken for dead."""
WATCH = 0.5
"""Seconds between two looks whether the process that began the search still lives."""


def this_process() -> str:
    """Return what tells this process from all others, of any machine and any time."""
    return f"{_place()} {os.getpid()} {_born(os.getpid())}"


def lives(process: str, seen: float) -> bool:
    """Return whether a process, as it named itself, still lives; `seen` (seconds, UTC) is its last sign of life.

    Of a process of this machine the system says so; of others only their signs do.
    """
    place, _, rest = process.partition(" ")
    pid, _, born = rest.partition(" ")
    if place != _place() or os.name != "posix":
        return time.time() - seen < SILENCE
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        pass  # somebody else's, and alive
    except (OSError, ValueError):
        return False
    return _born(int(pid)) == born


@contextmanager
def beating(sign: Callable[[], None]) -> Iterator[None]:
    """Give a sign of life every `BEAT` seconds."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT):
            with suppress(Exception):  # the next sign makes up for a lost one
                sign()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def end_with(parent: int) -> None:
    """End this process, a worker, soon after the one that began it: nobody waits for what it does then."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other searches from a storage by a file beside it, which ends with its process, however that ends.

    Raises:
        RunError: another search that lives has it.
    """
    mark = json.dumps({"process": this_process(), "mark": uuid4().hex})
    path.parent.mkdir(parents=True, exist_ok=True)
    while not _created(path, mark):
        _removed_or_refused(path)
    try:
        with beating(path.touch):
            yield
    finally:
        if _read(path) == mark:
            path.unlink(missing_ok=True)


def _created(path: Path, mark: str) -> bool:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(mark)
    except FileExistsError:
        return False
    return True


def _removed_or_refused(path: Path) -> None:
    """Remove the file of a search that is dead; raise RunError where it lives."""
    found = _read(path)
    if found is None:
        return
    try:
        process, seen = str(json.loads(found)["process"]), path.stat().st_mtime
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        time.sleep(WATCH)  # it may be about to be written
        process, seen = "", 0.0
        if _read(path) != found:
            return
    if process and lives(process, seen):
        raise refusal(str(path), process)
    # Another may have removed it in the meantime and put its own there: that one is given back.
    aside = path.with_name(f"{path.name}.{uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) != found:
        os.link(aside, path)
    aside.unlink()


def refusal(storage: str, process: str) -> RunError:
    """Return the error for a storage that another search has."""
    place, _, rest = process.partition(" ")
    who = f"process {rest.partition(' ')[0]} on {place.partition('/')[0]}"
    return RunError(
        f"Another search is under way in {storage}: {who}",
        hint="Wait for it, or let both share the storage and the budget: search.share=true.",
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _place() -> str:
    """Return the machine's name, with the container's own set of process numbers where there is one."""
    try:
        own = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        own = ""
    return f"{socket.gethostname() or 'here'}/{own}".replace(" ", "_")


def _born(pid: int) -> str:
    """Return when a process began, as its system counts; "gone" for a dead one, empty where that cannot be known."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "gone"
    return "gone" if state in {"Z", "X"} else fields[18]

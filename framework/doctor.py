"""`doctor`: what this machine has, what a run would miss. Nothing is changed but for a file written and removed."""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from framework.errors import ConfigError, PrelaunchError
from framework.memory import cache_folder
from framework.plugins import load_plugins

STYLES = {"ok": "green", "note": "yellow", "broken": "bold red"}
FREE_GIB = 2.0


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `state` is "ok", "note" (a run may do without) or "broken"."""

    what: str
    state: str
    detail: str


def doctor(arguments: Sequence[str]) -> int:
    """Print every finding and return 1 where something that every run needs is broken."""
    if arguments:
        raise ConfigError("'doctor' takes no argument")
    console = Console()
    table = Table("what", "state", "detail")
    findings = list(examine())
    for finding in findings:
        table.add_row(Text(finding.what), Text(finding.state, style=STYLES[finding.state]), Text(finding.detail))
    console.print(table)
    broken = [finding.what for finding in findings if finding.state == "broken"]
    console.print(Text(f"Broken: {', '.join(broken)}" if broken else "Ready to run."), soft_wrap=True)
    return 1 if broken else 0


def examine() -> Iterator[Finding]:
    """Yield the findings, the quick ones first."""
    yield Finding("Python", "ok", f"{platform.python_version()} at {sys.executable}")
    yield from _libraries()
    yield _writable("folder for runs", Path("runs").absolute(), needed=True)
    yield _writable("cache folder", cache_folder(), needed=False)
    free = shutil.disk_usage(_existing(Path("runs").absolute())).free / 2**30
    yield Finding("disk space", "ok" if free >= FREE_GIB else "note", f"{free:.1f} GiB free")
    yield _java()
    yield from _plugins()
    yield _accelerator()


def requirements() -> tuple[tuple[str, str | None], ...]:
    """Return (distribution, extra or None) of what prelaunch's metadata require."""
    found = []
    for line in requires("prelaunch") or ():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        if name:
            found.append((name[0], extra[1] if extra else None))
    return tuple(found)


def _libraries() -> Iterator[Finding]:
    try:
        wanted = requirements()
        yield Finding("prelaunch", "ok", version("prelaunch"))
    except PackageNotFoundError:
        yield Finding("prelaunch", "broken", "is not installed: pip install -e . in its checkout")
        return
    for name, extra in wanted:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            if extra is None:
                yield Finding(name, "broken", f"is not installed: pip install {name}")
            elif extra != "test":
                yield Finding(name, "note", f"is not installed; needed for the extra '{extra}' alone")


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _writable(what: str, path: Path, *, needed: bool) -> Finding:
    place = _existing(path)
    try:
        if not place.is_dir():
            raise NotADirectoryError(20, "is no folder", str(place))
        with tempfile.TemporaryFile(dir=place):
            return Finding(what, "ok", str(path))
    except OSError as error:
        hint = "" if needed else "; plugins that are gone cannot be named then (PRELAUNCH_CACHE names another)"
        return Finding(what, "broken" if needed else "note", f"{path} cannot be written: {error.strerror}{hint}")


def _java() -> Finding:
    java = shutil.which("java", path=_java_path())
    if java is None:
        return Finding("Java", "note", "not found; data.engine=spark needs Java 17")
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("Java", "note", f"{java} does not answer: {error}")
    first = (told.stderr or told.stdout).strip().splitlines()
    found = re.search(r'"(\d+)(?:\.(\d+))?', first[0]) if first else None
    release = int(found[1]) if found else 0
    state = "ok" if release >= 17 else "note"
    return Finding("Java", state, (first[0] if first else java) + ("" if state == "ok" else "; Spark needs Java 17"))


def _java_path() -> str:
    home = os.environ.get("JAVA_HOME")
    return os.pathsep.join([*([str(Path(home, "bin"))] if home else []), os.environ.get("PATH", "")])


def _plugins() -> Iterator[Finding]:
    try:
        found = load_plugins()
    except PrelaunchError as error:
        yield Finding("plugins", "broken", str(error))
        return
    for entry in found.entries:
        ours = entry.distribution == "prelaunch"
        if entry.status == "loaded":
            yield Finding(f"plugin {entry.name}", "ok", f"{entry.distribution} {entry.version}")
        else:
            state = "broken" if ours and entry.status != "blocked" else "note"
            yield Finding(f"plugin {entry.name}", state, entry.line)


def _accelerator() -> Finding:
    try:
        torch = importlib.import_module("torch")
    except Exception as error:  # noqa: BLE001 - a torch that does not import may raise anything
        return Finding("accelerator", "broken", f"torch does not import: {' '.join(str(error).split())}")
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return Finding("accelerator", "ok", f"CUDA: {', '.join(names)}")
    if torch.backends.mps.is_available():
        return Finding("accelerator", "ok", "Apple MPS")
    return Finding("accelerator", "ok", f"none, {os.cpu_count()} CPU cores")

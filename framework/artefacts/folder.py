"""The folder of an artefact: written whole or not at all, and refused where it is not what was written."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from framework.artefacts.arrays import described, read_arrays, write_arrays
from framework.artefacts.digests import file_digest
from framework.artefacts.id_maps import Items, Users, read_items, read_users, write_items, write_users
from framework.artefacts.record import HINT, Contents, Record, as_json, from_json
from framework.errors import RunError
from framework.report.atomic import write_whole

WEIGHTS, USERS, ITEMS, RECORD = "weights.safetensors", "users.parquet", "items.parquet", "artefact.json"
FILES = (WEIGHTS, USERS, ITEMS, RECORD)
"""All that an artefact consists of; the record comes last, and a folder without one is none."""
HALF = ".half"


@dataclass(frozen=True)
class Artefact:
    """A fitted recommender as it lies on disk: its record, its state, and what its numbers stand for."""

    folder: Path
    record: Record
    state: Mapping[str, NDArray[Any]]
    users: Users
    items: Items


def write(folder: Path, record: Record, state: Mapping[str, NDArray[Any]], users: Users, items: Items) -> Path:
    """Write an artefact and return its folder; an older one there is replaced, other files stay.

    Everything is written beside it first, into .FOLDER.half: a reader finds the old artefact, the new one or none.

    Raises:
        RunError: the folder cannot be written, or the state holds more than numbers and bools.
    """
    half = folder.with_name(f".{folder.name}{HALF}")
    try:
        half.mkdir(parents=True, exist_ok=True)
        write_arrays(half / WEIGHTS, state)
        write_users(half / USERS, users)
        write_items(half / ITEMS, items)
        # safetensors writes for the owner alone, and who serves may be another user.
        (half / WEIGHTS).chmod(stat.S_IMODE((half / USERS).stat().st_mode))
        files = {name: _settled(half / name) for name in (WEIGHTS, USERS, ITEMS)}
        contents = Contents(len(users.ids), len(items.ids), described(state), files)
        write_whole(half / RECORD, as_json(record, contents))
        _take_the_name(half, folder)
    except OSError as error:
        raise RunError(
            f"The artefact '{folder}' cannot be written: {error.strerror or error}",
            hint="Free some space, or set report.artefacts=false.",
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return folder


def read(folder: Path) -> Artefact:
    """Return the artefact in a folder. Nothing in it is run: arrays, tables and JSON are all that there is.

    Raises:
        RunError: there is none, it is damaged or cut off, or a later version of prelaunch wrote it.
    """
    record, contents = read_record(folder)
    for name in (WEIGHTS, USERS, ITEMS):
        _check(folder / name, contents.files.get(name))
    state = read_arrays(folder / WEIGHTS)
    users, items = read_users(folder / USERS), read_items(folder / ITEMS)
    for what, found, written in (
        ("arrays", described(state), dict(contents.arrays)),
        ("users", len(users.ids), contents.users),
        ("items", len(items.ids), contents.items),
    ):
        if found != written:
            raise RunError(f"{folder} is damaged: its {what} are not those that its {RECORD} tells of", hint=HINT)
    return Artefact(folder, record, state, users, items)


def read_record(folder: Path) -> tuple[Record, Contents]:
    """Return what an artefact says of itself; raises as `read`."""
    path = folder / RECORD
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        below = artefacts_below(folder)
        raise RunError(
            f"There is no artefact in '{folder}'",
            allowed=[str(found) for found in below] or None,
            hint=None if below else "A run writes them with report.artefacts=true, into its folder artefacts/STRATEGY.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read: {error}", hint=HINT) from error
    return from_json(text, path)


def artefacts_below(folder: Path) -> list[Path]:
    """Return the folders at or below `folder` that hold an artefact, sorted; half ones are none."""
    found = (path.parent for path in folder.rglob(RECORD)) if folder.is_dir() else ()
    return sorted(path for path in found if not _is_half(path))


def remove_artefacts(folder: Path) -> None:
    """Remove every artefact below `folder`, half ones too, and folders that are empty then; other files stay.

    Raises OSError where something of an artefact cannot be removed.
    """
    for at, _, names in os.walk(folder, topdown=False):
        path = Path(at)
        if _is_half(path) or (RECORD in names and _is_record(path / RECORD)):
            for name in reversed(FILES):  # the record first: what is left of a removal that fails is no artefact
                (path / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: something of somebody else
            path.rmdir()


def folder_name(name: str) -> str:
    """Return a name that every file system takes for the strategy or segment `name`; different ones stay different."""
    safe = re.sub(r'[\x00-\x1f%/\\:*?"<>|]', lambda found: f"%{ord(found[0]):02X}", name)
    return re.sub(r"^[. ]|[. ]$", lambda found: f"%{ord(found[0]):02X}", safe) or "%"


def _is_half(folder: Path) -> bool:
    return folder.name.startswith(".") and folder.name.endswith(HALF)


def _is_record(path: Path) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"format", "component", "contents"} <= set(found)


def _settled(path: Path) -> str:
    """Return a written file's digest, once it is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    return file_digest(path)


def _take_the_name(half: Path, folder: Path) -> None:
    if not folder.exists():
        half.rename(folder)
        return
    (folder / RECORD).unlink(missing_ok=True)
    for name in FILES:
        (half / name).replace(folder / name)


def _check(path: Path, digest: str | None) -> None:
    try:
        found = file_digest(path)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}", hint=HINT) from error
    if found != digest:
        raise RunError(f"{path} is damaged: it is not the file that the artefact was written with", hint=HINT)

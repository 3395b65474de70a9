"""Write a whole file or none: what a reader finds under the name is never half of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from uuid import uuid4

from framework.errors import RunError


def write_whole(path: Path, text: str) -> Path:
    """Write `text` (UTF-8) to `path`, making its folder, and return `path`.

    The text goes to a neighbour first, which then takes the name in one step; writers at the same time, from whatever
    thread or machine, have neighbours of their own, and the last one's text stays. Raises RunError where the folder
    cannot be written or the disk is full; no half file is left and an older file stays as it was.
    """
    neighbour = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with neighbour.open("xb") as file:
            # Ids of broken encodings can hold lone surrogates, which UTF-8 has no bytes for.
            file.write(text.encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        neighbour.replace(path)
    except OSError as error:
        raise RunError(
            f"'{path}' cannot be written: {error.strerror or error}",
            hint="Free some space, or name a folder that you may write (hydra.run.dir=...).",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            neighbour.unlink(missing_ok=True)
    return path

"""Every user's segment, as a file: what `python -m framework export` starts from. It holds user ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from framework.errors import RunError


def write_segments(path: Path, users: Sequence[str], columns: Mapping[str, Sequence[str | None]]) -> Path:
    """Write one row a user: `user` and a column of segment names for each segmentation; whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    arrays = {"user": pa.array(users, pa.string())}
    arrays |= {name: pa.array(list(own), pa.string()) for name, own in columns.items()}
    half = path.with_suffix(".half")
    try:
        parquet.write_table(pa.table(arrays), half)
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written: {error}", hint="Free some space.") from error
    return path

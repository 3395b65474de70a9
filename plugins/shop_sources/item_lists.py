"""Files with a line a user, "user item item ...", as benchmarks of recommenders hand them round."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from framework.data.rawlog import RawLog
from framework.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

DAY = 86_400_000_000
START = 946_684_800_000_000
"""2000-01-01 UTC: where the made times begin, as such files have none."""


def item_lists(path: Path) -> dict[str, list[str]]:
    """Return each user's items in the file's order; a line with a user alone gives an empty list.

    Raises:
        DataError: the file is missing or empty, is no UTF-8, or a user has two lines.
    """
    found: dict[str, list[str]] = {}
    for number, words in numbered_lines(path):
        if words[0] in found:
            raise DataError(
                f"{path}, line {number}: user '{words[0]}' had a line before", hint="Join a user's items in one line."
            )
        found[words[0]] = words[1:]
    return found


def numbered_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the words of every line that has any, with the line's number from 1. Raises DataError as `item_lists`."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        beside = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        raise DataError(
            f"{path} is missing", hint=f"Its folder holds {', '.join(beside[:10]) or 'nothing'}."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    if not any(line.strip() for line in lines):
        raise DataError(f"{path} is empty", allowed="a line a user: user item item ...")
    for number, line in enumerate(lines, 1):
        words = line.split()
        if words:
            yield number, words


def flat(lists: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str], NDArray[np.int64]]:
    """Return user, item and place in the user's list (from 0) of every pair, one entry a pair."""
    users = [user for user, items in lists.items() for _ in items]
    items = [item for own in lists.values() for item in own]
    lengths = np.array([len(own) for own in lists.values()], dtype=np.int64)
    place = np.arange(len(items), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return users, items, place


def log_without_clock(path: Path, users: Sequence[str], items: Sequence[str], times: NDArray[np.int64]) -> RawLog:
    """Write (user, item, time) as Parquet, whole or not at all, and return its description.

    Times are microseconds since 1970 UTC, made up to put events in order.
    """
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"user": pa.array(users, pa.string()), "item": pa.array(items, pa.string()), "time": times})
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".half")
    parquet.write_table(table, half)
    half.replace(path)
    columns = {"user": "user", "item": "item", "time": "time"}
    return RawLog((path,), "parquet", columns, time_format="us", clock=False)

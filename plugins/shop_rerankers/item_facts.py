"""What a shop's own table says of its items (stock, margin): one row an item, read from CSV or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset
from framework.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa


def item_facts(path: Path, item: str, columns: Sequence[str], data: Dataset) -> dict[str, NDArray[np.float64]]:
    """Return each column by name (I,), in the order of `data.items`; NaN where the table says nothing of an item.

    Items of the table that the log does not have are passed over.

    Raises:
        DataError: the file or a column is missing, a value is no number, an item has two rows, or the table has none
            of the log's items.
    """
    table = _read(path, item)
    for name in (item, *columns):
        if name not in table.column_names:
            raise DataError(
                f"{path} has no column '{name}'",
                allowed=table.column_names,
                hint=did_you_mean(name, table.column_names),
            )
    ids = np.array([str(value) for value in table.column(item).to_pylist()], dtype=str)
    known, count = np.unique(ids, return_counts=True)
    if np.any(count > 1):
        raise DataError(f"{path} has {count.max()} rows of item '{known[count.argmax()]}'", allowed="one row an item")
    place = data.item_index(ids)
    if len(data.items) and not np.any(place >= 0):
        first = ", ".join(ids[:3]) or "nothing"
        raise DataError(
            f"{path} has none of the log's items in its column '{item}', which begins with {first}",
            allowed=f"ids as in the log, such as {', '.join(data.items[:3].tolist())}",
        )
    found = {}
    for name in columns:
        values = _numbers(table, name, path)
        found[name] = np.full(len(data.items), np.nan)
        found[name][place[place >= 0]] = values[place >= 0]
    return found


def _read(path: Path, item: str) -> pa.Table:
    """Return the file as a table, with the ids as texts: "007" stays what it is."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    if not path.is_file():
        beside = sorted(p.name for p in path.parent.glob("*")) if path.parent.is_dir() else []
        raise DataError(f"{path} is missing", hint=f"Its folder holds {', '.join(beside[:10]) or 'nothing'}.")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return parquet.read_table(path)
        return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types={item: pa.string()}))
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}", allowed="a CSV or Parquet file with a header") from error


def _numbers(table: pa.Table, name: str, path: Path) -> NDArray[np.float64]:
    """Return a column as numbers, NaN where it is empty."""
    found = np.full(table.num_rows, np.nan)
    for row, value in enumerate(table.column(name).to_pylist()):
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            found[row] = float(value)
        except (TypeError, ValueError):
            raise DataError(
                f"{path}, row {row + 1}: {name} is {value!r}", allowed="a number, or nothing where it is not known"
            ) from None
    return found

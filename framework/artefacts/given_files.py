"""Files that are handed to `recommend`: users to recommend to, and items that came after the training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.artefacts.id_maps import Items
from framework.data.encoding import encode
from framework.data.purchase_features import MINOR_UNITS
from framework.data.tables import ItemTable
from framework.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

FILES = "a CSV (UTF-8, with a header) or a Parquet file"


def read_users_file(path: Path) -> list[str]:
    """Return the ids in a file's column "user", in its order, each once; of a .txt file, its lines.

    Raises:
        DataError: the file cannot be read, or has no such column.
    """
    if path.suffix.lower() == ".txt":
        try:
            words = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path} cannot be read: {error}", allowed="a text file (UTF-8), an id a line") from error
    else:
        words = _texts(_table(path, ("user",)), "user")
    return list(dict.fromkeys(word for word in words if word))


def read_items_file(path: Path) -> Items:
    """Return the items of a file: its column "item", and where it has them "category", "price" and "text".

    Prices are in whole units of the currency. Raises DataError for a file that cannot be read, for an item without an
    id or with two rows, and for a price that is none.
    """
    table = _table(path, ("item",))
    ids = _texts(table, "item")
    seen: set[str] = set()
    for row, name in enumerate(ids, 1):
        if not name or name in seen:
            raise DataError(f"{path}, row {row}: " + (f"item '{name}' stands there twice" if name else "no item"))
        seen.add(name)
    category, categories = encode(_column(table, "category"))
    about = ItemTable(category, tuple(categories.tolist()), _prices(path, table), tuple(_texts(table, "text")))
    return Items(np.array(ids, dtype=np.str_), about)


def _table(path: Path, needed: tuple[str, ...]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if path.suffix.lower() == ".parquet":
            table = parquet.read_table(path)
        else:
            # Ids are texts, whatever they look like: 0071 is not 71.
            names = ("user", "item", "category", "text")
            kept = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), null_values=[""])
            kept.strings_can_be_null = True
            table = csv.read_csv(path, convert_options=kept)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}", allowed=FILES) from error
    absent = [name for name in needed if name not in table.column_names]
    if absent:
        raise DataError(f"{path} has no column '{absent[0]}'; it has {', '.join(table.column_names)}")
    return table


def _column(table: pa.Table, name: str) -> Any:
    """Return a column as texts, null where it is empty or not there at all."""
    import pyarrow as pa

    if name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    words = [None if value is None else str(value) or None for value in table.column(name).to_pylist()]
    return pa.chunked_array([pa.array(words, pa.string())])


def _texts(table: pa.Table, name: str) -> list[str]:
    return [word or "" for word in _column(table, name).to_pylist()]


def _prices(path: Path, table: pa.Table) -> Any:
    """Return prices in minor units, 0 where there is none."""
    found = np.zeros(table.num_rows, dtype=np.int64)
    for row, word in enumerate(_texts(table, "price")):
        if not word:
            continue
        try:
            value = float(word)
        except ValueError:
            value = np.nan
        if not (value >= 0.0 and np.isfinite(value)):
            raise DataError(f"{path}, row {row + 1}: price is '{word}'", allowed="a number from 0, in whole units")
        found[row] = round(value * MINOR_UNITS)
    return found

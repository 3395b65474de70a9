"""Vectors of items' images, computed elsewhere: a folder with ITEM.npy files, or a Parquet file with a row an item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import DataError


def image_vectors(path: Path, items: NDArray[np.str_], length: int | None = None) -> NDArray[np.float32]:
    """Return a vector of length 1 for each item (n, d), all 0 for an item without an image.

    Args:
        path: a folder of NumPy files named for their items, each of one vector; or a Parquet file with the columns
            `item` and `vector` (lists of numbers).
        items: ids.
        length: d, where it is known already; else vectors must agree on it.

    Raises:
        DataError: the path is missing or of another shape, vectors differ in length or are no finite numbers, or no
            item has one (only where `length` is not known).
    """
    found = _of_folder(path, items) if path.is_dir() else _of_parquet(path, items)
    lengths = {len(vector) for vector in found.values()} | ({length} if length is not None else set())
    if not lengths:
        raise DataError(
            f"{path} has no image vector of any of the {len(items)} items",
            allowed=f"ids as in the log, such as {', '.join(items[:3].tolist())}",
        )
    if len(lengths) > 1:
        raise DataError(
            f"{path} has vectors of the lengths {', '.join(map(str, sorted(lengths)))}", allowed="one length"
        )
    vectors = np.zeros((len(items), lengths.pop()), dtype=np.float32)
    for row, vector in found.items():
        if not np.isfinite(vector).all():
            raise DataError(f"{path}: the vector of item '{items[row]}' is not of finite numbers alone")
        vectors[row] = vector / max(float(np.linalg.norm(vector)), 1e-30)
    return vectors


def _of_folder(path: Path, items: NDArray[np.str_]) -> dict[int, NDArray[np.float64]]:
    found = {}
    for row, item in enumerate(items.tolist()):
        file = path / f"{item}.npy"
        # An id is no path: one with a slash in it has no file of its own.
        if file.parent != path or not file.is_file():
            continue
        try:
            found[row] = np.load(file, allow_pickle=False).astype(np.float64).reshape(-1)
        except (OSError, ValueError) as error:
            raise DataError(f"{file} is no vector in NumPy's format: {error}") from error
    return found


def _of_parquet(path: Path, items: NDArray[np.str_]) -> dict[int, NDArray[np.float64]]:
    import pyarrow as pa
    from pyarrow import parquet

    if not path.is_file():
        raise DataError(f"{path} is missing", allowed="a folder of ITEM.npy files, or a Parquet file")
    try:
        table = parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path} cannot be read: {error}", allowed="a Parquet file, or a folder of ITEM.npy files"
        ) from error
    for column in ("item", "vector"):
        if column not in table.column_names:
            raise DataError(f"{path} has no column '{column}'", allowed=table.column_names)
    place = {item: row for row, item in enumerate(items.tolist())}
    found = {}
    for item, vector in zip(table.column("item").to_pylist(), table.column("vector").to_pylist(), strict=True):
        row = place.get(str(item))
        if row is None or vector is None:
            continue
        try:
            found[row] = np.array(vector, dtype=np.float64).reshape(-1)
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}: the vector of item '{item}' is no list of numbers") from error
    return found

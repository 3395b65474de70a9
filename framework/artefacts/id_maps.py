"""From numbers back to ids: the users and the items that an artefact was fitted to, as two Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.artefacts.record import HINT
from framework.data.encoding import encode
from framework.data.tables import UNKNOWN, Dataset, ItemTable
from framework.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Users:
    """The training's users: `ids` (U,); `segment` (U,) names each one's segment, "" where there is none.

    What user u bought, each item once, is `bought[starts[u] : starts[u + 1]]`, indices of items.
    """

    ids: NDArray[np.str_]
    segment: NDArray[np.str_]
    bought: NDArray[np.int32]
    starts: NDArray[np.int64]

    @staticmethod
    def of(data: Dataset, labels: NDArray[np.int32], segment_names: Sequence[str]) -> Users:
        """Return the users of a data set; `labels` (U,) index `segment_names`, -1 for none."""
        matrix = data.matrix(("purchase",), binary=True)
        matrix.sort_indices()
        names = np.array([*segment_names, ""], dtype=np.str_)
        return Users(data.users, names[labels], matrix.indices.astype(np.int32), matrix.indptr.astype(np.int64))

    def purchases(self, items: int) -> csr_matrix:
        """Return who bought what (U, items), 1 where bought."""
        from scipy.sparse import csr_matrix

        ones = np.ones(len(self.bought), dtype=np.float32)
        return csr_matrix((ones, self.bought, self.starts), shape=(len(self.ids), items))


@dataclass(frozen=True)
class Items:
    """The catalogue: `ids` (I,), and what was known of each as of the training."""

    ids: NDArray[np.str_]
    table: ItemTable

    def categories(self) -> NDArray[np.str_]:
        """Return every item's category (I,), "" where it has none."""
        return np.array([*self.table.categories, ""], dtype=np.str_)[self.table.category]


def write_users(path: Path, users: Users) -> None:
    """Write a row a user: id, segment, indices of what was bought. Raises OSError where that cannot be."""
    import pyarrow as pa
    from pyarrow import parquet

    bought = pa.LargeListArray.from_arrays(users.starts, pa.array(users.bought, pa.int32()))
    columns = [pa.array(users.ids.tolist(), pa.string()), _words(users.segment), bought]
    parquet.write_table(pa.table(columns, names=["user", "segment", "bought"]), path)


def read_users(path: Path) -> Users:
    """Return the users that a file holds. Raises RunError where it is not whole."""
    import pyarrow as pa

    table = _read(path, {"user": pa.string(), "segment": pa.string(), "bought": pa.large_list(pa.int32())})
    bought = pa.concat_arrays(table.column("bought").chunks) if table.num_rows else None
    return Users(
        _ids(table.column("user")),
        _ids(table.column("segment")),
        np.zeros(0, np.int32) if bought is None else bought.flatten().to_numpy().copy(),
        np.zeros(1, np.int64) if bought is None else (bought.offsets.to_numpy() - bought.offsets[0].as_py()),
    )


def write_items(path: Path, items: Items) -> None:
    """Write a row an item: id, category, price in minor units, text, null where unknown; raises as `write_users`."""
    import pyarrow as pa
    from pyarrow import parquet

    price = pa.array(items.table.price, pa.int64(), mask=items.table.price == 0)
    texts = _words(np.array(items.table.text, dtype=np.str_))
    columns = [pa.array(items.ids.tolist(), pa.string()), _words(items.categories()), price, texts]
    parquet.write_table(pa.table(columns, names=["item", "category", "price", "text"]), path)


def read_items(path: Path) -> Items:
    """Return the items that a file holds. Raises RunError where it is not whole."""
    import pyarrow as pa

    table = _read(path, {"item": pa.string(), "category": pa.string(), "price": pa.int64(), "text": pa.string()})
    category, categories = encode(table.column("category"))
    prices = table.column("price").fill_null(0).to_numpy().astype(np.int64)
    about = ItemTable(category, tuple(categories.tolist()), prices, tuple(_ids(table.column("text")).tolist()))
    return Items(_ids(table.column("item")), about)


def place_by_id(ids: NDArray[np.str_], wanted: Sequence[str]) -> NDArray[np.int32]:
    """Return each wanted id's place in `ids`, -1 where it is unknown."""
    places = {name: place for place, name in enumerate(ids.tolist())}
    return np.array([places.get(name, UNKNOWN) for name in wanted], dtype=np.int32)


def _read(path: Path, columns: dict[str, pa.DataType]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
        return table.select(list(columns)).cast(pa.schema(list(columns.items())))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{path} cannot be read: {' '.join(str(error).split())}", hint=HINT) from error


def _words(values: NDArray[np.str_]) -> pa.Array:
    import pyarrow as pa

    return pa.array([value or None for value in values.tolist()], pa.string())


def _ids(column: pa.ChunkedArray) -> NDArray[np.str_]:
    return np.array(column.fill_null("").to_pylist(), dtype=np.str_)

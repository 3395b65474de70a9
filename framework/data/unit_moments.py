"""Moments of unit outcomes by arm, segment and bucket, computed by the dataframe engine in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.data.engine import Engine
from framework.stats.moments.cells import Cells
from framework.stats.moments.record import Moments

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

BUCKETS = 500
"""Hash buckets of units: enough for a bootstrap's tails, few enough that a table of them is small."""
SAMPLE = 10_000
"""Rows that the centre of each column is taken from, before the pass."""


def moments_of_units(
    engine: Engine,
    frame: nw.LazyFrame[Any],
    *,
    unit: str,
    arm: str,
    segment: str | None,
    groups: Sequence[Sequence[str]],
    buckets: int = BUCKETS,
) -> Cells:
    """Return the cells of a frame with one row a unit; a row with a missing value in any column must not be there.

    `groups` hold the columns that the metrics read: cross moments are computed within each group, and are nan between
    columns that no group has together. Sums run over deviations from the mean of the first `SAMPLE` rows, so that
    values around 1e8 with a spread of 1 keep their digits. Which bucket a unit falls into is the engine's own hash.
    Cells are sorted by arm, segment and bucket.
    """
    import narwhals as nw

    columns = tuple(dict.fromkeys(column for group in groups for column in group))
    pairs = list(
        dict.fromkeys(pair for group in groups for pair in combinations_with_replacement(sorted(set(group)), 2))
    )
    centres = _centres(engine, frame, columns)
    frame = engine.bucketed(frame, "prelaunch_bucket", unit, buckets)
    keys = {"prelaunch_arm": nw.col(arm), "prelaunch_bucket": nw.col("prelaunch_bucket")}
    if segment is not None:
        keys["prelaunch_segment"] = nw.col(segment)
    deviations = {column: nw.col(column).cast(nw.Float64) - centre for column, centre in centres.items()}
    names = {column: f"deviation_{place}" for place, column in enumerate(columns)}
    frame = frame.select(**keys, **{names[column]: deviation for column, deviation in deviations.items()}).with_columns(
        **{f"product_{place}": nw.col(names[a]) * nw.col(names[b]) for place, (a, b) in enumerate(pairs)}
    )
    sums = [nw.col(name).sum().alias(f"sum_{name}") for name in names.values()]
    squares = [nw.col(f"product_{place}").sum().alias(f"sum_product_{place}") for place in range(len(pairs))]
    table = engine.collect(frame.group_by(*keys).agg(nw.len().alias("units"), *sums, *squares))
    return _cells(table, columns, names, pairs, centres, segment is not None)


def _centres(engine: Engine, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> dict[str, float]:

    sample = engine.collect(frame.select(*columns).head(SAMPLE))
    return {
        column: float(np.nan_to_num(np.mean(sample.column(column).cast("double").to_numpy()))) if len(sample) else 0.0
        for column in columns
    }


def _cells(
    table: pa.Table,
    columns: tuple[str, ...],
    names: dict[str, str],
    pairs: Sequence[tuple[str, str]],
    centres: dict[str, float],
    segmented: bool,
) -> Cells:
    n = table.column("units").to_numpy().astype(np.float64)
    total = np.stack([table.column(f"sum_{names[column]}").to_numpy() for column in columns], axis=-1)
    offset = total / n[:, None]
    comoments = np.full((len(n), len(columns), len(columns)), np.nan)
    for place, (a, b) in enumerate(pairs):
        i, j = columns.index(a), columns.index(b)
        product = table.column(f"sum_product_{place}").to_numpy() - n * offset[:, i] * offset[:, j]
        comoments[:, i, j] = comoments[:, j, i] = product
    mean = offset + np.array([centres[column] for column in columns])
    arm = labels(table.column("prelaunch_arm"))
    segment = labels(table.column("prelaunch_segment")) if segmented else np.full(len(n), "all")
    bucket = table.column("prelaunch_bucket").to_numpy().astype(np.int64)
    # Engines give groups in any order, and the order of a sum moves its last digits.
    order = np.lexsort((bucket, segment, arm))
    return Cells(arm[order], segment[order], bucket[order], Moments(columns, n, mean, comoments).at(order))


def labels(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column's values as text, the way `analyse` compares them: 1 and 1.0 are "1"."""
    return np.array([label(value) for value in column.to_pylist()], dtype=np.str_)


def label(value: object) -> str:
    """Return one value as text: whole numbers without a fraction, truth values as true and false."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)

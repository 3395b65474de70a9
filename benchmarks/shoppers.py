"""The input of `moments`: users of a two-armed test with outcomes and what was known of them before, seeded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

USERS = int(os.environ.get("PRELAUNCH_BENCH_USERS", "10000000"))
CHUNK = 1_000_000
READ = (
    "variant",
    "revenue",
    "converted",
    "orders",
    "sessions",
    "minutes",
    "pre_minutes",
    "pre_orders",
    "pre_sessions",
)
"""The columns that the metrics read; `user` and `segment` are there besides."""


def prepare(folder: Path) -> None:
    """Write the users to a Parquet file, and to a table of a DuckDB file, which is an input of tea-tasting's."""
    import duckdb
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    writer = None
    for first in range(0, USERS, CHUNK):
        table = _drawn(rng, first, min(CHUNK, USERS - first))
        writer = writer or pq.ParquetWriter(parquet(folder), table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()
    with duckdb.connect(str(folder / "users.duckdb")) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.read_parquet(str(parquet(folder))).create("users")


def parquet(folder: Path) -> Path:
    """Return the users' Parquet file."""
    return folder / "users.parquet"


def _drawn(rng: np.random.Generator, first: int, n: int) -> pa.Table:
    import pyarrow as pa

    pre_sessions = rng.poisson(3, n)
    sessions = rng.poisson(0.5 * pre_sessions + 1.5) + 1
    pre_orders, orders = rng.binomial(pre_sessions, 0.2), rng.binomial(sessions, 0.21)
    pre_minutes = rng.gamma(2, 10, n)
    minutes = 0.8 * pre_minutes + rng.gamma(1, 6, n)
    revenue = np.where(rng.random(n) < 0.05, rng.lognormal(3, 1, n), 0.0)
    columns = {
        "user": np.arange(first, first + n),
        "variant": rng.integers(0, 2, n),
        "segment": np.array(["new", "regular", "vip"])[rng.integers(0, 3, n)],
        "revenue": revenue,
        "converted": (revenue > 0).astype(np.int64),
        "orders": orders.astype(np.float64),
        "sessions": sessions.astype(np.float64),
        "minutes": minutes,
        "pre_minutes": pre_minutes,
        "pre_orders": pre_orders.astype(np.float64),
        "pre_sessions": pre_sessions.astype(np.float64),
    }
    return pa.table({name: pa.array(values) for name, values in columns.items()})

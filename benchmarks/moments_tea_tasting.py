"""tea-tasting's side of `moments`; runs in an environment of its own, so it imports nothing of ours.

`python moments_tea_tasting.py FOLDER ANSWER HOW INPUT`
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tea_tasting as tt

COLUMNS = [
    "variant",
    "revenue",
    "converted",
    "orders",
    "sessions",
    "minutes",
    "pre_minutes",
    "pre_orders",
    "pre_sessions",
]


def ibis_on(kind: str, folder: Path) -> object:
    """Return the users as an ibis table: tea-tasting then asks the database for means, variances, covariances."""
    import ibis

    if kind == "file":
        return ibis.duckdb.connect(folder / "users.duckdb", read_only=True).table("users")
    connection = ibis.duckdb.connect()
    users = connection.read_parquet(folder / "users.parquet")
    return connection.create_table("kept", users) if kind == "memory" else users


def narwhals_on(kind: str, folder: Path) -> object:
    """Return the users as what Narwhals takes."""
    if kind == "file":
        import duckdb

        return duckdb.connect(str(folder / "users.duckdb"), read_only=True).table("users")
    file = str(folder / "users.parquet")
    if kind == "polars":
        import polars as pl

        return pl.scan_parquet(file)
    if kind == "pandas":
        import pandas as pd

        return pd.read_parquet(file, columns=COLUMNS)
    import duckdb

    return duckdb.read_parquet(file)


def main(folder: str, answer: str, how: str, kind: str) -> None:
    """Analyse, and save a row a metric: control, treatment, relative effect with its interval, p.

    Where tea-tasting offers several ways, it is asked for ours: no continuity correction, normal reference for a ratio.
    Its one interval for proportions that is ours (unpooled, on the log ratio) comes with another p, so it is a metric
    of its own.
    """
    users = (ibis_on if how == "ibis" else narwhals_on)(kind, Path(folder))
    found = tt.Experiment(
        revenue=tt.Mean("revenue"),
        converted=tt.Proportion("converted", correction=False),
        orders_per_session=tt.RatioOfMeans("orders", "sessions", use_t=False),
        minutes=tt.Mean("minutes", "pre_minutes"),
        adjusted=tt.RatioOfMeans("orders", "sessions", "pre_orders", "pre_sessions"),
        unpooled=tt.Proportion("converted", correction=False, equal_var=False),
    ).analyze(users)
    unpooled = found.pop("unpooled")
    rows = []
    for name, metric in found.items():
        interval = unpooled if name == "converted" else metric
        ends = interval.rel_effect_size_ci_lower, interval.rel_effect_size_ci_upper
        rows.append((metric.control, metric.treatment, metric.rel_effect_size, *ends, metric.pvalue))
    np.save(answer, np.array(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])

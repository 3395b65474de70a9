"""Spark in local mode gives what DuckDB gives, on small logs. Skips where PySpark or Java is absent."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.data.cancellations import net_purchases
from framework.data.cleaning import clean
from framework.data.engine import Engine, open_engine
from framework.data.rawlog import RawLog
from framework.data.reading import read_log
from framework.data.settings import CleaningConfig, DataConfig
from framework.errors import DataError

pytest.importorskip("pyspark")
pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="Spark needs Java 17"),
    # PySpark leaves the sockets over which it talks with Java to the garbage collector.
    pytest.mark.filterwarnings("ignore:.*socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning"),
]
COLUMNS = {"user": "user", "time": "time", "item": "item", "quantity": "qty", "price": "price", "order": "order"}


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """Keep one session for all tests of the file: to start one takes seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.shuffle.partitions", "2").config("spark.driver.host", "127.0.0.1")
        # Small, so that one file is cut into several blocks.
        running = builder.config("spark.sql.files.maxPartitionBytes", "20000").getOrCreate()
    yield running
    running.stop()


def random_log(rng: np.random.Generator, rows: int) -> pa.Table:
    cancelled = rng.random(rows) < 0.2
    size = rng.integers(0, 6, rows)
    return pa.table(
        {
            "user": [None if u == 0 else f"u{u}" for u in rng.integers(0, 20, rows)],
            "time": pa.array(np.sort(rng.integers(1.2e9, 1.4e9, rows)) // 90_000 * 90_000 * 10**6, pa.timestamp("us")),
            "item": [f"i{i}" for i in rng.integers(0, 8, rows)],
            "qty": np.where(cancelled, -size, size).astype(float),
            "price": rng.integers(-1, 500, rows) / 100,
            "order": [f"{'C' * int(c)}{number // 3}" for number, c in enumerate(cancelled)],
        }
    )


def cleaned(raw: RawLog, engine: Engine) -> tuple[Any, list[Any], list[Any], list[Any]]:
    with engine:
        log = clean(raw, engine, CleaningConfig())
        left = net_purchases(log.frame, log.cancellations)
        tables = [engine.collect(part.sort("row")).to_pylist() for part in (log.frame, log.cancellations, left)]
    return log.account, tables[0], tables[1], tables[2]


@pytest.mark.parametrize("file_format", [pytest.param("csv", marks=pytest.mark.slow), "parquet"])
def test_spark_equals_duckdb(session: Any, tmp_path: Path, file_format: str) -> None:
    import pyarrow.csv as pc

    (tmp_path / "parts").mkdir()
    table = random_log(np.random.default_rng(7), 3000)
    for number, start in enumerate((0, 500, 2500)):
        part = table.slice(start, (500, 2000, 500)[number])
        file = tmp_path / "parts" / f"{number}.{file_format}"
        if file_format == "csv":
            pc.write_csv(part, file)
        else:
            pq.write_table(part, file, row_group_size=300)
    raw = RawLog(
        (tmp_path / "parts",),
        file_format,
        COLUMNS,
        time_zone="Europe/London",
        cancellation_prefix="C",
        not_products=("i[67]",),
    )
    here = cleaned(raw, open_engine(DataConfig(), tmp_path / "duckdb"))
    there = cleaned(raw, open_engine(DataConfig(engine="spark"), tmp_path / "spark"))
    assert here == there
    assert here[0].rows_in == 3000
    assert sum(row.rows_removed > 0 for row in here[0].rules) >= 8


def test_times_and_bad_lines(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    times = "2011-07-01 12:00:00", "2011-07-01T12:00:00Z", "1309521600", "2011-07-01T12:00:00+02:00"
    good = [f'"a\nb",{time}\n' for time in times]
    path.write_text("".join(["user,time\n", *good[:2], "c,2011-01-01,extra\n", *good[2:]]))
    raw = RawLog((path,), "csv", {"user": "user", "time": "time"}, time_zone="Europe/London", on_bad_line="skip")
    with open_engine(DataConfig(engine="spark"), tmp_path) as engine:
        log = read_log(raw, engine)
        rows = engine.collect(log.frame.sort("row").select("time", "user", "row")).to_pylist()
    assert [row["time"] // 10**6 for row in rows] == [1_309_518_000, 1_309_521_600, 1_309_521_600, 1_309_514_400]
    assert [row["row"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["user"] == "a\nb"
    assert log.unreadable.count == 1
    assert log.unreadable.text == "c,2011-01-01,extra"


def test_bad_values_are_named(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user,time\na,1/12/2010 8:26\nb,soon\n")
    raw = RawLog((path,), "csv", {"user": "user", "time": "time"}, time_format="%d/%m/%Y %H:%M")
    with open_engine(DataConfig(engine="spark"), tmp_path) as engine, pytest.raises(DataError, match=r"row 2.*'soon'"):
        read_log(raw, engine)


def test_a_running_session_is_left_running(session: Any, tmp_path: Path) -> None:
    with open_engine(DataConfig(engine="spark"), tmp_path) as engine:
        assert engine.collect(nw.from_native(session.range(3))).num_rows == 3
    assert session.range(2).count() == 2
    assert not list(tmp_path.iterdir())

"""What DuckDB says of files that it cannot read, of too little memory and of its own folder, as our errors."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.data.duckdb_engine import DuckDBEngine
from framework.data.settings import DataConfig
from framework.errors import DataError, RunError

ROWS = 3000
COLUMNS = {"number": "number", "text": "text"}


def table() -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table({"number": rng.normal(size=ROWS), "text": [f"name {place % 97}" for place in range(ROWS)]})


def parquet(path: Path, compression: str) -> Path:
    """Write a Parquet file whose pages are damaged and whose footer, which holds the schema, is whole."""
    pq.write_table(table(), path, compression=compression)
    raw = bytearray(path.read_bytes())
    raw[4:400] = bytes(396)
    path.write_bytes(raw)
    return path


def read(folder: Path, *paths: Path, limit: str = "600MB", materialised: bool = False) -> None:
    with DuckDBEngine(DataConfig(memory_limit=limit, threads=1), folder) as engine:
        if paths[0].suffix == ".parquet":
            frame = engine.read_parquet(paths, COLUMNS)
        else:
            frame = engine.read_csv(paths, COLUMNS, tuple(COLUMNS), ",")
        if materialised:
            engine.materialise(frame, "log")
        engine.collect(frame)


def message(folder: Path, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, path)
    assert isinstance(caught.value.__cause__, duckdb.Error)
    assert list(folder.iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_a_parquet_file_with_damaged_pages_is_named(tmp_path: Path, compression: str) -> None:
    path = parquet(tmp_path / "broken.parquet", compression)
    (tmp_path / "work").mkdir()
    assert message(tmp_path / "work", path).startswith(f"{path} cannot be read: ")


def test_a_cut_csv_gz_is_named(tmp_path: Path) -> None:
    text = "number,text\n" + "".join(f"{place},{place * 7919 % 9973}\n" for place in range(40_000))
    whole = gzip.compress(text.encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "work").mkdir()
    assert message(tmp_path / "work", path).startswith(f"{path} cannot be read: ")


def test_of_two_files_the_broken_one_is_named_where_duckdb_tells(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "whole.parquet")
    paths = [tmp_path / "whole.parquet", parquet(tmp_path / "broken.parquet", "snappy")]
    (tmp_path / "work").mkdir()
    with pytest.raises(DataError) as caught:
        read(tmp_path / "work", *paths)
    said = str(caught.value)
    assert said.startswith((f"{paths[1]} cannot be read", f"one of 2 files, such as {paths[0]}, cannot be read"))


@pytest.mark.parametrize("materialised", [True, False])
def test_too_little_memory_is_one_line_with_the_key(tmp_path: Path, materialised: bool) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("number,text\n" + "1234567,abcdefg\n" * 200_000)
    with pytest.raises(DataError) as caught:
        read(tmp_path, path, limit="1MB", materialised=materialised)
    said = str(caught.value)
    assert said.startswith(f"DuckDB ran out of memory{' at ' if materialised else ': '}")
    assert said.endswith("Raise data.memory_limit, or use fewer threads (data.threads).")
    assert "\n" not in said
    assert "SET " not in said  # DuckDB's own advice names settings that a study does not have


def test_a_fault_of_the_engines_own_file_is_no_fault_of_the_data(tmp_path: Path) -> None:
    caught = pytest.raises(RunError, match=f"cannot work in {tmp_path}.*hydra.run.dir")
    with caught, DuckDBEngine(DataConfig(threads=1), tmp_path) as engine:
        raise duckdb.IOException(f"IO Error: Could not write file {engine.file}: Input/output error")


@pytest.mark.parametrize("error", [duckdb.BinderException, duckdb.InternalException, ValueError])
def test_faults_of_a_query_stay_what_they_are(tmp_path: Path, error: type[Exception]) -> None:
    with pytest.raises(error, match="ours"), DuckDBEngine(DataConfig(threads=1), tmp_path):
        raise error("ours")

"""Clean logs for the tests of splits, features and data sets, straight from rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.data.account import Cleaning
from framework.data.engine import Engine, open_engine
from framework.data.events import CleanLog
from framework.data.settings import DataConfig

DAY = 86_400_000_000
TYPES = {
    "user": pa.string(),
    "time": pa.int64(),
    "item": pa.string(),
    "event": pa.string(),
    "quantity": pa.float64(),
    "price": pa.int64(),
    "order": pa.string(),
    "category": pa.string(),
    "text": pa.string(),
    "rating": pa.float64(),
}


@dataclass(frozen=True)
class LogMaker:
    """Makes clean logs from rows of {column: value}; what a row leaves out is null, one piece, a purchase."""

    engine: Engine
    folder: Path

    def __call__(self, rows: Sequence[dict[str, Any]], *, items: dict[str, list[Any]] | None = None) -> CleanLog:
        filled = [{"quantity": 1.0, "event": "purchase"} | row for row in rows]
        columns = {name: pa.array([row.get(name) for row in filled], kind) for name, kind in TYPES.items()}
        columns["row"] = pa.array(range(1, len(rows) + 1), pa.int64())
        columns["amount"] = pa.array([round((r.get("price") or 0) * r["quantity"]) for r in filled], pa.int64())
        columns["flagged"] = pa.array([False] * len(rows), pa.bool_())
        frame = self.frame(columns)
        kinds = tuple(sorted({row["event"] for row in filled} - {"cancellation"}))
        return CleanLog(
            frame=frame.filter(nw.col("event") != "cancellation"),
            cancellations=frame.filter(nw.col("event") == "cancellation"),
            kinds=kinds,
            has=frozenset(name for name in TYPES if any(row.get(name) is not None for row in rows)),
            account=Cleaning(len(rows), len(rows), ()),
            currency="EUR",
            time_zone="UTC",
            digest="",
            engine=self.engine,
            items=None if items is None else self.frame({name: pa.array(values) for name, values in items.items()}),
        )

    def frame(self, columns: dict[str, pa.Array]) -> nw.LazyFrame[Any]:
        path = self.folder / f"{uuid4().hex}.parquet"
        pq.write_table(pa.table(columns), path)
        return self.engine.materialise(self.engine.read_parquet([path]), f"made_{path.stem}")


@pytest.fixture
def make_log(tmp_path: Path) -> Iterator[LogMaker]:
    with open_engine(DataConfig(), tmp_path / "engine") as engine:
        yield LogMaker(engine, tmp_path)


@pytest.fixture(scope="session")
def open_log_maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], LogMaker]]:
    """Return a function that opens an engine by name for the whole session."""
    with ExitStack() as stack:

        def open_one(name: str) -> LogMaker:
            folder = tmp_path_factory.mktemp(name)
            config = DataConfig(engine=name, threads=1)
            return LogMaker(stack.enter_context(open_engine(config, folder / "engine")), folder)

        yield open_one

"""The engine for logs that outgrow one machine: PySpark 4. Needs Java 17 and the extra `spark`.

A session that runs already is used, and left running; else one is started on this machine. What is kept lies in
Parquet files below the run's folder, so that on a cluster the folder must be shared.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import narwhals as nw
from pyspark.errors import PySparkException, PySparkRuntimeError
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as sf
from pyspark.sql.types import StringType, StructField, StructType

from framework.data.engine import HAS_OFFSET, BadLines
from framework.data.settings import DataConfig
from framework.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

CORRUPT = "_prelaunch_corrupt"
PLACE = ("_prelaunch_file", "_prelaunch_block")
ID = "_prelaunch_id"
JAVA_SIGNS = {
    "Y": "yyyy", "y": "yy", "m": "M", "d": "d", "H": "H", "I": "h", "M": "m", "S": "s", "f": "SSSSSS",
    "p": "a", "b": "MMM", "B": "MMMM", "z": "XX", "j": "D",
}  # fmt: skip
"""Spark's letters for the signs of strptime."""


class SparkEngine:
    """A Spark session in UTC, and a folder of Parquet files, which `close` deletes."""

    name = "spark"

    def __init__(self, config: DataConfig, folder: Path) -> None:
        self.folder = folder.resolve() / f"spark-{uuid4().hex[:8]}"
        self.owned = SparkSession.getActiveSession() is None
        # A loopback address, as the machine's own name need not resolve.
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder = (
            SparkSession.builder.appName("prelaunch")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.ansi.enabled", "true")
            .config("spark.sql.files.ignoreCorruptFiles", "false")
            .config("spark.ui.showConsoleProgress", "false")
        )
        if self.owned and "SPARK_REMOTE" not in os.environ:
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
            builder = builder.config("spark.sql.shuffle.partitions", str(2 * (config.threads or os.cpu_count() or 1)))
            if "SPARK_MASTER" not in os.environ and "MASTER" not in os.environ:
                builder = builder.master(f"local[{config.threads or '*'}]")
            if config.memory_limit is not None:
                builder = builder.config("spark.driver.memory", config.memory_limit.upper().removesuffix("B"))
        try:
            self.session = builder.getOrCreate()
        except PySparkRuntimeError as error:
            raise ConfigError(f"Spark does not start: {error}", hint="It needs Java 17: set JAVA_HOME.") from error
        self.session.conf.set("spark.sql.session.timeZone", "UTC")
        self._lines: Any = None

    def read_csv(
        self, paths: Sequence[Path], columns: Mapping[str, str], header: Sequence[str], separator: str
    ) -> nw.LazyFrame[Any]:
        """Read permissively as text; lines that do not fit are told apart by Spark's column of corrupt records."""
        schema = StructType([StructField(name, StringType()) for name in [*header, CORRUPT]])
        reader = self.session.read.schema(schema).option("columnNameOfCorruptRecord", CORRUPT)
        table = reader.csv(
            [path.resolve().as_uri() for path in paths],
            sep=separator,
            header=True,
            enforceSchema=True,
            multiLine=True,
            quote='"',
            escape='"',
            mode="PERMISSIVE",
        )
        # Spark decides whether a line fits by the columns that a query asks for, unless it must parse all of them.
        self.session.conf.set("spark.sql.csv.parser.columnPruning.enabled", "false")
        chosen = [sf.nullif(sf.col(f"`{theirs}`"), sf.lit("")).alias(ours) for ours, theirs in columns.items()]
        self._lines = self._kept(
            _placed(table).select(*chosen, *PLACE, CORRUPT, sf.monotonically_increasing_id().alias(ID)), "csv_lines"
        )
        # What was left out may leave no gap in the numbers.
        good = self._lines.filter(sf.col(CORRUPT).isNull()).drop(CORRUPT)
        good = good.withColumn(ID, sf.row_number().over(Window.partitionBy(*PLACE).orderBy(ID)))
        return _frame(self._numbered(good, paths))

    def bad_lines(self) -> BadLines:
        """Count corrupt records; Spark knows their text, not their line."""
        if self._lines is None:
            return BadLines(0)
        bad = self._lines.filter(sf.col(CORRUPT).isNotNull()).select(PLACE[0], CORRUPT)
        count = bad.count()
        first = bad.first()
        if first is None:
            return BadLines(0)
        return BadLines(int(count), str(first[0]), None, str(first[1]), "The line does not fit the header.")

    def read_parquet(self, paths: Sequence[Path], columns: Mapping[str, str] | None = None) -> nw.LazyFrame[Any]:
        """Read with Spark's own scan; timestamps without a zone stay without one."""
        table = self.session.read.parquet(*[path.resolve().as_uri() for path in paths])
        if columns is None:
            return _frame(table)
        chosen = [sf.col(f"`{theirs}`").alias(ours) for ours, theirs in columns.items()]
        return _frame(
            self._numbered(_placed(table).select(*chosen, *PLACE, sf.monotonically_increasing_id().alias(ID)), paths)
        )

    def _numbered(self, table: Any, paths: Sequence[Path]) -> Any:
        """Number rows over files and blocks in order: Spark spreads blocks over partitions as it likes."""
        blocks = table.groupBy(*PLACE).agg(sf.min(ID), sf.count(sf.lit(1))).collect()
        order = {path.resolve().as_uri(): index for index, path in enumerate(paths)}
        blocks.sort(key=lambda block: (order.get(block[0].replace("file:/", "file:///", 1), 0), block[0], block[1]))
        before = accumulate((block[3] for block in blocks), initial=0)
        starts = [(*block[:2], since - block[2] + 1) for block, since in zip(blocks, before, strict=False)]
        kind = "_prelaunch_file string, _prelaunch_block long, _prelaunch_shift long"
        shifts = sf.broadcast(self.session.createDataFrame(starts, kind))
        joined = table.join(shifts, on=list(PLACE), how="inner")
        row = (sf.col(ID) + sf.col("_prelaunch_shift")).alias("row")
        return joined.select(row, *[name for name in table.columns if not name.startswith("_prelaunch")])

    def parse_numbers(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Cast with try_cast."""
        added = {new: sf.expr(f"try_cast(`{column}` AS DOUBLE)") for new, column in columns.items()}
        return _frame(nw.to_native(frame).withColumns(added))

    def parse_times(
        self, frame: nw.LazyFrame[Any], name: str, column: str, time_format: str | None
    ) -> nw.LazyFrame[Any]:
        """Cast with try_cast or try_to_timestamp."""
        native = nw.to_native(frame)
        text = sf.col(column)
        if time_format is None:
            moment = text.try_cast("timestamp")
            zoned = sf.coalesce(text.rlike(HAS_OFFSET), sf.lit(False))
        else:
            moment = sf.try_to_timestamp(text, sf.lit(_java_format(time_format)))
            zoned = sf.lit("%z" in time_format)
        return _frame(native.withColumns({name: sf.unix_micros(moment), f"{name}_zoned": zoned}))

    def count_micros(self, frame: nw.LazyFrame[Any], name: str, column: str) -> nw.LazyFrame[Any]:
        """Use unix_micros, the session being in UTC."""
        native = nw.to_native(frame)
        return _frame(native.withColumn(name, sf.unix_micros(sf.col(column).cast("timestamp"))))

    def bucketed(self, frame: nw.LazyFrame[Any], name: str, column: str, buckets: int) -> nw.LazyFrame[Any]:
        """Use Spark's xxhash64."""
        number = sf.pmod(sf.xxhash64(sf.col(column)), sf.lit(buckets)).cast("long")
        return _frame(nw.to_native(frame).withColumn(name, number))

    def materialise(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Write Parquet and read it again: the plan starts anew, and nothing is computed twice."""
        return _frame(self._kept(nw.to_native(frame), name))

    def _kept(self, table: Any, name: str) -> Any:
        path = (self.folder / name).as_uri()
        try:
            table.write.mode("overwrite").parquet(path)
        except PySparkException as error:
            raise DataError(f"Spark could not compute '{name}': {error}") from error
        return self.session.read.parquet(path)

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """Return an Arrow table."""
        return nw.to_native(frame).toArrow()

    def close(self) -> None:
        """Delete what was kept; stop the session where this engine started it."""
        if self.owned:
            self.session.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _placed(table: Any) -> Any:
    table = table.withColumn(PLACE[0], sf.col("_metadata.file_path"))
    return table.withColumn(PLACE[1], sf.col("_metadata.file_block_start"))


def _frame(native: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def _java_format(time_format: str) -> str:
    parts: list[str] = []
    position = 0
    while position < len(time_format):
        sign = time_format[position]
        if sign == "%":
            letter = time_format[position + 1 : position + 2]
            if letter not in JAVA_SIGNS:
                raise ConfigError(
                    f"time_format '{time_format}' has %{letter}, which Spark cannot read",
                    allowed=[f"%{known}" for known in JAVA_SIGNS],
                )
            parts.append(JAVA_SIGNS[letter])
            position += 2
            continue
        parts.append(f"'{sign}'" if sign.isalpha() else "''" if sign == "'" else sign)
        position += 1
    return "".join(parts)

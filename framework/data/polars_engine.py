"""Polars: the engine for logs that fit into memory, where it is installed anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import narwhals as nw
import polars as pl

from framework.data.engine import HAS_OFFSET, BadLines
from framework.data.logfiles import TO_UTF8
from framework.data.settings import DataConfig
from framework.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

LOCAL_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")
ZONED_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")


class PolarsEngine:
    """Lazy frames on tables in memory; CSV files are read whole, by Arrow, which names bad lines."""

    name = "polars"

    def __init__(self, config: DataConfig, folder: Path) -> None:
        del config, folder  # memory and threads belong to the process (POLARS_MAX_THREADS)
        self._bad = BadLines(0)

    def read_csv(
        self, paths: Sequence[Path], columns: Mapping[str, str], header: Sequence[str], separator: str
    ) -> nw.LazyFrame[Any]:
        """Read with Arrow as text; rows that do not fit the header are left out and remembered."""
        import pyarrow as pa
        import pyarrow.csv as pc

        bad: list[tuple[str, int | None, str, str]] = []
        tables = []
        for path in paths:

            def remember(row: Any, path: Path = path) -> str:
                fault = f"Expected Number of Columns: {row.expected_columns} Found: {row.actual_columns}"
                bad.append((str(path), row.number, row.text, fault))
                return "skip"

            try:
                tables.append(
                    pc.read_csv(
                        path,
                        read_options=pc.ReadOptions(use_threads=False),  # only then are rows numbered
                        parse_options=pc.ParseOptions(
                            delimiter=separator, newlines_in_values=True, invalid_row_handler=remember
                        ),
                        convert_options=pc.ConvertOptions(
                            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, null_values=[""]
                        ),
                    )
                )
            except pa.ArrowInvalid as error:
                utf8 = "utf8" in str(error).lower()
                what = "is not in UTF-8" if utf8 else "cannot be read"
                raise DataError(f"{path} {what}: {error}", hint=TO_UTF8 if utf8 else None) from error
        self._bad = BadLines(len(bad), *bad[0]) if bad else BadLines(0)
        return self._numbered(pl.from_arrow(pa.concat_tables(tables)).lazy(), columns)  # type: ignore[union-attr]

    def bad_lines(self) -> BadLines:
        """Return what the last reading remembered."""
        return self._bad

    def read_parquet(self, paths: Sequence[Path], columns: Mapping[str, str] | None = None) -> nw.LazyFrame[Any]:
        """Scan with Polars, in the order of the files."""
        table = pl.scan_parquet(list(paths))
        return _frame(table) if columns is None else self._numbered(table, columns)

    def _numbered(self, table: pl.LazyFrame, columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        chosen = table.select(pl.col(theirs).alias(ours) for ours, theirs in columns.items())
        return _frame(chosen.with_row_index("row", offset=1).with_columns(pl.col("row").cast(pl.Int64)))

    def parse_numbers(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Cast, not strictly."""
        added = {
            new: pl.col(column).str.strip_chars().cast(pl.Float64, strict=False) for new, column in columns.items()
        }
        return _frame(nw.to_native(frame).with_columns(**added))

    def parse_times(
        self, frame: nw.LazyFrame[Any], name: str, column: str, time_format: str | None
    ) -> nw.LazyFrame[Any]:
        """Try each form of ISO 8601, or the one format."""
        text = pl.col(column)

        def zoned_time(form: str) -> pl.Expr:
            return text.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False).dt.epoch("us")

        def local_time(form: str) -> pl.Expr:
            return text.str.to_datetime(form, time_unit="us", strict=False).dt.epoch("us")

        if time_format is not None:
            zoned = pl.lit("%z" in time_format)
            moment = zoned_time(time_format) if "%z" in time_format else local_time(time_format)
        else:
            zoned = text.str.contains(HAS_OFFSET).fill_null(value=False)
            dates = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")).dt.epoch("us")
            local = pl.coalesce(*[local_time(form) for form in LOCAL_FORMATS], dates)
            moment = pl.when(zoned).then(pl.coalesce(*[zoned_time(form) for form in ZONED_FORMATS])).otherwise(local)
        return _frame(nw.to_native(frame).with_columns(moment.alias(name), zoned.alias(f"{name}_zoned")))

    def count_micros(self, frame: nw.LazyFrame[Any], name: str, column: str) -> nw.LazyFrame[Any]:
        """Use the epoch; a time zone does not move it."""
        moment = pl.col(column).cast(pl.Datetime("us")) if _is_date(frame, column) else pl.col(column)
        return _frame(nw.to_native(frame).with_columns(moment.dt.epoch("us").alias(name)))

    def bucketed(self, frame: nw.LazyFrame[Any], name: str, column: str, buckets: int) -> nw.LazyFrame[Any]:
        """Use Polars' hash."""
        number = (pl.col(column).hash(seed=0) % buckets).cast(pl.Int64)
        added: nw.LazyFrame[Any] = nw.from_native(nw.to_native(frame).with_columns(number.alias(name)))
        return added

    def materialise(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Compute into memory."""
        del name
        return _frame(nw.to_native(frame).collect().lazy())

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """Return an Arrow table with plain strings."""
        return frame.collect("pyarrow").to_native()

    def close(self) -> None:
        """Forget what was remembered; memory goes with the frames."""
        self._bad = BadLines(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _is_date(frame: nw.LazyFrame[Any], column: str) -> bool:
    return frame.collect_schema()[column] == nw.Date


def _frame(native: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame

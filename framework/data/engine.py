"""The dataframe engine: what it must do besides running Narwhals expressions, and how one is opened.

Everything that every engine can say in Narwhals is written in Narwhals, once. An engine adds what Narwhals leaves
out: reading files with row numbers, casts that give null rather than fail, and keeping a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from framework.data.settings import DataConfig
from framework.errors import ConfigError, RunError, did_you_mean

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

HAS_OFFSET = r":\d{2}(\.\d+)?\s*(Z|[+-]\d{2}(:?\d{2})?)$"
"""Matches a time text that says its own offset from UTC."""
ENGINES = {
    "duckdb": ("framework.data.duckdb_engine", "DuckDBEngine", "duckdb"),
    "spark": ("framework.data.spark_engine", "SparkEngine", "pyspark"),
    "polars": ("framework.data.polars_engine", "PolarsEngine", "polars"),
}
"""Name of each engine, with its module, class and the package that it needs."""


@dataclass(frozen=True)
class BadLines:
    """Lines of a CSV file that do not hold a row: how many, and file, number, text and fault of the first."""

    count: int
    file: str = ""
    line: int | None = None
    text: str = ""
    fault: str = ""


class Engine(Protocol):
    """Runs the data stage; a context manager that lets go of everything at its end."""

    name: str

    def read_csv(
        self, paths: Sequence[Path], columns: Mapping[str, str], header: Sequence[str], separator: str
    ) -> nw.LazyFrame[Any]:
        """Return `columns` (ours to theirs) of CSV files with one header, as text, empty fields as null.

        `row` (int64) numbers the rows that can be read from 1, over all files in their order. Lines that hold no row
        are left out and told by `bad_lines`.
        """
        ...

    def bad_lines(self) -> BadLines:
        """Return what the last `read_csv` left out; ask after its frame was materialised."""
        ...

    def read_parquet(self, paths: Sequence[Path], columns: Mapping[str, str] | None = None) -> nw.LazyFrame[Any]:
        """Return `columns` of Parquet files (ours to theirs) with `row`; null: all of them, without it."""
        ...

    def parse_numbers(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Add float64 columns (new name to text column); null where the text is no number."""
        ...

    def parse_times(
        self, frame: nw.LazyFrame[Any], name: str, column: str, time_format: str | None
    ) -> nw.LazyFrame[Any]:
        """Add `name` (int64 microseconds, null where the text is no time) and `{name}_zoned` (the text had an offset).

        `time_format` is in the signs of `strptime`; null reads ISO 8601. Without an offset it is local time.
        """
        ...

    def count_micros(self, frame: nw.LazyFrame[Any], name: str, column: str) -> nw.LazyFrame[Any]:
        """Add `name`: int64 microseconds since 1970 of a column of dates or timestamps; UTC where they have a zone."""
        ...

    def bucketed(self, frame: nw.LazyFrame[Any], name: str, column: str, buckets: int) -> nw.LazyFrame[Any]:
        """Add `name`: a number (int64) from 0 to `buckets` - 1, a hash of a column; the same value, the same number.

        The hash is the engine's own, and another engine's numbers differ.
        """
        ...

    def materialise(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Compute a frame once and keep it under a name until the engine closes."""
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """Compute a frame into memory."""
        ...

    def close(self) -> None:
        """Let go of connections and of what `materialise` kept."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


def open_engine(config: DataConfig, folder: Path) -> Engine:
    """Open the engine that a config names; what it must put on disk goes below `folder`, which is made.

    Raises:
        ConfigError: there is no such engine, or its package is not installed.
        RunError: the folder cannot be made.
    """
    if config.engine not in ENGINES:
        raise ConfigError(
            f"data.engine is '{config.engine}', which is no engine",
            allowed=ENGINES,
            hint=did_you_mean(config.engine, ENGINES),
        )
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"the engine cannot work in {folder}: {error.strerror or error}",
            hint="Name another run folder (hydra.run.dir=FOLDER).",
        ) from error
    module, class_name, package = ENGINES[config.engine]
    try:
        import_module(package)
        opened: Engine = getattr(import_module(module), class_name)(config, Path(folder))
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"data.engine is '{config.engine}', but the package '{error.name}' is not installed",
            hint=f"Install it with: pip install 'prelaunch[{config.engine}]'",
        ) from error
    return opened

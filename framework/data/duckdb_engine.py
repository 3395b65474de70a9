"""The default engine: DuckDB in this process, on a file below the run's folder, so that logs may outgrow memory."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import duckdb
import narwhals as nw

from framework.data.engine import HAS_OFFSET, BadLines
from framework.data.settings import DataConfig
from framework.errors import ConfigError, DataError, RunError

if TYPE_CHECKING:
    import pyarrow as pa

MAX_LINE = 16 * 1024 * 1024


class DuckDBEngine:
    """One connection to a database file of its own, which `close` deletes."""

    name = "duckdb"

    def __init__(self, config: DataConfig, folder: Path) -> None:
        self.folder = folder
        _remove_leftovers(folder)
        self.file = folder / f"log-{_host()}-{os.getpid()}-{uuid4().hex[:8]}.duckdb"
        settings: dict[str, Any] = {"temp_directory": str(folder / f"{self.file.stem}.tmp")}
        if config.memory_limit is not None:
            settings["memory_limit"] = config.memory_limit
        if config.threads is not None:
            settings["threads"] = config.threads
        try:
            self.connection = duckdb.connect(str(self.file), config=settings)
        except duckdb.IOException as error:
            raise _meaning(error, folder) or RunError(
                f"the engine cannot work in {folder}: {error}", hint="Name another run folder (hydra.run.dir=FOLDER)."
            ) from error
        except duckdb.Error as error:
            raise ConfigError(
                f"DuckDB does not start with data.memory_limit={config.memory_limit}, data.threads={config.threads}, "
                f"folder {folder}: {error}"
            ) from error
        # Prefetched row groups are held whole: 150 MB for a wide table, and no faster from a local disk.
        self.connection.execute("SET disable_parquet_prefetching = true")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")
        self.files: list[str] = []

    def read_csv(
        self, paths: Sequence[Path], columns: Mapping[str, str], header: Sequence[str], separator: str
    ) -> nw.LazyFrame[Any]:
        """Read by a strict scan with the header's columns; lines that do not fit go to DuckDB's table of rejects."""
        types = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in header)
        chosen = ", ".join(f"nullif({_name(theirs)}, '') AS {_name(ours)}" for ours, theirs in columns.items())
        for table in ("reject_errors", "reject_scans"):
            self.connection.execute(f"DROP TABLE IF EXISTS {table}")
        query = (
            f"SELECT row_number() OVER () AS row, {chosen} "  # noqa: S608 - names are quoted
            f"FROM read_csv([{self._reads(paths)}], columns = {{{types}}}, auto_detect = false, "
            f"header = true, delim = {_text(separator)}, quote = '\"', escape = '\"', store_rejects = true, "
            f"max_line_size = {MAX_LINE})"
        )
        return _frame(self.connection.sql(query))

    def bad_lines(self) -> BadLines:
        """Count rejected lines; a line with several faults counts once."""
        known = self.connection.sql("SELECT table_name FROM duckdb_tables() WHERE table_name = 'reject_errors'")
        if not known.fetchall():
            return BadLines(0)
        rejected = (
            "SELECT s.file_path, e.line, any_value(e.csv_line) AS csv_line, min(e.error_message) AS message "
            "FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) GROUP BY 1, 2"
        )
        count = self.connection.sql(f"SELECT count(*) FROM ({rejected})").fetchall()[0][0]  # noqa: S608
        if not count:
            return BadLines(0)
        found = self.connection.sql(f"SELECT * FROM ({rejected}) ORDER BY 1, 2 LIMIT 1").fetchall()  # noqa: S608
        file, line, text, fault = found[0]
        return BadLines(count, str(file), int(line), str(text), str(fault))

    def read_parquet(self, paths: Sequence[Path], columns: Mapping[str, str] | None = None) -> nw.LazyFrame[Any]:
        """Read with DuckDB's own scan, in the order of the files."""
        files = self._reads(paths)
        if columns is None:
            return _frame(self.connection.sql(f"SELECT * FROM read_parquet([{files}])"))  # noqa: S608
        chosen = ", ".join(f"{_name(theirs)} AS {_name(ours)}" for ours, theirs in columns.items())
        query = f"SELECT row_number() OVER () AS row, {chosen} FROM read_parquet([{files}])"  # noqa: S608
        return _frame(self.connection.sql(query))

    def parse_numbers(self, frame: nw.LazyFrame[Any], columns: Mapping[str, str]) -> nw.LazyFrame[Any]:
        """Cast with TRY_CAST."""
        added = [f"TRY_CAST({_name(column)} AS DOUBLE) AS {_name(new)}" for new, column in columns.items()]
        return _frame(nw.to_native(frame).project(", ".join(["*", *added])))

    def parse_times(
        self, frame: nw.LazyFrame[Any], name: str, column: str, time_format: str | None
    ) -> nw.LazyFrame[Any]:
        """Cast with TRY_CAST or try_strptime; infinite times are no times."""
        text = _name(column)
        if time_format is not None:
            zoned = "true" if "%z" in time_format else "false"
            moment = f"try_strptime({text}, {_text(time_format)})::TIMESTAMPTZ"
        else:
            zoned = f"coalesce(regexp_matches({text}, {_text(HAS_OFFSET)}), false)"
            plain = f"TRY_CAST({text} AS TIMESTAMP)::TIMESTAMPTZ"
            moment = f"CASE WHEN {zoned} THEN TRY_CAST({text} AS TIMESTAMPTZ) ELSE {plain} END"
        finite = f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"
        return _frame(nw.to_native(frame).project(f"*, {finite} AS {_name(name)}, {zoned} AS {_name(name + '_zoned')}"))

    def count_micros(self, frame: nw.LazyFrame[Any], name: str, column: str) -> nw.LazyFrame[Any]:
        """Use epoch_us, the session being in UTC."""
        moment = f"{_name(column)}::TIMESTAMPTZ"
        finite = f"CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END"
        return _frame(nw.to_native(frame).project(f"*, {finite} AS {_name(name)}"))

    def bucketed(self, frame: nw.LazyFrame[Any], name: str, column: str, buckets: int) -> nw.LazyFrame[Any]:
        """Use DuckDB's hash."""
        return _frame(nw.to_native(frame).project(f"*, (hash({_name(column)}) % {buckets})::BIGINT AS {_name(name)}"))

    def materialise(self, frame: nw.LazyFrame[Any], name: str) -> nw.LazyFrame[Any]:
        """Write a table of the database file; memory holds only what DuckDB's cache allows."""
        try:
            self.connection.execute(f"DROP TABLE IF EXISTS {_name(name)}")
            nw.to_native(frame).create(name)
        except duckdb.OutOfMemoryException as error:
            raise _too_little_memory(error, f" at '{name}'") from error
        return _frame(self.connection.table(name))

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """Return an Arrow table."""
        return frame.collect("pyarrow").to_native()

    def close(self) -> None:
        """Close the connection and delete its file."""
        self.connection.close()
        for leftover in (self.file, self.file.with_name(self.file.name + ".wal")):
            leftover.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        error = raised[1] if len(raised) > 1 and isinstance(raised[1], BaseException) else None
        try:
            self.close()
        except duckdb.Error:
            if error is None:
                raise
        meant = None if error is None else _meaning(error, self.folder) or _unreadable(error, self.files)
        if meant is not None:
            raise meant from error

    def _reads(self, paths: Sequence[Path]) -> str:
        """Return the files as SQL's texts, and note them: DuckDB does not always say which one it cannot read."""
        files = [str(path) for path in paths]
        self.files += [file for file in files if file not in self.files]
        return ", ".join(map(_text, files))


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", platform.node())


def _remove_leftovers(folder: Path) -> None:
    """Delete the files of engines whose processes were killed: those of this machine that no longer run."""
    if os.name != "posix":  # elsewhere, asking whether a process lives may end it
        return
    for file in folder.glob(f"log-{_host()}-*"):
        pid = file.name.removeprefix(f"log-{_host()}-").split("-")[0]
        if not pid.isdigit() or _lives(int(pid)):
            continue
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _meaning(error: BaseException, folder: Path) -> BaseException | None:
    """Return what an error of DuckDB's means to the user where it is no fault of the query: Ctrl-C, a full disk."""
    text = str(error)
    if isinstance(error, (duckdb.Error, RuntimeError)) and "interrupt" in text.lower():
        return KeyboardInterrupt()
    if isinstance(error, (duckdb.Error, OSError)) and ("No space left" in text or "disk is full" in text.lower()):
        return RunError(
            f"the disk is full: the log's working copy does not fit below {folder}",
            hint="Free some space, or name another run folder (hydra.run.dir=FOLDER).",
        )
    if isinstance(error, duckdb.IOException) and str(folder / f"log-{_host()}") in text:
        return RunError(
            f"the engine cannot work in {folder}: {' '.join(text.split())}",
            hint="Name another run folder (hydra.run.dir=FOLDER).",
        )
    return None


def _unreadable(error: BaseException, files: Sequence[str]) -> DataError | None:
    """Return what an error means that DuckDB has only while it reads a file: a cut or broken one, or too large."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return _too_little_memory(error)
    if not isinstance(error, (duckdb.IOException, duckdb.InvalidInputException)) and type(error) is not duckdb.Error:
        return None
    text = " ".join(str(error).split())
    named = [file for file in files if file in text] or files
    which = f"one of {len(named)} files, such as {named[0]}," if len(named) > 1 else named[0] if named else "a file"
    return DataError(f"{which} cannot be read: {text}")


def _too_little_memory(error: duckdb.OutOfMemoryException, where: str = "") -> DataError:
    # Further lines are advice on settings of DuckDB's that are not ours.
    text = str(error).partition("\n")[0].removeprefix("Out of Memory Error: ")
    return DataError(
        f"DuckDB ran out of memory{where}: {text}", hint="Raise data.memory_limit, or use fewer threads (data.threads)."
    )


def _frame(native: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(native)
    return frame


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

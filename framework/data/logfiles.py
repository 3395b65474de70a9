"""The files of a log: which they are, what columns they share, and the digest of their bytes."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from framework.data.rawlog import COLUMNS, RawLog
from framework.errors import ConfigError, DataError, did_you_mean, nearest

SUFFIXES = {
    "csv": (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"),
    "parquet": (".parquet", ".pq"),
}
REQUIRED = ("user", "time")
TO_UTF8 = "Convert the file, for example: iconv -f cp1252 -t utf-8 FILE > NEW."


@dataclass(frozen=True)
class LogFiles:
    """The files in reading order, the header they share, and the type of each column where the format has types."""

    paths: tuple[Path, ...]
    header: tuple[str, ...]
    types: Mapping[str, str]


def find_files(paths: Sequence[Path], file_format: str) -> tuple[Path, ...]:
    """Return the files that paths mean: themselves, or a folder's parts sorted by name.

    Raises:
        DataError: a path is missing, a folder holds no part, or a file has no bytes.
    """
    if file_format not in SUFFIXES:
        raise DataError(
            f"the log's format is '{file_format}'", allowed=SUFFIXES, hint=did_you_mean(file_format, SUFFIXES)
        )
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            parts = sorted(
                part
                for part in path.rglob("*")
                if part.is_file()
                and part.name.lower().endswith(SUFFIXES[file_format])
                and not part.name.startswith((".", "_"))
            )
            if not parts:
                endings = ", ".join(SUFFIXES[file_format])
                raise DataError(f"the folder {path} holds no {file_format} file (none ends in {endings})")
            found.extend(parts)
        elif path.is_file():
            found.append(path)
        else:
            start = None if path.is_absolute() else f"Relative paths start at {Path.cwd()}."
            hint = " ".join(filter(None, [_near_path(path), start])) or None
            raise DataError(f"source.params.path: there is no file or folder {path}", hint=hint)
    if not found:
        raise DataError("the log has no files", hint="Set source.params.path.")
    for path in found:
        if path.stat().st_size == 0:
            raise DataError(f"the file {path} is empty", hint="Export the log again, or leave the file out.")
    return tuple(found)


def inspect(raw: RawLog) -> LogFiles:
    """Find a log's files and hold their columns to each other and to the mapping.

    Raises:
        DataError: as `find_files`; parts that differ in columns or types; a mapped column that the files lack.
    """
    for ours in raw.columns:
        if ours not in COLUMNS:
            raise DataError(f"'{ours}' is no column of a log", allowed=COLUMNS, hint=did_you_mean(ours, COLUMNS))
    for ours in REQUIRED:
        if ours not in raw.columns:
            raise DataError(f"the log's mapping has no column for '{ours}'", hint=f"Set source.params.columns.{ours}.")
    paths = find_files(raw.paths, raw.format)
    read = parquet_schema if raw.format == "parquet" else csv_header
    first = read(paths[0], raw.separator)
    for path in paths[1:]:
        _same(paths[0], first, path, read(path, raw.separator), raw.columns)
    for ours, theirs in raw.columns.items():
        if theirs not in first:
            hint = _other_separator(first, raw) or _near_column(theirs, first, ours)
            raise DataError(f"{paths[0]} has no column '{theirs}' (mapped to {ours})", allowed=first, hint=hint)
    return LogFiles(paths, tuple(first), first)


def _near_column(theirs: str, columns: Collection[str], ours: str) -> str | None:
    near = nearest(theirs, columns)
    return f"Did you mean '{near}'? Set source.params.columns.{ours}." if near else None


def _other_separator(header: Collection[str], raw: RawLog) -> str | None:
    """Return what to do where the whole header came out as one column that holds another separator."""
    if raw.format != "csv" or len(header) != 1:
        return None
    (only,) = header
    found = [sign for sign in ";\t|," if sign != raw.separator and sign in only]
    sign = repr(found[0]) if found else ""
    return f'Its header looks separated by {sign}: set "source.params.separator={sign}".' if found else None


def digest(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the files' bytes, in hexadecimal; names and folders do not count."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def open_text(path: Path) -> IO[str]:
    """Open a CSV file, gzipped or not, without its byte order mark."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="", errors="replace")
    return path.open(encoding="utf-8-sig", newline="", errors="replace")


def csv_header(path: Path, separator: str) -> dict[str, str]:
    """Return a CSV file's columns, each of type "text"; raises DataError where there is no usable header."""
    if len(separator) != 1:
        raise ConfigError(f"source.params.separator is {separator!r}", allowed="a single character")
    with open_text(path) as file:
        header = next(csv.reader(file, delimiter=separator), [])
    if any("\ufffd" in name for name in header):
        raise DataError(f"the header of {path} is not in UTF-8", hint=TO_UTF8)
    if not header or header == [""]:
        raise DataError(f"the file {path} is empty: its first line holds no column names")
    lowered = [name.lower() for name in header]
    for name in header:
        if lowered.count(name.lower()) > 1:
            raise DataError(f"{path} has the column '{name}' more than once (upper and lower case do not count)")
    return dict.fromkeys(header, "text")


def parquet_schema(path: Path, _separator: str) -> dict[str, str]:
    """Return a Parquet file's columns with their types; raises DataError where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is no Parquet file: {error}", hint="Set source.params.format to csv?") from error
    return {name: str(kind) for name, kind in zip(schema.names, schema.types, strict=True)}


def _same(
    first: Path, header: Mapping[str, str], other: Path, columns: Mapping[str, str], mapping: Mapping[str, str]
) -> None:
    if list(header) != list(columns):
        missing = [name for name in header if name not in columns]
        extra = [name for name in columns if name not in header]
        faults = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"has also {', '.join(extra)}"] * bool(extra)
        what = " and ".join(faults) or "has the same columns in another order"
        raise DataError(
            f"the parts of the log differ in columns: {other} {what}, against {first}",
            hint="Give the parts one set of columns, or read them one by one.",
        )
    for ours, theirs in mapping.items():
        if header.get(theirs) != columns.get(theirs):
            mixed = "user ids of mixed types: " if ours == "user" else ""
            raise DataError(
                f"{mixed}the column '{theirs}' (mapped to {ours}) is {header[theirs]} in {first} "
                f"but {columns[theirs]} in {other}",
                hint="Write the column with one type in every part.",
            )


def _near_path(path: Path) -> str | None:
    if not path.parent.is_dir():
        return None
    return did_you_mean(path.name, [other.name for other in path.parent.iterdir()])

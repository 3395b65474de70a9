"""The file of outcomes before its rows are read: which parts it has, how they are written, which columns they name."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Mapping
from pathlib import Path

from framework.data.logfiles import SUFFIXES, TO_UTF8, csv_header, find_files, parquet_schema
from framework.errors import DataError, PrelaunchError, nearest

TEXT = "text"
"""The type of every column of a CSV file, as `csv_header` says it."""
PARQUET = b"PAR1"
"""The bytes that a Parquet file begins with, whatever it is called."""
LONGEST = 60


def opened(path: Path, separator: str | None) -> tuple[tuple[Path, ...], Mapping[str, str], str]:
    """Return the file or its parts, the columns with their types, and what separates them.

    Raises DataError where there is no such file, or none whose columns can be told.
    """
    if not path.exists():
        near = nearest(path.name, [other.name for other in path.parent.iterdir()]) if path.parent.is_dir() else None
        raise DataError(
            f"there is no file {path}",
            hint=f"Did you mean '{path.parent / near}'?" if near else f"Relative paths start at {Path.cwd()}.",
        )
    if separator is None:
        separator = "\t" if ".tsv" in path.suffixes else ","
    separator = "\t" if separator == "\\t" else separator
    try:
        is_parquet = path.is_dir() or path.name.lower().endswith(SUFFIXES["parquet"]) or _begins_as_parquet(path)
        paths = find_files([path], "parquet" if is_parquet else "csv")
        header = parquet_schema(paths[0], separator) if is_parquet else csv_header(paths[0], separator)
        for part in paths[1:]:
            if parquet_schema(part, separator) != header:
                raise DataError(f"{part} has other columns, or columns of another type, than {paths[0]}")
    except PrelaunchError as error:
        # Other hints name keys of a study's log.
        hint = TO_UTF8 if error.hint == TO_UTF8 else None
        raise DataError(" ".join(error.what.split()), allowed=error.allowed, hint=hint) from error
    except (OSError, EOFError, csv.Error, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    return paths, header, separator


def shown(text: str) -> str:
    """Return a text of the file as a message can show it: on one line, and not too long."""
    line = "".join(sign if sign.isprintable() else "?" if sign == "\0" else " " for sign in text)
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def _begins_as_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET

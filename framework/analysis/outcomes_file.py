"""A file of outcomes as a frame whose columns have known names and types, its bad values told by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.data.engine import Engine
from framework.data.logfiles import SUFFIXES, csv_header, find_files, parquet_schema
from framework.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    import narwhals as nw

TRUTH = ("true", "false")
"""How CSV files write truth values, in lower case; they count as 1 and 0."""


@dataclass(frozen=True)
class OutcomeFrame:
    """`frame` holds `row` (from 1), the asked text columns under their roles' names, and numbers under `numbers`.

    `numbers` maps a file's column to its name in the frame: safe names, since engines do not tell "n" from "N".
    """

    path: Path
    frame: nw.LazyFrame[Any]
    numbers: dict[str, str]

    def theirs(self, name: str) -> str:
        """Return what the file calls a column of the frame."""
        return next((theirs for theirs, ours in self.numbers.items() if ours == name), name)


def read_outcomes(
    engine: Engine, path: Path, *, texts: Mapping[str, str], numbers: Mapping[str, str], separator: str = ","
) -> OutcomeFrame:
    """Return the file's frame. `texts` maps roles ("arm") to columns, `numbers` columns to what asks for them.

    Raises:
        DataError: no such file, no such column (nearest match), or a value that is no number, with row and column.
    """
    import narwhals as nw

    kind = "parquet" if path.name.lower().endswith(SUFFIXES["parquet"]) or path.is_dir() else "csv"
    if not path.exists():
        near = nearest(path.name, [other.name for other in path.parent.iterdir()]) if path.parent.is_dir() else None
        raise DataError(
            f"there is no file {path}",
            hint=f"Did you mean '{path.parent / near}'?" if near else f"Relative paths start at {Path.cwd()}.",
        )
    paths = find_files([path], kind)
    header = parquet_schema(paths[0], separator) if kind == "parquet" else csv_header(paths[0], separator)
    for role, column in texts.items():
        _known(column, header, path, f"{role}=")
    for column, wanted in numbers.items():
        _known(column, header, path, wanted)
    ours = {column: f"value_{place}" for place, column in enumerate(numbers)}
    chosen = {**dict(texts), **{name: column for column, name in ours.items()}}
    if kind == "csv":
        raw = engine.read_csv(paths, chosen, tuple(header), separator)
        frame = _numbers_of_text(engine, engine.materialise(raw, "outcomes_text"), list(ours.values()))
        bad = engine.bad_lines()
        if bad.count:
            raise DataError(
                f"{bad.count} line(s) of {path} hold no row; the first is line {bad.line}: {bad.fault}",
                hint="Mend or remove those lines.",
            )
        frame = engine.materialise(frame, "outcomes")
        _refuse_words(engine, frame, ours, path)
    else:
        _refuse_types(header, ours, path)
        frame = _typed(engine.read_parquet(paths, chosen), header, texts, ours)
    kept = {name: nw.col(f"number_{name}") for name in ours.values()}
    return OutcomeFrame(path, frame.select("row", *texts, **kept), ours)


def _known(column: str, header: Mapping[str, str], path: Path, wanted: str) -> None:
    if column not in header:
        near = nearest(column, header)
        raise ConfigError(
            f"{path} has no column '{column}' ({wanted})",
            allowed=list(header),
            hint=f"Did you mean '{near}'?" if near else None,
        )


def _numbers_of_text(engine: Engine, frame: nw.LazyFrame[Any], names: Sequence[str]) -> nw.LazyFrame[Any]:
    import narwhals as nw

    parsed = engine.parse_numbers(frame, {f"number_{name}": name for name in names})
    values = {}
    for name in names:
        word = nw.col(name).str.to_lowercase()
        truth = nw.when(word == TRUTH[0]).then(1.0).otherwise(nw.when(word == TRUTH[1]).then(0.0))
        values[f"number_{name}"] = nw.when(word.is_in(TRUTH)).then(truth).otherwise(nw.col(f"number_{name}"))
    return parsed.with_columns(**values)


def _refuse_words(engine: Engine, frame: nw.LazyFrame[Any], ours: Mapping[str, str], path: Path) -> None:
    import narwhals as nw

    for column, name in ours.items():
        wrong = ~nw.col(name).is_null() & nw.col(f"number_{name}").is_null()
        counted = engine.collect(frame.filter(wrong).select("row", name).sort("row").head(1)).to_pylist()
        if counted:
            total = engine.collect(frame.filter(wrong).select(nw.len().alias("n"))).to_pylist()[0]["n"]
            raise DataError(
                f"{path}, column '{column}': {total} value(s) are no number; the first is '{counted[0][name]}' "
                f"in row {counted[0]['row']}",
                allowed="numbers with a decimal point, or true and false; an empty field is a missing value",
            )


def _refuse_types(header: Mapping[str, str], ours: Mapping[str, str], path: Path) -> None:
    for column in ours:
        if not any(word in header[column] for word in ("int", "float", "double", "decimal", "bool")):
            raise DataError(f"{path}, column '{column}' holds {header[column]}", allowed="numbers, or true and false")


def _typed(
    frame: nw.LazyFrame[Any], header: Mapping[str, str], texts: Mapping[str, str], ours: Mapping[str, str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    labels = {}
    for role, column in texts.items():
        text = nw.col(role).cast(nw.String)
        if "float" in header[column] or "double" in header[column]:
            text = text.str.replace(r"\.0$", "")
        labels[role] = text
    return frame.with_columns(**labels, **{f"number_{name}": nw.col(name).cast(nw.Float64) for name in ours.values()})

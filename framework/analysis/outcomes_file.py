"""A file of outcomes as a frame whose columns have known names and types, its bad values told by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.analysis.opening import TEXT, opened, shown
from framework.data.engine import Engine
from framework.data.logfiles import TO_UTF8
from framework.errors import ConfigError, DataError, nearest

if TYPE_CHECKING:
    import narwhals as nw

TRUTH = ("true", "false")
"""How CSV files write truth values, in lower case; they count as 1 and 0."""
NUMBERS = ("int", "uint", "float", "double", "halffloat", "decimal", "bool")
"""How Arrow's types of numbers and truth values begin."""
FRACTIONS = ("float", "double", "halffloat")
SEPARATORS = ";\t|,"
"""What may part the columns of a file whose header was read as one column."""


@dataclass(frozen=True)
class OutcomeFrame:
    """`frame` holds `row` (from 1), the asked text columns under their roles' names, and numbers under `numbers`.

    `paths` are the file, or the parts of a folder. `numbers` maps a file's column to its name in the frame: safe names,
    since engines do not tell "n" from "N".
    """

    path: Path
    paths: tuple[Path, ...]
    frame: nw.LazyFrame[Any]
    numbers: dict[str, str]

    def theirs(self, name: str) -> str:
        """Return what the file calls a column of the frame."""
        return next((theirs for theirs, ours in self.numbers.items() if ours == name), name)


def read_outcomes(
    engine: Engine, path: Path, *, texts: Mapping[str, str], numbers: Mapping[str, str], separator: str | None = None
) -> OutcomeFrame:
    r"""Return the file's frame. `texts` maps roles ("arm") to columns, `numbers` columns to what asks for them.

    Without a `separator` it is a comma, or a tab in a file named .tsv; "\t" is a tab too.

    Raises:
        DataError: no such file, no such column (nearest match), or a value that is no number, with row and column.
    """
    import narwhals as nw

    paths, header, separator = opened(path, separator)
    is_csv = set(header.values()) == {TEXT}
    for column, wanted in [*((column, f"{role}=") for role, column in texts.items()), *numbers.items()]:
        _known(column, header, path, wanted, separator if is_csv else None)
    ours = {column: f"value_{place}" for place, column in enumerate(numbers)}
    chosen = {**dict(texts), **{name: column for column, name in ours.items()}}
    if is_csv:
        raw = engine.read_csv(paths, chosen, tuple(header), separator)
        frame = engine.materialise(_numbers_of_text(engine, raw, list(ours.values())), "outcomes")
        bad = engine.bad_lines()
        if bad.count:
            fault = " ".join(bad.fault.split())
            raise DataError(
                f"{bad.count} line(s) of {path} hold no row; the first is line {bad.line}: {fault}",
                hint=TO_UTF8 if "utf-8" in fault else "Mend or remove those lines.",
            )
        _refuse_words(engine, frame, ours, path)
    else:
        _refuse_types(header, ours, path)
        frame = _typed(engine.read_parquet(paths, chosen), header, texts, ours)
    kept = {name: nw.col(f"number_{name}") for name in ours.values()}
    return OutcomeFrame(path, paths, frame.select("row", *texts, **kept), ours)


def _known(column: str, header: Mapping[str, str], path: Path, wanted: str, separator: str | None) -> None:
    if column not in header:
        near = nearest(column, header)
        hint = f"Did you mean '{near}'?" if near else None
        signs = [sign for sign in SEPARATORS if column in next(iter(header), "").split(sign)]
        if separator is not None and len(header) == 1 and signs:
            sign = "\\t" if signs[0] == "\t" else signs[0]
            hint = f'The header looks separated by another sign: set "separator={sign}".'
        raise ConfigError(f"{path} has no column '{column}' ({wanted})", allowed=map(shown, header), hint=hint)
    alike = [other for other in header if other != column and other.lower() == column.lower()]
    if alike:
        raise DataError(
            f"{path} has a column '{column}' ({wanted}) and a column '{alike[0]}'",
            hint="Rename one of them: an engine does not tell upper and lower case apart.",
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

    if not ours:
        return
    wrong = {name: ~nw.col(name).is_null() & nw.col(f"number_{name}").is_null() for name in ours.values()}
    flags = {name: nw.when(own).then(1).otherwise(0).sum() for name, own in wrong.items()}
    (totals,) = engine.collect(frame.select(**flags)).to_pylist()
    for column, name in ours.items():
        if totals[name]:
            (first,) = engine.collect(frame.filter(wrong[name]).select("row", name).sort("row").head(1)).to_pylist()
            raise DataError(
                f"{path}, column '{column}': {totals[name]} value(s) are no number; "
                f"the first is '{shown(first[name])}' in row {first['row']}",
                allowed="numbers with a decimal point, or true and false; an empty field is a missing value",
            )


def _refuse_types(header: Mapping[str, str], ours: Mapping[str, str], path: Path) -> None:
    for column in ours:
        if not header[column].startswith(NUMBERS):
            raise DataError(f"{path}, column '{column}' holds {header[column]}", allowed="numbers, or true and false")


def _typed(
    frame: nw.LazyFrame[Any], header: Mapping[str, str], texts: Mapping[str, str], ours: Mapping[str, str]
) -> nw.LazyFrame[Any]:
    import narwhals as nw

    labels = {}
    for role, column in texts.items():
        text = nw.col(role).cast(nw.String)
        if header[column].startswith(FRACTIONS):
            # Other libraries write a missing label of a column of numbers as nan.
            text = nw.when(nw.col(role).is_finite()).then(text.str.replace_all(r"\.0$", ""))
        labels[role] = text
    return frame.with_columns(**labels, **{f"number_{name}": nw.col(name).cast(nw.Float64) for name in ours.values()})

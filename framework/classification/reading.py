"""The file's rows as arrays: the label, what it is told from, and which rows stand together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.analysis.opening import opened, shown
from framework.classification.settings import ClassifySettings
from framework.data.logfiles import digest
from framework.errors import ConfigError, DataError, did_you_mean
from framework.records.rows import FeatureRows

MOST_LEVELS = 200
"""Values of a category beyond which the column is taken for a mistake, such as an id."""
LEAST = 10
"""Rows that each class must have."""
TRUE = ("1", "true", "True", "1.0")


@dataclass(frozen=True)
class Examples:
    """n labelled rows, in the file's order: `group` (n,) numbers what must stay in one fold, `time` (n,) or None."""

    path: Path
    rows: FeatureRows
    label: NDArray[np.bool_]
    group: NDArray[np.int64]
    grouped: bool
    time: NDArray[np.int64] | None
    dropped: int
    digest: str

    def __len__(self) -> int:
        return len(self.label)


def read_examples(path: Path, settings: ClassifySettings) -> Examples:
    """Return the examples. Rows without a label (or, where texts are read, without a text) are dropped and counted.

    Raises:
        ConfigError: a column that the file lacks.
        DataError: no such file; a label with other than two values, or a class of fewer than 10 rows; a category with
            more than 200 values; a unit or a time that is missing.
    """
    table, file_digest = _table(path, settings)
    label, known = _labels(table, settings, path)
    if settings.text is not None:
        known &= np.array([bool(text and text.strip()) for text in _texts(table, settings.text)])
    chosen = np.flatnonzero(known)
    if settings.max_rows is not None and settings.max_rows < len(chosen):
        rng = np.random.default_rng([settings.seed, 1])
        chosen = np.sort(rng.choice(chosen, settings.max_rows, replace=False))
    label = label[chosen]
    for name, count in (("positive", int(label.sum())), ("negative", int((~label).sum()))):
        if count < LEAST:
            raise DataError(f"{path}, column '{settings.label}': {count} {name} row(s)", allowed=f"{LEAST} or more")
    if settings.shuffled:
        label = np.random.default_rng([settings.seed, 2]).permutation(label)
    table = table.take(chosen)
    rows = _rows(table, settings, path)
    group, grouped = _groups(table, rows, settings, path)
    time = None if settings.time is None else _times(table, settings.time, path)
    return Examples(path, rows, label, group, grouped, time, int((~known).sum()), file_digest)


def _table(path: Path, settings: ClassifySettings) -> tuple[Any, str]:
    import pyarrow as pa
    from pyarrow import csv, parquet

    paths, header, separator = opened(path, settings.separator)
    columns = _columns(settings, tuple(header), path)
    try:
        if paths[0].name.lower().endswith((".csv", ".tsv", ".txt", ".gz")):
            parse, convert = csv.ParseOptions(delimiter=separator), csv.ConvertOptions(include_columns=columns)
            # Texts of reviews hold line breaks.
            parse.newlines_in_values = True
            parts = [csv.read_csv(one, parse_options=parse, convert_options=convert) for one in paths]
        else:
            parts = [parquet.read_table(one, columns=columns) for one in paths]
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    table = pa.concat_tables(parts)
    if not table.num_rows:
        raise DataError(f"{path} holds no rows")
    return table, digest(paths)


def _columns(settings: ClassifySettings, header: tuple[str, ...], path: Path) -> list[str]:
    named = [settings.label, settings.text, settings.unit, settings.time, *settings.features, *settings.categories]
    for column in named:
        if column is not None and column not in header:
            raise ConfigError(
                f"{path} has no column '{column}'", allowed=map(shown, header), hint=did_you_mean(column, header)
            )
    if settings.text is None and not settings.features:
        named += header
    return list(dict.fromkeys(column for column in named if column is not None))


def _labels(table: Any, settings: ClassifySettings, path: Path) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows are positive, and which have a label."""
    words = [None if value is None else str(value) for value in table.column(settings.label).to_pylist()]
    values = sorted({word for word in words if word is not None and word != "nan"})
    positive = settings.positive
    if positive is None:
        positive = next((value for value in values if value in TRUE), None)
    if len(values) < 2 or positive not in values or (settings.positive is None and len(values) != 2):
        raise DataError(
            f"{path}, column '{settings.label}': its values are {', '.join(map(shown, values[:10]))}",
            allowed="two values, true and false or 1 and 0",
            hint="Set positive=VALUE to say which value counts as yes.",
        )
    known = np.array([word is not None and word != "nan" for word in words])
    return np.array([word == positive for word in words]), known


def _rows(table: Any, settings: ClassifySettings, path: Path) -> FeatureRows:
    import pyarrow as pa

    if settings.text is not None:
        nothing = np.zeros((table.num_rows, 0))
        texts = tuple(text.strip() for text in _texts(table, settings.text))
        return FeatureRows(nothing, (), nothing.astype(np.int32), (), (), texts)
    apart = {settings.label, settings.unit, settings.time}
    names = settings.features or tuple(name for name in table.column_names if name not in apart)
    # Columns named as categories belong to the features, whether or not they stand there too.
    names = tuple(dict.fromkeys((*names, *settings.categories)))
    numbers, number_names, codes, code_names, levels = [], [], [], [], []
    for name in names:
        column = table.column(name)
        kind = column.type
        is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        if name not in settings.categories and (is_number or pa.types.is_boolean(kind)):
            own = np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
            if np.isinf(own).any():
                raise DataError(f"{path}, column '{name}': {int(np.isinf(own).sum())} value(s) are infinite")
            numbers.append(own)
            number_names.append(name)
            continue
        words = [None if value is None else str(value) for value in column.to_pylist()]
        known = sorted({word for word in words if word is not None})
        if len(known) > MOST_LEVELS:
            raise DataError(
                f"{path}, column '{name}': {len(known):,} different words",
                allowed=f"up to {MOST_LEVELS} in a category",
                hint="Leave the column out of features=, or name it as text= or unit=.",
            )
        place = {word: number for number, word in enumerate(known)}
        codes.append(np.array([-1 if word is None else place[word] for word in words], dtype=np.int32))
        code_names.append(name)
        levels.append(tuple(known))
    if not names:
        raise ConfigError(f"{path} has no column besides the label", hint="Name features=, or text=.")
    n = table.num_rows
    return FeatureRows(
        np.stack(numbers, axis=1) if numbers else np.zeros((n, 0)),
        tuple(number_names),
        np.stack(codes, axis=1) if codes else np.zeros((n, 0), dtype=np.int32),
        tuple(code_names),
        tuple(levels),
    )


def _groups(table: Any, rows: FeatureRows, settings: ClassifySettings, path: Path) -> tuple[NDArray[np.int64], bool]:
    """Return what stays in one fold: rows that share a unit or a text, also by way of others."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n = len(rows)
    keys: list[list[Any]] = []
    if settings.unit is not None:
        units = table.column(settings.unit).to_pylist()
        if any(unit is None for unit in units):
            raise DataError(f"{path}, column '{settings.unit}' (unit): values are missing")
        keys.append(units)
    if rows.texts is not None:
        keys.append(list(rows.texts))
    if not keys:
        return np.arange(n), False
    ends, total = [], n
    for key in keys:
        _, code = np.unique(np.array([str(value) for value in key]), return_inverse=True)
        ends.append(total + code)
        total += int(code.max()) + 1
    starts = np.tile(np.arange(n), len(keys))
    links = coo_matrix((np.ones(len(starts)), (starts, np.concatenate(ends))), shape=(total, total))
    found = connected_components(links, directed=False)[1][:n]
    return np.unique(found, return_inverse=True)[1].astype(np.int64), True


def _times(table: Any, column: str, path: Path) -> NDArray[np.int64]:
    """Return each row's rank in time; equal times share one."""
    values = table.column(column).to_pylist()
    if any(value is None for value in values):
        raise DataError(f"{path}, column '{column}' (time): values are missing")
    try:
        place = {value: number for number, value in enumerate(sorted(set(values)))}
    except TypeError as error:
        raise DataError(f"{path}, column '{column}' (time): values cannot be put in order") from error
    return np.array([place[value] for value in values], dtype=np.int64)


def _texts(table: Any, column: str) -> list[str]:
    return [("" if value is None else str(value)).lstrip("\ufeff") for value in table.column(column).to_pylist()]

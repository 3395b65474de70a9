"""`result.json`: a result as text, and back as the same typed records.

Records keep their declared key order and mappings the order that the run gave them, floats are written so that they
read back to the same bits, and what is not a number (NaN, infinities) is null. Money stays in integer minor units.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import PrelaunchError, RunError, did_you_mean
from framework.records.result import SCHEMA_VERSION, Result
from framework.report.atomic import write_whole

FILE_NAME = "result.json"
"""The record's name in its run folder."""


def to_json(result: Result) -> str:
    """Return the result as JSON text, `schema_version` first, the same bytes for the same result.

    Raises RunError, naming the place, where a value is neither a plain number, a text, a list nor a mapping.
    """
    plain = _plain(result, "result")
    ordered = {"schema_version": plain.pop("schema_version"), **plain}
    text = json.dumps(ordered, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    # Lone surrogates (ids of a broken encoding) become \\udcxx escapes: UTF-8 cannot hold them, JSON can.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def from_json(text: str) -> Result:
    """Return the result that `to_json` wrote; null in place of a float reads as NaN.

    Raises RunError where the text is damaged (naming the place) or was written by a newer prelaunch.
    """
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"it is no JSON ({error})") from error
    if not isinstance(raw, dict):
        raise _damaged(f"it holds a {type(raw).__name__} where a mapping belongs")
    version = raw.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise _damaged(f"schema_version is {version!r}")
    if version > SCHEMA_VERSION:
        raise RunError(
            f"the result has schema version {version}, and this prelaunch reads up to {SCHEMA_VERSION}",
            hint="It was written by a newer prelaunch: upgrade to read it.",
        )
    result = _typed(Result, raw, "result")
    assert isinstance(result, Result)  # noqa: S101 - tells the type checker what _typed(Result, ...) returns
    return result


def write(result: Result, folder: Path) -> Path:
    """Write the result to `folder`/result.json, whole or not at all, and return the file's path.

    Raises RunError where the folder cannot be written or the disk is full.
    """
    return write_whole(folder / FILE_NAME, to_json(result))


def read(path: Path) -> Result:
    """Return the result in `path`, a result.json or the run folder that holds one.

    Raises RunError where the file is missing, damaged or of a newer schema.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"'{file}' cannot be read: {error}") from error
    try:
        return from_json(text)
    except PrelaunchError as error:
        raise RunError(f"'{file}': {error.what}", allowed=error.allowed, hint=error.hint) from error


def _plain(value: object, place: str) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Path):
        value = str(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name), f"{place}.{field.name}")
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(entry, f"{place}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, f"{place}[{index}]") for index, entry in enumerate(value)]
    raise RunError(
        f"{place} is a {type(value).__name__}, which result.json cannot keep",
        allowed="numbers, texts, lists, mappings and None",
    )


def _key(key: object, place: str) -> str:
    if isinstance(key, str):
        return str(key)
    raise RunError(f"{place} has the key {key!r}, which is no text", hint="Name entries by texts.")


def _typed(kind: Any, value: Any, place: str) -> Any:
    """Return `value` as the annotation `kind` says; raises RunError naming `place` where it cannot be."""
    arguments = typing.get_args(kind)
    match typing.get_origin(kind):
        case None:
            return _single(kind, value, place)
        case types.UnionType:
            inner = next(argument for argument in arguments if argument is not type(None))
            return None if value is None else _typed(inner, value, place)
        case origin if origin is tuple and isinstance(value, list):
            return tuple(_typed(arguments[0], entry, f"{place}[{index}]") for index, entry in enumerate(value))
        case origin if origin is dict and isinstance(value, dict):
            return {key: _typed(arguments[1], entry, f"{place}.{key}") for key, entry in value.items()}
        case origin:
            raise _misplaced(origin, value, place)


def _single(kind: Any, value: Any, place: str) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, place)
    if kind is float and value is None:
        return math.nan
    if kind is float and type(value) is int and abs(value) < 1 << 1023:
        return float(value)
    if type(value) is kind:
        return value
    raise _misplaced(kind, value, place)


def _record(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise _misplaced(kind, value, place)
    hints = _hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in value:
        if name not in fields:
            raise _damaged(f"{place} has an unknown key '{name}'", did_you_mean(name, fields))
    for name, field in fields.items():
        optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if name not in value and not optional:
            raise _damaged(f"{place} has no '{name}'")
    return kind(**{name: _typed(hints[name], entry, f"{place}.{name}") for name, entry in value.items()})


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _misplaced(kind: Any, value: object, place: str) -> RunError:
    text = repr(value)
    short = text if len(text) <= 40 else text[:37] + "..."
    return _damaged(f"{place} is {short} where a {kind.__name__} belongs")


def _damaged(how: str, hint: str | None = None) -> RunError:
    advice = "Run the study again, or restore the file."
    return RunError(f"the result is damaged: {how}", hint=f"{hint} {advice}" if hint else advice)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")

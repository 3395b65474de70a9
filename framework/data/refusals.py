"""What a log's rows must not hold: told by the row, the column and the value, with what would mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.engine import Engine
from framework.data.rawlog import RawLog
from framework.errors import DataError

if TYPE_CHECKING:
    Frame = nw.LazyFrame[Any]

NUMBERS = ("quantity", "price", "rating")
"""Columns that must hold numbers."""


def _value(frame: Frame, engine: Engine, column: str, row: int) -> str:
    found = engine.collect(frame.filter(nw.col("row") == row).select(column)).to_pylist()
    return str(found[0][column])


def refuse_unusable(frame: Frame, facts: dict[str, Any], raw: RawLog, engine: Engine) -> None:
    """Raise DataError for what cannot be used, the most important first, by its row, column and value.

    `facts` count the unusable values of `frame`, the typed rows, and say where the first of each stands.
    """
    for name in ("time", *NUMBERS):
        count = facts[f"of_bad_{name}"]
        if count:
            row = facts[f"at_bad_{name}"]
            value = _value(frame, engine, f"bad_{name}", row)
            if name == "time":
                form = f"'{raw.time_format}'" if raw.time_format else "ISO 8601 (2011-12-09 08:26:00) or unix times"
                hint = "Set source.params.time_format, in the signs of strptime, or mend the rows."
            else:
                form, hint = "finite numbers, or nothing where there is none", _number_hint(value, raw)
            raise DataError(
                f"row {row}, column '{raw.columns[name]}' (mapped to {name}): '{value}' is no {_noun(name)} "
                f"({count} such row{'s' * (count > 1)} in all; row 1 is the first after the header)",
                allowed=form,
                hint=hint,
            )
    seen = {form: facts[f"of_user_{form}"] for form in ("whole", "decimal", "other") if facts[f"of_user_{form}"]}
    if len(seen) > 1 and not raw.mixed_users:
        places: Iterable[str] = (
            f"'{_value(frame, engine, 'user', facts[f'at_user_{form}'])}' in row {facts[f'at_user_{form}']} "
            f"({count} such rows)"
            for form, count in seen.items()
        )
        raise DataError(
            f"the column '{raw.columns['user']}' (mapped to user) holds user ids of mixed types: {', '.join(places)}",
            hint="One user may be written in two ways. Write the ids in one way, or set "
            "source.params.mixed_users=true to take each spelling as a user of its own.",
        )


def _number_hint(value: str, raw: RawLog) -> str:
    if raw.decimal == ".":
        if re.fullmatch(r"\s*[+-]?\d+,\d+\s*", value):
            return (
                "Numbers are read with a decimal point; where these commas are decimal commas, set "
                "\"source.params.decimal=','\". Commas between thousands have to go."
            )
        return "Mend the rows."
    return "Mend the rows; with source.params.decimal=',' numbers hold no dots."


def _noun(name: str) -> str:
    return "time" if name == "time" else "number"

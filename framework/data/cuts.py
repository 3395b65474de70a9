"""Where a time split cuts: shares, lengths and dates, turned into moments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from framework.errors import ConfigError, DataError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALLOWED = "a share of the log's time span such as 0.15, a length such as '28d', '12h' or '4w', or an ISO date"
UNITS = {
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_LENGTH = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")


@dataclass(frozen=True)
class Cuts:
    """Three moments in microseconds since 1970 UTC, at each of which the next part has begun.

    Fit is before `fit_end`, validation before `test_start`, test before `end`.
    """

    fit_end: int
    test_start: int
    end: int


def iso(microseconds: int) -> str:
    """Return a moment as ISO 8601 text in UTC."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat()


def cut(first: int, last: int, validation: Any, test: Any, time_zone: str) -> Cuts:
    """Return the moments at which the log is cut.

    Args:
        first: the log's first moment, microseconds.
        last: its last.
        validation: how long the validation part is, or when it starts (see `ALLOWED`).
        test: the same for the test part.
        time_zone: the zone in which a date without one is read.

    Raises:
        ConfigError: a value that is no such thing, or parts that overlap.
        DataError: a cut that lies outside the log.
    """
    end = last + 1
    test_start = _start(test, "test", end, end - first, time_zone)
    fit_end = _start(validation, "validation", test_start, end - first, time_zone)
    span = f"The log runs from {iso(first)} to {iso(last)}."
    if fit_end >= test_start:
        raise ConfigError(
            f"Validation starts at {iso(fit_end)}, which is not before the test part, {iso(test_start)}: they overlap",
            hint=f"Set data.split.validation to an earlier moment than data.split.test. {span}",
        )
    for name, moment in (("test", test_start), ("validation", fit_end)):
        if moment > last:
            raise DataError(
                f"No events after the split: data.split.{name} starts at {iso(moment)}", hint=f"{span} Cut earlier."
            )
        if moment <= first:
            raise DataError(
                f"data.split.{name} starts at {iso(moment)}, where the log has not begun, so nothing is left to fit on",
                hint=f"{span} Make the parts shorter.",
            )
    return Cuts(fit_end, test_start, end)


def _start(value: Any, name: str, before: int, span: int, time_zone: str) -> int:
    """Return where a part starts that ends at `before`."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _moment_or_length(value, name, before, time_zone)
    if isinstance(value, datetime):
        return _moment(value, time_zone)
    if isinstance(value, date):
        return _moment(datetime(value.year, value.month, value.day, tzinfo=ZoneInfo(time_zone)), time_zone)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"data.split.{name} is {value!r}", allowed=ALLOWED)
    if not 0 < value < 1:
        hint = f"Did you mean '{value:g}d'?" if value >= 1 else "Every run needs this part."
        raise ConfigError(
            f"data.split.{name} is {value!r}, and a share lies between 0 and 1", allowed=ALLOWED, hint=hint
        )
    return before - round(span * value)


def _moment_or_length(value: str, name: str, before: int, time_zone: str) -> int:
    length = _LENGTH.fullmatch(value)
    if length:
        unit = length[2].lower()
        if unit not in UNITS:
            raise ConfigError(
                f"data.split.{name} is '{value}', whose unit '{length[2]}' is not known", allowed=tuple(UNITS)
            )
        microseconds = round(float(length[1]) * UNITS[unit])
        if microseconds <= 0:
            raise ConfigError(f"data.split.{name} is '{value}', which is no length", allowed=ALLOWED)
        return before - microseconds
    try:
        return _moment(datetime.fromisoformat(value.strip()), time_zone)
    except ValueError as error:
        raise ConfigError(f"data.split.{name} is '{value}'", allowed=ALLOWED) from error


def _moment(value: datetime, time_zone: str) -> int:
    if value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(time_zone))
    return (value - EPOCH) // timedelta(microseconds=1)

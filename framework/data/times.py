"""Moments: from what a file holds to whole microseconds since 1970, UTC, the same on every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import narwhals as nw

from framework.errors import DataError, did_you_mean

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a reading of the clock on the wall
UNIX_FORMATS = {"s": 1_000_000, "ms": 1_000, "us": 1}
"""Values of `time_format` that name whole or broken numbers since 1970, in microseconds."""
PLAUSIBLE = ((1e8, 1e10, 1e6), (1e12, 1e13, 1e3), (1e15, 1e16, 1.0), (1e18, 1e19, 1e-3))
"""Ranges in which a number is taken as seconds, milli-, micro- or nanoseconds; between them it could be 20111209."""


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        DataError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        hint = did_you_mean(name, available_timezones()) or "Give an IANA name such as Europe/London or UTC."
        raise DataError(f"there is no time zone '{name}'", hint=hint) from error


def offsets(name: str, first: int, last: int) -> list[tuple[int, int]]:
    """Return when a zone's offset holds, for wall-clock microseconds from `first` to `last`: (from, offset) pairs.

    A reading that the clock shows twice is taken as the first of the two, one that it skips as if it had not skipped.
    """
    where = zone(name)

    def offset(wall: datetime) -> int:
        found = where.utcoffset(wall)
        return 0 if found is None else found // MICROSECOND

    # A day at both ends more than asked: the table may never be short.
    start, end = _wall(first) - timedelta(days=1), _wall(last) + timedelta(days=1)
    table = [(_micros(start), offset(start))]
    step = timedelta(days=7)
    while start < end:
        following = min(start + step, end)
        if offset(following) != offset(start):
            low, high = start, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                if offset(middle) == offset(start):
                    low = middle
                else:
                    high = middle
            table.append((_micros(high.replace(microsecond=0)), offset(following)))
        start = following
    return table


def to_utc(wall: nw.Expr, table: list[tuple[int, int]]) -> nw.Expr:
    """Return UTC microseconds of wall-clock microseconds, by a table of `offsets`."""
    shift: nw.Expr = nw.lit(table[0][1])
    for since, offset in table[1:]:
        shift = nw.when(wall >= since).then(nw.lit(offset)).otherwise(shift)
    return wall - shift


def unix_to_micros(number: nw.Expr, time_format: str | None) -> nw.Expr:
    """Return whole microseconds of a number since 1970; null where its unit cannot be told.

    `time_format` is a key of `UNIX_FORMATS`; null tells the unit by the number's size (`PLAUSIBLE`).
    """
    if time_format is not None:
        return (number * UNIX_FORMATS[time_format]).round(0).cast(nw.Int64)
    micros: nw.Expr = nw.lit(None)
    for low, high, factor in PLAUSIBLE:
        micros = nw.when((number >= low) & (number < high)).then(number * factor).otherwise(micros)
    return micros.cast(nw.Float64).round(0).cast(nw.Int64)


def parse_date(text: str, setting: str) -> int:
    """Return UTC microseconds of an ISO date or moment from a config.

    Raises:
        DataError: it is no ISO date; `setting` is named.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{setting} is '{text}', which is no ISO date", hint="Write it like 2011-12-09.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - EPOCH.replace(tzinfo=UTC)) // MICROSECOND


def show(micros: int) -> str:
    """Return microseconds as an ISO moment in UTC, or as they are where no calendar reaches."""
    try:
        return (EPOCH + timedelta(microseconds=micros)).isoformat(sep=" ")
    except OverflowError:
        return f"{micros} microseconds since 1970"


def _wall(micros: int) -> datetime:
    # One garbled time must not make a table of ten thousand years; beyond these, clocks keep the last offset.
    low, high = _micros(datetime(1900, 1, 1)), _micros(datetime(2100, 1, 1))  # noqa: DTZ001
    return EPOCH + timedelta(microseconds=min(max(micros, low), high))


def _micros(wall: datetime) -> int:
    return (wall - EPOCH) // MICROSECOND

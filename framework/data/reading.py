"""From the files of a log to typed rows, or to an error that names the row, the column and the value.

Nothing is guessed silently and nothing is lost: text that should be a time or a number and is none stops the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.engine import BadLines, Engine
from framework.data.logfiles import TO_UTF8, LogFiles, digest, inspect
from framework.data.rawlog import RawLog
from framework.data.refusals import NUMBERS, refuse_unusable
from framework.data.times import UNIX_FORMATS, offsets, to_utc, unix_to_micros, zone
from framework.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    Frame = nw.LazyFrame[Any]

TEXTS = ("user", "item", "event", "order", "category", "text")
WHOLE, DECIMAL = r"^[0-9]+$", r"^[0-9]+\.0+$"
ON_BAD_LINE = ("error", "skip")
DECIMALS = (".", ",")


@dataclass(frozen=True)
class TypedLog:
    """A log's rows in our columns, before any cleaning.

    `frame` has row (int64, from 1), user, item, event, order, category, text (strings), time (int64, microseconds
    UTC), quantity, unit_price, rating (float64), price (int64, minor units); null where nothing is mapped, except
    quantity (1). Event names are ours. `lines` counts the input rows with the unreadable ones.
    """

    frame: Frame
    lines: int
    unreadable: BadLines
    has: frozenset[str]
    digest: str
    warnings: tuple[str, ...]


def read_log(raw: RawLog, engine: Engine) -> TypedLog:
    """Read and type a log, and keep it in the engine under the name `typed`.

    Raises:
        DataError: files, columns, lines, times, numbers or ids that cannot be used; the message names the place.
        ConfigError: a separator or a decimal sign that cannot be one.
    """
    if raw.on_bad_line not in ON_BAD_LINE:
        hint = did_you_mean(raw.on_bad_line, ON_BAD_LINE)
        raise DataError(f"on_bad_line is '{raw.on_bad_line}'", allowed=ON_BAD_LINE, hint=hint)
    if raw.decimal not in DECIMALS:
        raise ConfigError(f"source.params.decimal is {raw.decimal!r}", allowed="'.' and ','")
    zone(raw.time_zone)
    files = inspect(raw)
    if raw.format == "csv":
        source = engine.read_csv(files.paths, raw.columns, files.header, raw.separator)
    else:
        source = engine.read_parquet(files.paths, raw.columns)
    frame = engine.materialise(_typed(source, raw, files, engine), "typed_all")
    unreadable = engine.bad_lines() if raw.format == "csv" else BadLines(0)
    if unreadable.count and raw.on_bad_line == "error":
        encoded = "utf-8" in unreadable.fault.lower() or "unicode" in unreadable.fault.lower()
        skip = "Mend the file, or set source.params.on_bad_line=skip to leave such lines out, counted."
        raise DataError(
            f"{unreadable.file}, line {unreadable.line}: {unreadable.fault} The line is: {unreadable.text!r} "
            f"({unreadable.count} such line{'s' * (unreadable.count > 1)} in all)",
            hint=TO_UTF8 if encoded else skip,
        )
    facts = _facts(frame, engine)
    if not facts["rows"]:
        raise DataError(f"the log {files.paths[0]} is empty: it has a header and no rows")
    refuse_unusable(frame, facts, raw, engine)
    frame = _finish(frame, facts, raw)
    skipped = (f"{unreadable.count} lines of the log could not be read and were left out.",)
    return TypedLog(
        frame,
        facts["rows"] + unreadable.count,
        unreadable,
        frozenset(raw.columns),
        digest(files.paths),
        skipped if unreadable.count else (),
    )


def _typed(source: Frame, raw: RawLog, files: LogFiles, engine: Engine) -> Frame:
    """Type every mapped column; `bad_...` keeps the text of what did not parse, `zoned` what is UTC already."""
    types = dict(source.collect_schema())
    for name in (ours for ours in raw.columns if ours in TEXTS):
        source = source.with_columns(_as_text(name, types[name], files.types[raw.columns[name]]).alias(name))
    if isinstance(types["time"], (nw.String, nw.Categorical)):
        source = _times_from_text(source, raw, engine)
    elif types["time"].is_numeric():
        unit = _unix_format(raw.time_format)
        micros = unix_to_micros(nw.col("time").cast(nw.Float64), unit)
        unclear = nw.when(micros.is_null() & ~nw.col("time").is_null()).then(nw.col("time").cast(nw.String))
        source = source.with_columns(wall=micros, bad_time=unclear, zoned=nw.lit(True))
    elif isinstance(types["time"], (nw.Datetime, nw.Date)):
        zoned = isinstance(types["time"], nw.Datetime) and types["time"].time_zone is not None
        no_text = nw.lit(None).cast(nw.String)
        source = engine.count_micros(source, "wall", "time").with_columns(bad_time=no_text, zoned=nw.lit(zoned))
    else:
        raise DataError(f"the column '{raw.columns['time']}' (mapped to time) holds {types['time']}, no times")
    numbers = [name for name in raw.columns if name in NUMBERS]
    from_text = {f"num_{name}": name for name in numbers if isinstance(types[name], (nw.String, nw.Categorical))}
    source = _numbers_from_text(source, from_text, raw, engine)
    for name in numbers:
        if f"num_{name}" not in from_text:
            if not types[name].is_numeric():
                raise DataError(f"the column '{raw.columns[name]}' (mapped to {name}) holds {types[name]}, no numbers")
            source = source.with_columns(nw.col(name).cast(nw.Float64).alias(f"num_{name}"))
        number = nw.col(f"num_{name}")
        bad = ~nw.col(name).is_null() & (number.is_null() | ~number.is_finite())
        source = source.with_columns(nw.when(bad).then(nw.col(name).cast(nw.String)).alias(f"bad_{name}"))
    columns = [nw.col("row").cast(nw.Int64), nw.col("wall"), nw.col("zoned"), nw.col("bad_time")]
    columns += [nw.col(n) if n in raw.columns else nw.lit(None).cast(nw.String).alias(n) for n in TEXTS]
    for name in NUMBERS:
        mapped = name in raw.columns
        none, number = nw.lit(None), nw.lit(1.0 if name == "quantity" else None).cast(nw.Float64)
        columns.append((nw.col(f"num_{name}") if mapped else number).alias(name))
        columns.append((nw.col(f"bad_{name}") if mapped else none.cast(nw.String)).alias(f"bad_{name}"))
    return source.select(columns)


def _numbers_from_text(source: Frame, columns: dict[str, str], raw: RawLog, engine: Engine) -> Frame:
    """Add float columns (new name to text column); a dot beside decimal commas makes no number, whatever it means."""
    if raw.decimal == "," and columns:
        texts = {name: nw.col(name).cast(nw.String) for name in columns.values()}
        source = source.with_columns(
            **{
                f"point_{name}": nw.when(~text.str.contains(".", literal=True)).then(
                    text.str.replace_all(",", ".", literal=True)
                )
                for name, text in texts.items()
            }
        )
        columns = {new: f"point_{name}" for new, name in columns.items()}
    return engine.parse_numbers(source, columns) if columns else source


def _as_text(name: str, kind: Any, theirs: str) -> nw.Expr:
    column: nw.Expr = nw.col(name)
    if isinstance(kind, (nw.String, nw.Categorical, nw.Enum)):
        stripped = column.cast(nw.String).str.strip_chars() if name in ("user", "item", "event") else column
        return nw.when(stripped != "").then(stripped)
    if kind.is_integer():
        return column.cast(nw.String)
    if kind.is_float() or kind.is_decimal():
        number = nw.when(column.cast(nw.Float64).is_finite()).then(column.cast(nw.Float64))
        whole = number.round(0).cast(nw.Int64)
        # A broken number is no id; the mark makes the check of ids name it.
        return nw.when(number == number.round(0)).then(whole.cast(nw.String)).otherwise(number.cast(nw.String))
    raise DataError(f"the column mapped to {name} holds {theirs}", allowed="text and whole numbers")


def _unix_format(time_format: str | None) -> str | None:
    if time_format in (None, "unix", *UNIX_FORMATS):
        return None if time_format == "unix" else time_format
    raise DataError(
        f"time_format is '{time_format}', but the column of times holds numbers", allowed=("unix", *UNIX_FORMATS)
    )


def _times_from_text(source: Frame, raw: RawLog, engine: Engine) -> Frame:
    stripped = nw.col("time").cast(nw.String).str.strip_chars()
    source = source.with_columns(time=nw.when(stripped != "").then(stripped))
    as_number = raw.time_format in (None, "unix", *UNIX_FORMATS)
    if as_number:
        unit = None if raw.time_format == "unix" else raw.time_format
        source = engine.parse_numbers(source, {"num_time": "time"})
        source = source.with_columns(unix=unix_to_micros(nw.col("num_time"), unit))
    else:
        source = source.with_columns(unix=nw.lit(None).cast(nw.Int64))
    if raw.time_format is None or not as_number:
        source = engine.parse_times(source, "clock", "time", raw.time_format)
    else:
        source = source.with_columns(clock=nw.lit(None).cast(nw.Int64), clock_zoned=nw.lit(False))
    wall = nw.when(~nw.col("unix").is_null()).then(nw.col("unix")).otherwise(nw.col("clock"))
    zoned = nw.col("clock_zoned") | ~nw.col("unix").is_null()
    bad = nw.when(wall.is_null() & ~nw.col("time").is_null()).then(nw.col("time"))
    return source.with_columns(wall=wall, zoned=zoned, bad_time=bad)


def _facts(frame: Frame, engine: Engine) -> dict[str, Any]:
    user, row = nw.col("user"), nw.col("row")
    forms = {
        "whole": user.str.contains(WHOLE),
        "decimal": user.str.contains(DECIMAL),
        "other": ~user.str.contains(WHOLE) & ~user.str.contains(DECIMAL),
    }
    named = frame.select(
        row,
        "wall",
        *[(nw.when(test).then(row)).alias(f"user_{form}") for form, test in forms.items()],
        *[nw.when(~nw.col(f"bad_{name}").is_null()).then(row).alias(f"bad_{name}") for name in ("time", *NUMBERS)],
    )
    firsts = [f"user_{form}" for form in forms] + [f"bad_{name}" for name in ("time", *NUMBERS)]
    result = named.select(
        nw.len().alias("rows"),
        nw.col("wall").min().alias("first"),
        nw.col("wall").max().alias("last"),
        *[nw.col(name).min().alias(f"at_{name}") for name in firsts],
        *[nw.col(name).count().alias(f"of_{name}") for name in firsts],
    )
    facts: dict[str, Any] = engine.collect(result).to_pylist()[0]
    return facts


def _finish(frame: Frame, facts: dict[str, Any], raw: RawLog) -> Frame:
    """Put times into UTC, prices into minor units, event names and whole-number ids into our form."""
    time = nw.col("wall")
    if facts["first"] is not None and raw.time_zone != "UTC":
        table = offsets(raw.time_zone, facts["first"], facts["last"])
        time = nw.when(nw.col("zoned")).then(time).otherwise(to_utc(time, table))
    user = nw.col("user")
    if facts["of_user_decimal"] and not facts["of_user_other"] and not facts["of_user_whole"]:
        user = user.str.replace_all(r"\.0+$", "")
    event: Any = nw.lit(raw.default_event)
    if "event" in raw.columns:
        event = nw.col("event").fill_null("other")
        for theirs, ours in raw.events.items():
            event = nw.when(nw.col("event") == theirs).then(nw.lit(ours)).otherwise(event)
    quantity = nw.col("quantity")
    cancelled: Any = None
    if raw.cancellation_prefix and "order" in raw.columns:
        cancelled = nw.col("order").str.starts_with(raw.cancellation_prefix).fill_null(value=False)
    if raw.negative_is_cancellation and "quantity" in raw.columns:
        negative = (quantity < 0).fill_null(value=False)
        cancelled = negative if cancelled is None else cancelled | negative
    frame = frame.with_columns(event=event)
    if cancelled is not None:
        cancels = cancelled & (nw.col("event") == "purchase")
        frame = frame.with_columns(event=nw.when(cancels).then(nw.lit("cancellation")).otherwise(nw.col("event")))
    traded = nw.col("event").is_in(["purchase", "cancellation"])
    return frame.select(
        nw.col("row"),
        user.alias("user"),
        time.alias("time"),
        nw.col("item"),
        nw.col("event"),
        nw.when(quantity.is_null() & ~traded).then(nw.lit(1.0)).otherwise(quantity).alias("quantity"),
        (nw.col("price") * 100).round(0).cast(nw.Int64).alias("price"),
        nw.col("price").alias("unit_price"),
        nw.col("order"),
        nw.col("category"),
        nw.col("text"),
        nw.col("rating"),
    )

"""`log`: any event log in CSV or Parquet, by a mapping of its columns."""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from framework.data.rawlog import RawLog
from framework.errors import ConfigError, DataError, did_you_mean

if TYPE_CHECKING:
    from framework.records import Context

FORMATS = ("auto", "csv", "parquet")
_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_PARQUET = (".parquet", ".pq")


@dataclass
class LogConfig:
    """Where the log lies and what its columns mean.

    `path` is a file, a folder of parts, or a pattern ("logs/2024-*.parquet"). `format` "auto" goes by the file's
    ending. `columns` maps our names (user, time; item, event, quantity, price, order, category, text, rating where
    there are any) to the file's; null unmaps one. `time_format` is in the signs of strptime, or "unix", "s", "ms",
    "us"; null reads ISO 8601 and unix times. Times without an offset are local times of `time_zone`. `events` maps
    the log's names of events to view, click, cart, purchase, cancellation, review; without a column of events every
    row is a `default_event`. `separator` null is a tab for .tsv, else a comma. `decimal` is the sign in numbers such as
    3.50: "." or ",". `on_bad_line` is "error" or "skip".
    """

    path: str
    format: str = "auto"
    columns: dict[str, str | None] = field(default_factory=lambda: {"user": "user", "time": "time"})
    time_format: str | None = None
    time_zone: str = "UTC"
    currency: str = ""
    events: dict[str, str] = field(default_factory=dict)
    default_event: str = "purchase"
    cancellation_prefix: str | None = None
    negative_is_cancellation: bool = False
    not_products: list[str] = field(default_factory=list)
    separator: str | None = None
    on_bad_line: str = "error"
    mixed_users: bool = False
    items: str | None = None
    users: str | None = None
    decimal: str = "."

    def __post_init__(self) -> None:
        """Refuse signs that no file can be read with, before anything is read."""
        if self.separator is not None:
            self.separator = one_sign(self.separator)
        if self.decimal not in (".", ","):
            raise ConfigError(f"source.params.decimal is {self.decimal!r}", allowed="'.' and ','")


class Log:
    """Source that describes files as they are."""

    Config = LogConfig

    def __init__(self, config: LogConfig) -> None:
        self.config = config

    def read(self, context: Context) -> RawLog:
        """Return the log's description.

        Raises:
            DataError: a pattern that no file matches, or a format that cannot be told.
        """
        del context  # nothing is drawn and nothing is written
        config = self.config
        paths = matching(config.path)
        file_format = told_format(config.format, paths)
        tabs = file_format == "csv" and ".tsv" in paths[0].suffixes
        return RawLog(
            paths=paths,
            format=file_format,
            columns={ours: theirs for ours, theirs in config.columns.items() if theirs is not None},
            time_format=config.time_format,
            time_zone=config.time_zone,
            currency=config.currency,
            events=dict(config.events),
            default_event=config.default_event,
            cancellation_prefix=config.cancellation_prefix,
            negative_is_cancellation=config.negative_is_cancellation,
            not_products=tuple(config.not_products),
            separator=config.separator or ("\t" if tabs else ","),
            on_bad_line=config.on_bad_line,
            mixed_users=config.mixed_users,
            items=Path(config.items).expanduser() if config.items else None,
            users=Path(config.users).expanduser() if config.users else None,
            decimal=config.decimal,
        )


def one_sign(separator: str) -> str:
    """Return a separator of one character; a tab may be written as backslash and t, as shells pass it on.

    Raises:
        ConfigError: it is empty or has more characters.
    """
    sign = "\t" if separator == "\\t" else separator
    if len(sign) != 1:
        raise ConfigError(f"source.params.separator is {separator!r}", allowed="a single character")
    return sign


def matching(path: str) -> tuple[Path, ...]:
    """Return a path, or in order of name the paths that a pattern matches.

    Raises:
        DataError: no file matches the pattern.
    """
    given = Path(path).expanduser()
    if given.exists() or not glob.has_magic(path):
        return (given,)
    found = sorted(glob.glob(str(given), recursive=True))  # noqa: PTH207 - the pattern may be absolute
    if not found:
        raise DataError(f"no file matches source.params.path={path}", hint=f"The folder searched is {Path.cwd()}.")
    return tuple(map(Path, found))


def told_format(name: str, paths: tuple[Path, ...]) -> str:
    """Return "csv" or "parquet", for "auto" by the ending of the first file.

    Raises:
        DataError: no such format, or an ending that tells none.
    """
    if name not in FORMATS:
        raise DataError(f"source.params.format is '{name}'", allowed=FORMATS, hint=did_you_mean(name, FORMATS))
    if name != "auto":
        return name
    first = paths[0]
    if first.is_dir():
        inside = sorted(part for part in first.rglob("*") if part.is_file() and not part.name.startswith((".", "_")))
        known = [part for part in inside if part.name.lower().endswith(_CSV + _PARQUET)]
        endings = {part.name.lower().endswith(_PARQUET) for part in known}
        if len(endings) > 1:
            raise DataError(
                f"the folder {first} holds CSV and Parquet files", hint="Set source.params.format to one of them."
            )
        first = known[0] if known else first
    if first.name.lower().endswith(_PARQUET):
        return "parquet"
    if first.name.lower().endswith(_CSV) or not first.exists():
        return "csv"
    raise DataError(
        f"the format of {first} cannot be told by its ending",
        allowed=", ".join(_CSV + _PARQUET),
        hint="Set source.params.format=csv or parquet.",
    )

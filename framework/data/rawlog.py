"""Where a log lies and what its columns mean: all that a source has to say; the engine does the reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

COLUMNS = ("user", "time", "item", "event", "quantity", "price", "order", "category", "text", "rating")
"""Names a log's columns are mapped to. `user` and `time` are required; `order` is a basket, invoice or session id."""

EVENTS = ("view", "click", "cart", "purchase", "cancellation", "review")
"""Event kinds that the engine knows. Others pass through under their own names."""


@dataclass(frozen=True)
class RawLog:
    """Files of an event log, with the meaning of their columns.

    `paths` are files, or folders of parts; `format` is "csv" or "parquet". `columns` maps our names (`COLUMNS`) to the
    file's. `events` maps the file's event names to ours; a log without an event column holds `default_event` only.
    `cancellation_prefix` marks orders whose id starts with it as cancellations; so does a negative quantity where
    `negative_is_cancellation`. Item codes that fully match one of the regular expressions `not_products` are no
    product. `items` and `users` are optional Parquet or CSV side tables (item, category, price, text; user,
    attributes). `decimal` is the sign between a number's whole part and its fraction in text, "." or ","; thousands
    are never separated. `on_bad_line` is "error" or "skip" (left out and counted); `mixed_users` takes ids that are
    partly numbers and partly text as they are written, rather than as an error. `clock` false says that times only put
    a user's own events in order, and mean no moment.
    """

    paths: tuple[Path, ...]
    format: str
    columns: dict[str, str]
    time_format: str | None = None
    time_zone: str = "UTC"
    currency: str = ""
    events: dict[str, str] = field(default_factory=dict)
    default_event: str = "purchase"
    cancellation_prefix: str | None = None
    negative_is_cancellation: bool = False
    not_products: tuple[str, ...] = ()
    separator: str = ","
    on_bad_line: str = "error"
    mixed_users: bool = False
    items: Path | None = None
    users: Path | None = None
    decimal: str = "."
    clock: bool = True

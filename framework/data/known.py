"""What of a log was known at a moment: the one place where events are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.cancellations import net_purchases
from framework.data.schema import LARGEST

if TYPE_CHECKING:
    from framework.data.events import CleanLog

    Frame = nw.LazyFrame[Any]

CLOCK = "clock"
"""Optional column of a log's frames: the moment from which a row is known, where that is not its time.

A time split has none. Leave-one-out sets it, so that a held-out event, whenever it happened, is known later than
everything that may be learned from.
"""

CONTENT = ("time", "user", "item", "event", "order", "quantity", "price")
"""What orders events, most important first. Events equal in all of it are interchangeable, so the order of rows in
the files never matters."""

MOST_TIES = 1 << 20
"""More lines than one user buys of one item at one moment."""


@dataclass(frozen=True)
class Known:
    """A log at a moment: its events as they were written, the cancellations, and the events net of them."""

    events: Frame
    cancellations: Frame
    net: Frame


def clock_of(frame: Frame) -> nw.Expr:
    """Return the moment from which each row is known."""
    return nw.col(CLOCK if CLOCK in frame.collect_schema().names() else "time")


def before(frame: Frame, moment: int) -> Frame:
    """Return the rows known before `moment`, microseconds."""
    return frame.filter(clock_of(frame) < moment)


def known(log: CleanLog, moment: int) -> Known:
    """Return what was known before `moment`, microseconds; later events and cancellations have no influence."""
    events = before(log.frame, moment)
    cancellations = before(log.cancellations, moment)
    if not len(log.engine.collect(cancellations.select("row").head(1))):
        return Known(events, cancellations, events)
    return Known(events, cancellations, net_purchases(_numbered_by_content(events, cancellations), cancellations))


def _numbered_by_content(events: Frame, cancellations: Frame) -> Frame:
    """Number the purchases that a cancellation may take back so that, at one moment, they stand in order of content.

    `net_purchases` tells purchases of one user, item and moment apart by `row`, which is their place in the file. The
    first row of those that tie is theirs alone, so together with the rank among them it is a new, unique number.
    """
    columns = events.collect_schema().names()
    pool = nw.col("item").fill_null("").alias("pool")
    cancelled = cancellations.select("user", pool).unique(["user", "pool"]).with_columns(cancelled=nw.lit(1))
    marked = events.with_columns(pool).join(cancelled, on=["user", "pool"], how="left")
    tied = (nw.col("event") == "purchase") & ~nw.col("cancelled").is_null()
    moment = ("user", "pool", "time")
    content = ["sort_price", "quantity", "sort_order", "sort_category", "sort_rating", "row"]
    numbered = (
        marked.filter(tied)
        .with_columns(
            sort_price=nw.col("price").fill_null(-1),
            sort_order=nw.col("order").fill_null(""),
            sort_category=nw.col("category").fill_null(""),
            sort_rating=nw.col("rating").fill_null(-LARGEST),
        )
        .with_columns(
            first=nw.col("row").min().over(*moment), rank=nw.col("cancelled").cum_sum().over(*moment, order_by=content)
        )
        .with_columns(row=(nw.col("first") * MOST_TIES + nw.col("rank")).cast(nw.Int64))
    )
    return nw.concat([numbered.select(columns), marked.filter(~tied).select(columns)])


def kinds_in(log: CleanLog, events: Frame) -> tuple[str, ...]:
    """Return the kinds of event that occur in `events`, sorted; the whole log's kinds could tell of the future."""
    return tuple(sorted(log.engine.collect(events.select("event").unique()).column("event").to_pylist()))

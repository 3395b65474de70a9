"""What of a log was known at a moment: the one place where events are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.cancellations import net_purchases

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
    return Known(events, cancellations, net_purchases(events, cancellations))


def kinds_in(log: CleanLog, events: Frame) -> tuple[str, ...]:
    """Return the kinds of event that occur in `events`, sorted; the whole log's kinds could tell of the future."""
    return tuple(sorted(log.engine.collect(events.select("event").unique()).column("event").to_pylist()))

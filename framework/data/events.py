"""The clean log: what cleaning hands to splits and features."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.data.account import Cleaning
from framework.data.engine import Engine

if TYPE_CHECKING:
    import narwhals as nw

FRAME = (
    "row",
    "user",
    "time",
    "item",
    "event",
    "quantity",
    "price",
    "amount",
    "order",
    "category",
    "text",
    "rating",
    "flagged",
)
"""Columns of a clean log's frame."""


@dataclass(frozen=True)
class CleanLog:
    """Events that cleaning kept, kept apart from the cancellations that take some of them back.

    `frame` has the columns `FRAME`: row (int64, place in the input, unique), user, item, event, order, category, text
    (strings), time (int64, microseconds since 1970 UTC), quantity (float64, above 0), price (int64, minor units a
    piece, null where unknown), amount (int64, price * quantity, 0 where there is no price), rating (float64), flagged
    (bool, an implausible quantity). Purchases stand there as they were made: `net_purchases` takes back what was
    cancelled by a given moment.

    `cancellations` has the same columns, event "cancellation", and as quantity the part that found a purchase.
    `kinds` are the frame's kinds of events, in the order of `EVENTS`; `has` are the mapped columns; `digest` is the
    SHA-256 of the input; `clock` false says that times are mere places in a user's order. `items` and `users` are side
    tables, as their files have them. Frames live as long as `engine` is open.
    """

    frame: nw.LazyFrame[Any]
    cancellations: nw.LazyFrame[Any]
    kinds: tuple[str, ...]
    has: frozenset[str]
    account: Cleaning
    currency: str
    time_zone: str
    digest: str
    engine: Engine = field(repr=False)
    items: nw.LazyFrame[Any] | None = None
    users: nw.LazyFrame[Any] | None = None
    warnings: tuple[str, ...] = ()
    clock: bool = True

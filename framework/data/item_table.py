"""What a log tells of its items: category, typical price, text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from framework.data.encoding import texts
from framework.data.known import Known
from framework.data.purchase_features import side_items, typical_prices
from framework.data.tables import UNKNOWN, ItemTable

if TYPE_CHECKING:
    from framework.data.events import CleanLog

    Frame = nw.LazyFrame[Any]


def item_table(log: CleanLog, at: Known, items: NDArray[np.str_]) -> ItemTable:
    """Return what is known of `items` (I,), sorted ids.

    Category and text come from the log's table of items, where it has one; else they are the most frequent among the
    item's events (not from reviews, whose text is about the reader; equals by alphabet). The price is the mean unit
    price of the item's purchases, net of cancellations; for items never bought that of their other events, then that of
    the table of items; in whole minor units, 0 where unknown.
    """
    described = at.events.filter(~nw.col("item").is_null() & (nw.col("event") != "review"))
    category = _side(log, "category")
    if not category and "category" in log.has:
        category = _mode(log, described, "category")
    text = _side(log, "text")
    if not text and "text" in log.has:
        text = _mode(log, described, "text")
    price: dict[str, int] = _side(log, "price")
    price |= _typical(log, described)
    price |= _typical(log, at.net.filter(nw.col("event") == "purchase"))
    ids = items.tolist()
    # Categories of items that nobody has met yet would tell of the future.
    categories = texts([category.get(item) for item in ids])
    place = {name: index for index, name in enumerate(categories.tolist())}
    return ItemTable(
        category=np.array([place.get(category.get(item, ""), UNKNOWN) for item in ids], dtype=np.int32),
        categories=tuple(categories.tolist()),
        price=np.array([price.get(item, 0) for item in ids], dtype=np.int64),
        text=tuple(text.get(item, "") for item in ids),
    )


def _side(log: CleanLog, column: str) -> dict[str, Any]:
    side = side_items(log, column)
    return {} if side is None else _pairs(log, side, column)


def _mode(log: CleanLog, events: Frame, column: str) -> dict[str, str]:
    counts = events.filter(~nw.col(column).is_null()).group_by("item", column).agg(count=nw.len())
    most = counts.with_columns(most=nw.col("count").max().over("item")).filter(nw.col("count") == nw.col("most"))
    return _pairs(log, most.group_by("item").agg(nw.col(column).min()), column)


def _typical(log: CleanLog, lines: Frame) -> dict[str, int]:
    return _pairs(log, typical_prices(lines), "typical")


def _pairs(log: CleanLog, frame: Frame, column: str) -> dict[str, Any]:
    table = log.engine.collect(frame.select("item", column))
    return dict(zip(table.column("item").to_pylist(), table.column(column).to_pylist(), strict=True))

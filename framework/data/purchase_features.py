"""The features that purchases give: orders, intervals, money, prices, categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.known import Known
from framework.data.tables import MICROSECONDS_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.data.events import CleanLog

    Frame = nw.LazyFrame[Any]

MILLI = 1000
"""Quantities are summed in whole thousandths of a piece."""
MINOR_UNITS = 100
"""Cents in a unit of currency."""
SECONDS_PER_DAY = 86_400
MICROSECONDS_PER_SECOND = 1_000_000


def total(column: str) -> nw.Expr:
    """Sum whole numbers into an int64; DuckDB alone would give 128 bits."""
    return nw.col(column).sum().cast(nw.Int64)


def milli(column: str) -> nw.Expr:
    """Return a float column in whole thousandths."""
    return (nw.col(column) * MILLI).round(0).cast(nw.Int64)


def ratio(over: nw.Expr, under: nw.Expr) -> nw.Expr:
    """Divide; null where the divisor is null or not above 0."""
    return nw.when(under > 0).then(over.cast(nw.Float64) / under.cast(nw.Float64)).otherwise(nw.lit(None))


def days_since(as_of: int, column: str) -> nw.Expr:
    """Return the days from a column's moments to `as_of`."""
    return (nw.lit(as_of) - nw.col(column)).cast(nw.Float64) / MICROSECONDS_PER_DAY


def purchase_lines(log: CleanLog, net: Frame) -> Frame:
    """Return the purchases of `net`, each with `basket` (its order's id, or its moment) and its item's category."""
    basket = nw.col("order").fill_null(nw.concat_str(nw.lit("at "), nw.col("time").cast(nw.String)))
    lines = net.filter(nw.col("event") == "purchase").select(
        "user", "time", "item", "price", "amount", "category", basket=basket, units=milli("quantity")
    )
    return with_side_category(log, lines)


def side_items(log: CleanLog, column: str) -> Frame | None:
    """Return item and `column` of the log's table of items, one row an item; None where there is no such column.

    The table is as its file has it: prices are brought from currency units into whole minor units, all else into text.
    """
    if log.items is None or not {"item", column} <= set(log.items.collect_schema().names()):
        return None
    value = nw.col(column).cast(nw.String)
    if column == "price":
        value = (nw.col(column).cast(nw.Float64) * MINOR_UNITS).round(0).cast(nw.Int64)
    side = log.items.select(nw.col("item").cast(nw.String), value.alias(column))
    return side.filter(~nw.col("item").is_null() & ~nw.col(column).is_null()).group_by("item").agg(nw.col(column).min())


def with_side_category(log: CleanLog, frame: Frame) -> Frame:
    """Fill the categories that events leave open from the log's table of items, where it has one."""
    side = side_items(log, "category")
    if side is None:
        return frame
    columns = frame.collect_schema().names()
    side = side.rename({"category": "side_category"})
    category = nw.col("category").fill_null(nw.col("side_category"))
    return frame.join(side, on="item", how="left").with_columns(category=category).select(columns)


def spending(lines: Frame, as_of: int) -> Frame:
    """Return recency, frequency, money, intervals and baskets of every buyer."""
    orders = lines.group_by("user", "basket").agg(
        start=nw.col("time").min(),
        latest=nw.col("time").max(),
        value=total("amount"),
        pieces=total("units"),
    )
    users = orders.group_by("user").agg(
        latest=nw.col("latest").max(),
        first_start=nw.col("start").min(),
        last_start=nw.col("start").max(),
        orders=nw.len(),
        value=total("value"),
        pieces=total("pieces"),
    )
    span = (nw.col("last_start") - nw.col("first_start")).cast(nw.Float64) / MICROSECONDS_PER_DAY
    mean = nw.when(nw.col("orders") > 1).then(span / (nw.col("orders") - 1)).otherwise(nw.lit(None))
    return (
        users.join(_interval_spread(orders), on="user", how="left")
        .with_columns(
            recency_days=days_since(as_of, "latest"),
            frequency=nw.col("orders"),
            monetary=nw.col("value"),
            interval_mean_days=mean,
            basket_size=ratio(nw.col("pieces"), nw.col("orders") * MILLI),
            basket_value=ratio(nw.col("value"), nw.col("orders")),
        )
        .select(
            "user",
            "recency_days",
            "frequency",
            "monetary",
            "interval_mean_days",
            "interval_spread_days",
            "basket_size",
            "basket_value",
        )
    )


def _interval_spread(orders: Frame) -> Frame:
    """Return the intervals' standard deviation.

    Whole seconds around a whole-numbered centre keep every sum an exact int64: the squares add up to no more than the
    log's length squared, which fits for 90 years.
    """
    pause = nw.col("start") - nw.col("start").shift(1).over("user", order_by=["start", "basket"])
    pauses = (
        orders.with_columns(pause=pause)
        .filter(~nw.col("pause").is_null())
        .select("user", seconds=nw.col("pause") // MICROSECONDS_PER_SECOND)
    )
    centres = pauses.group_by("user").agg(seconds_sum=total("seconds"), pauses=nw.len())
    centres = centres.filter(nw.col("pauses") > 1).with_columns(centre=nw.col("seconds_sum") // nw.col("pauses"))
    off = pauses.join(centres.select("user", "centre"), on="user", how="inner").with_columns(
        off=nw.col("seconds") - nw.col("centre")
    )
    sums = (
        off.with_columns(square=nw.col("off") * nw.col("off"))
        .group_by("user")
        .agg(offs=total("off"), squares=total("square"), count=nw.len())
    )
    offs, squares, count = (nw.col(name).cast(nw.Float64) for name in ("offs", "squares", "count"))
    variance = (squares - offs * offs / count) / (count - 1)
    return sums.select("user", interval_spread_days=variance.sqrt() / SECONDS_PER_DAY)


def typical_prices(lines: Frame) -> Frame:
    """Return each item's mean unit price in whole minor units, of the priced lines in `lines`: item, typical."""
    priced = lines.filter(~nw.col("item").is_null() & (nw.col("price") > 0))
    sums = priced.group_by("item").agg(price_sum=total("price"), count=nw.len())
    return sums.select("item", typical=nw.col("price_sum") // nw.col("count"))


def price_levels(lines: Frame) -> Frame:
    """Return what each user paid relative to the items' typical prices."""
    priced = lines.filter(nw.col("price") > 0).join(typical_prices(lines), on="item", how="inner")
    sums = priced.group_by("user").agg(paid=total("price"), usual=total("typical"))
    return sums.select("user", price_level=ratio(nw.col("paid"), nw.col("usual")))


def distinct_items(lines: Frame) -> Frame:
    """Return how many different items each user bought."""
    pairs = lines.filter(~nw.col("item").is_null()).select("user", "item").unique(["user", "item"])
    return pairs.group_by("user").agg(distinct_items=nw.len())


def returns_rates(at: Known) -> Frame:
    """Return the quantity that each buyer cancelled over what the buyer bought, before netting."""
    bought = (
        at.events.filter(nw.col("event") == "purchase")
        .select("user", units=milli("quantity"))
        .group_by("user")
        .agg(bought=total("units"))
    )
    cancelled = at.cancellations.select("user", units=milli("quantity")).group_by("user").agg(cancelled=total("units"))
    rate = ratio(nw.col("cancelled").fill_null(0), nw.col("bought"))
    return bought.join(cancelled, on="user", how="left").select("user", returns_rate=rate)


def category_counts(log: CleanLog, lines: Frame) -> list[str]:
    """Return the categories in order of their number of purchased lines, most first, equals by name."""
    counts = lines.filter(~nw.col("category").is_null()).group_by("category").agg(count=nw.len())
    rows = log.engine.collect(counts).to_pylist()
    return [row["category"] for row in sorted(rows, key=lambda row: (-row["count"], row["category"]))]


def category_shares(lines: Frame, categories: Sequence[str], names: Sequence[str]) -> Frame:
    """Return each category's share of a user's lines, one column a category."""
    marks = {f"in_{place}": _mark(category) for place, category in enumerate(categories)}
    counted = (
        lines.select("user", **marks).group_by("user").agg(nw.len().alias("lines"), *(total(name) for name in marks))
    )
    shares = {name: ratio(nw.col(mark), nw.col("lines")) for name, mark in zip(names, marks, strict=True)}
    return counted.select("user", **shares)


def _mark(category: str) -> nw.Expr:
    return nw.when(nw.col("category") == category).then(nw.lit(1)).otherwise(nw.lit(0))

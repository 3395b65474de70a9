"""Cancelled purchases: what each cancellation takes back, and what is left of each purchase.

A cancellation takes back purchases of the same user and item that came before it, the latest first; what it finds
nothing for is ignored. Nothing looks ahead: frames that end at some moment give the state of that moment.

For one user and item, let S_t be the running sum of quantities bought (+) and cancelled (-), in the order time,
purchases before cancellations, row. The excess that was cancelled without a purchase is U_t = max(0, -min S up to t),
the balance B_t = S_t + U_t (a random walk reflected at zero), so that

- the matched part of the cancellation at t is its quantity minus (U_t - U_{t-1});
- last in, first out leaves of the purchase at j: min(B_t over t >= j) - B_{j-1}, cut to [0, its quantity].

Both need only window sums and minima, so they stay lazy on every engine. The sums run over whole millionths of a
unit, as floats summed in another order would not agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals as nw

if TYPE_CHECKING:
    from typing import Any

    Frame = nw.LazyFrame[Any]

MILLIONTHS = 1_000_000
POOL = ("user", "item")


def match_cancellations(frame: Frame) -> Frame:
    """Add `matched`: how much of each cancellation's quantity finds an earlier purchase; 0 on other events.

    Args:
        frame: events with user, item, time, row, event and positive quantity; unique in row.

    Returns:
        The frame with the float column `matched`, in no particular order.
    """
    pooled = _balances(frame.filter(nw.col("event").is_in(["purchase", "cancellation"])))
    is_cancellation = nw.col("event") == "cancellation"
    matched = (nw.col("units_abs") - (nw.col("excess") - nw.col("excess_before"))) / MILLIONTHS
    pooled = pooled.with_columns(matched=nw.when(is_cancellation).then(matched).otherwise(nw.lit(0.0)))
    others = frame.filter(~nw.col("event").is_in(["purchase", "cancellation"])).with_columns(matched=nw.lit(0.0))
    columns = [*frame.collect_schema().names(), "matched"]
    return nw.concat([pooled.select(columns), others.select(columns)])


def net_purchases(events: Frame, cancellations: Frame) -> Frame:
    """Take cancellations out of the purchases that they take back.

    Cut both frames at the same moment to get what was known then: a later cancellation changes nothing earlier.

    Args:
        events: a log's events (`CleanLog.frame`, or some of its rows).
        cancellations: its cancellations (`CleanLog.cancellations`, or some), with positive quantity.

    Returns:
        The events, in no particular order, with the columns of `events`. Purchases that were taken back in part have
        what is left as quantity, and amount = price * quantity; those taken back in full are gone. Other events are
        untouched.
    """
    columns = events.collect_schema().names()
    needed = [*POOL, "time", "row", "event", "quantity", "price", "amount"]
    purchases = events.filter(nw.col("event") == "purchase")
    # Only pools with a cancellation need the windows; semi and anti joins would lose null items, hence the flag.
    touched = (
        cancellations.select(nw.col("user"), nw.col("item").fill_null(""))
        .unique(["user", "item"])
        .with_columns(touched=nw.lit(1))
    )
    keyed = purchases.with_columns(pool_item=nw.col("item").fill_null("")).join(
        touched.rename({"item": "pool_item"}), on=["user", "pool_item"], how="left"
    )
    untouched = keyed.filter(nw.col("touched").is_null()).select(columns)
    pooled = nw.concat(
        [
            keyed.filter(~nw.col("touched").is_null()).select(needed),
            cancellations.select(needed),
        ]
    )
    floor = nw.col("balance").cum_min(reverse=True).over(*POOL, order_by=["time", "is_cancellation", "row"])
    left = (
        _balances(pooled)
        .with_columns(floor=floor)
        .filter(nw.col("event") == "purchase")
        .with_columns(left_units=nw.col("floor") - nw.col("balance_before"))
        .filter(nw.col("left_units") > 0)
        .with_columns(
            left_units=nw.when(nw.col("left_units") < nw.col("units_abs"))
            .then(nw.col("left_units"))
            .otherwise(nw.col("units_abs"))
        )
        .select(nw.col("row").alias("left_row"), nw.col("left_units"), nw.col("units_abs"))
    )
    reduced = nw.col("left_units") < nw.col("units_abs")
    quantity = nw.when(reduced).then(nw.col("left_units") / MILLIONTHS).otherwise(nw.col("quantity"))
    amount = (nw.col("price").fill_null(0) * nw.col("left_units") / MILLIONTHS).round(0).cast(nw.Int64)
    netted = (
        keyed.filter(~nw.col("touched").is_null())
        .join(left, left_on="row", right_on="left_row", how="inner")
        .with_columns(quantity=quantity, amount=nw.when(reduced).then(amount).otherwise(nw.col("amount")))
        .select(columns)
    )
    others = events.filter(nw.col("event") != "purchase").select(columns)
    return nw.concat([others, untouched, netted])


def _balances(pooled: Frame) -> Frame:
    order = ["time", "is_cancellation", "row"]
    is_cancellation = (nw.col("event") == "cancellation").cast(nw.Int8)
    units_abs = (nw.col("quantity") * MILLIONTHS).round(0).cast(nw.Int64)
    units = nw.when(nw.col("is_cancellation") == 1).then(-nw.col("units_abs")).otherwise(nw.col("units_abs"))
    signed = pooled.with_columns(is_cancellation=is_cancellation, units_abs=units_abs).with_columns(units=units)
    summed = signed.with_columns(running=nw.col("units").cum_sum().over(*POOL, order_by=order))
    lowest = summed.with_columns(lowest=nw.col("running").cum_min().over(*POOL, order_by=order))
    excess = nw.when(nw.col("lowest") < 0).then(-nw.col("lowest")).otherwise(nw.lit(0))
    balanced = lowest.with_columns(excess=excess).with_columns(balance=nw.col("running") + nw.col("excess"))
    return balanced.with_columns(
        excess_before=nw.col("excess").shift(1).over(*POOL, order_by=order).fill_null(0),
        balance_before=nw.col("balance").shift(1).over(*POOL, order_by=order).fill_null(0),
    )

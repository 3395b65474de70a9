"""From lazy frames to arrays: the data set that components learn from, and the windows that they are judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from framework.data.encoding import basket_numbers, encode, texts, total_order
from framework.data.features import features_of
from framework.data.item_table import item_table
from framework.data.known import CLOCK, clock_of, known
from framework.data.tables import Dataset, FeatureTable, Interactions, Window
from framework.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from framework.data.events import CleanLog
    from framework.data.settings import FeaturesConfig

    Frame = nw.LazyFrame[Any]

COLUMNS = ("user", "item", "event", "order", "time", "quantity", "price", "amount", "rating")


def dataset(log: CleanLog, as_of: int, config: FeaturesConfig) -> Dataset:
    """Return the log before `as_of` as arrays, with features and items.

    Nothing at or after `as_of` has any influence, and the order of rows in the files has none: equal events give equal
    bytes. Users and items are those seen before `as_of`, also where every purchase was cancelled since.

    Args:
        log: the cleaned log, or a split's `before_test`.
        as_of: the moment, microseconds since 1970 UTC.
        config: how features are computed.

    Raises:
        DataError: no events before `as_of`.
    """
    at = known(log, as_of)
    users, items = _ids(log, at.events, "user"), _ids(log, at.events, "item")
    if not len(users):
        raise DataError("There are no events to learn from before the cut", hint="Cut the log later.")
    features = _feature_table(log.engine.collect(features_of(log, at, as_of, config)), users)
    about = item_table(log, at, items)
    events = _interactions(log.engine.collect(at.net.select(_columns(log))), users, items)
    return Dataset(users, items, events, features, about, as_of, log.currency)


def window(log: CleanLog, start: int, end: int, data: Dataset) -> Window:
    """Return what happened in [start, end), in the index space of `data`.

    Cancellations before `end` are taken out of the purchases that they cancel. Of held-out events (leave-one-out) the
    window gives those known from `start` on, and bears the times at which they happened.

    Args:
        log: a split's `before_test` for validation, the opened test part for the test.
        start: microseconds; not before `data.as_of`.
        end: microseconds.
        data: the data set that strategies learn from.

    Raises:
        DataError: a window that starts before the data set ends, or is empty.
    """
    if start < data.as_of:
        raise DataError(
            f"A window from {start} would hold events that the data set, which ends at {data.as_of}, has learned from",
            hint="Start it where the data set ends, or later.",
        )
    if end <= start:
        raise DataError(f"A window from {start} to {end} has no length", hint="End it later than it starts.")
    net = known(log, end).net
    rows = log.engine.collect(net.filter(clock_of(net) >= start).select(_columns(log)))
    if CLOCK in net.collect_schema().names() and rows.num_rows:
        times = rows.column("time").to_numpy()
        start, end = int(times.min()), int(times.max()) + 1
    user_ids = texts(rows.column("user").unique().to_pylist())
    events = _interactions(rows, user_ids, data.items)
    return Window(start, end, user_ids, data.user_index(user_ids), events)


def _ids(log: CleanLog, events: Frame, column: str) -> NDArray[np.str_]:
    return texts(log.engine.collect(events.select(column).unique()).column(column).to_pylist())


def _columns(log: CleanLog) -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if name != "rating" or "rating" in log.has)


def _interactions(table: pa.Table, users: NDArray[np.str_], items: NDArray[np.str_]) -> Interactions:
    """Encode events and put them into total order; each text column is let go of as soon as it is encoded."""
    user, _ = encode(table.column("user"), users)
    item, _ = encode(table.column("item"), items)
    order, _ = encode(table.column("order"))
    kind, kinds = encode(table.column("event"))
    if len(kinds) > np.iinfo(np.int8).max:
        raise DataError(
            f"The log has {len(kinds)} kinds of event, and at most {np.iinfo(np.int8).max} can be told apart",
            hint="Map the kinds that mean the same to one name in the source's `events`.",
        )
    unknown_items, _ = encode(table.column("item")) if (item < 0).any() else (item, None)
    table = table.drop_columns(["user", "item", "order", "event"])
    time = table.column("time").to_numpy()
    quantity = table.column("quantity").to_numpy().astype(np.float64, copy=False)
    amount = table.column("amount").fill_null(0).to_numpy()
    price = table.column("price").fill_null(-1).to_numpy()
    rated = "rating" in table.column_names
    # To numpy a null is a NaN.
    rating = [table.column("rating").to_numpy().astype(np.float64, copy=False)] if rated else []
    sequence = total_order([time, user, item, unknown_items, kind, order, quantity, price, amount, *rating])
    user, time, order = user[sequence], time[sequence], order[sequence]
    return Interactions(
        user=user,
        item=item[sequence],
        kind=kind[sequence].astype(np.int8),
        time=time,
        quantity=quantity[sequence],
        amount=amount[sequence],
        order=basket_numbers(user, time, order),
        kinds=tuple(kinds.tolist()),
        rating=rating[0][sequence] if rated else None,
    )


def _feature_table(table: pa.Table, users: NDArray[np.str_]) -> FeatureTable:
    place, _ = encode(table.column("user"), users)
    names = tuple(name for name in table.column_names if name != "user")
    values = np.full((len(users), len(names)), np.nan)
    for column, name in enumerate(names):
        values[place, column] = table.column(name).to_numpy().astype(np.float64)
    return FeatureTable(names, values)

"""The user features of the tiny data set, written out plainly user by user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from framework.data.tables import MICROSECONDS_PER_DAY, FeatureTable, Interactions, ItemTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = (
    "recency_days",
    "frequency",
    "monetary",
    "tenure_days",
    "interval_mean_days",
    "interval_spread_days",
    "basket_size",
    "basket_value",
    "price_level",
    "returns_rate",
    "distinct_items",
    "sessions",
    "events_per_session",
    "views_per_purchase",
    "days_since_view",
)
"""The features that do not hang on the categories, in the order of the columns."""


def tiny_features(events: Interactions, users: int, items: ItemTable, as_of: int) -> FeatureTable:
    """Return the features of every user, NaN where undefined, and the share of each category in what they bought."""
    names = NAMES + tuple(f"category_share_{name}" for name in items.categories)
    rows = [_row(events.where(events.user == user), items, as_of) for user in range(users)]
    return FeatureTable(names, np.array(rows, dtype=np.float64).reshape(users, len(names)))


def _row(events: Interactions, items: ItemTable, as_of: int) -> list[float]:
    bought, views = events.of_kind("purchase"), events.of_kind("view")
    undefined = float("nan")
    orders, first = np.unique(bought.order, return_index=True)
    days = np.sort(bought.time[first]) / MICROSECONDS_PER_DAY
    gaps = np.diff(days)
    visits = len(np.unique(events.order))
    amount = float(bought.amount.sum())
    n = len(orders)
    return [
        _age(bought.time, as_of),
        float(n),
        amount,
        (as_of - int(events.time.min())) / MICROSECONDS_PER_DAY if len(events) else undefined,
        float(gaps.mean()) if len(gaps) else undefined,
        float(gaps.std()) if len(gaps) > 1 else undefined,
        float(bought.quantity.sum()) / n if n else undefined,
        amount / n if n else undefined,
        amount / float(bought.quantity.sum()) if n else undefined,
        0.0 if n else undefined,
        float(len(np.unique(bought.item[bought.item >= 0]))),
        float(visits),
        len(events) / visits if visits else undefined,
        len(views) / len(bought) if len(bought) else undefined,
        _age(views.time, as_of),
        *_shares(bought, items),
    ]


def _age(times: NDArray[np.int64], as_of: int) -> float:
    return (as_of - int(times.max())) / MICROSECONDS_PER_DAY if len(times) else float("nan")


def _shares(bought: Interactions, items: ItemTable) -> list[float]:
    known = bought.item[bought.item >= 0]
    if not len(known):
        return [float("nan")] * len(items.categories)
    counts = np.bincount(items.category[known], minlength=len(items.categories))
    return [float(share) for share in counts / counts.sum()]

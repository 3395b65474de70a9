"""Every user feature that the data stage can compute: its name, what it means, in which unit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CATEGORY_SHARE = "category_share_"


@dataclass(frozen=True)
class Feature:
    """One user feature. `meaning` also says for whom it is undefined (null, and NaN in a `FeatureTable`)."""

    name: str
    meaning: str
    unit: str


PURCHASE_FEATURES = (
    Feature("recency_days", "time since the last purchase; undefined without one", "days"),
    Feature("frequency", "number of orders: order ids, or moments of purchase where the log has none", "orders"),
    Feature("monetary", "money spent, net of cancellations", "minor currency units"),
    Feature("interval_mean_days", "mean time between successive orders; undefined for fewer than two", "days"),
    Feature(
        "interval_spread_days",
        "standard deviation (n - 1) of the times between successive orders, taken to whole seconds; undefined for "
        "fewer than three",
        "days",
    ),
    Feature("basket_size", "mean quantity an order; undefined without orders", "pieces"),
    Feature("basket_value", "mean money an order; undefined without orders", "minor currency units"),
    Feature(
        "price_level",
        "sum of the unit prices paid over the sum of the same items' mean unit prices among all users: 1.1 is ten "
        "percent dearer than usual; undefined without priced purchases",
        "ratio",
    ),
    Feature(
        "returns_rate",
        "quantity cancelled over quantity bought; above 1 where purchases older than the log were cancelled; "
        "undefined without purchases",
        "ratio",
    ),
    Feature("distinct_items", "number of different items bought", "items"),
)
PRESENCE_FEATURES = (Feature("tenure_days", "time since the first event of any kind", "days"),)
SESSION_FEATURES = (
    Feature(
        "sessions",
        "number of visits: stretches of events, other than reviews, without a pause longer than the session gap",
        "visits",
    ),
    Feature("events_per_session", "mean number of events a visit; undefined without visits", "events"),
    Feature("views_per_purchase", "views over purchased lines; undefined without purchases", "views"),
    Feature("days_since_view", "time since the last view; undefined without views", "days"),
)
REVIEW_FEATURES = (
    Feature("review_count", "number of reviews written", "reviews"),
    Feature("rating_mean", "mean rating given; undefined without ratings", "stars"),
)
SHARE_FEATURES = (
    Feature(CATEGORY_SHARE + "*", "share of purchased lines in this category; undefined without purchases", "share"),
)

FEATURES = (*PRESENCE_FEATURES, *PURCHASE_FEATURES, *SESSION_FEATURES, *REVIEW_FEATURES, *SHARE_FEATURES)
"""All features. One that the log has no columns or events for is left out, not filled in."""


def describe(name: str) -> Feature:
    """Return what a feature means; raises KeyError for a name that is none."""
    for feature in FEATURES:
        if feature.name == name:
            return feature
    if name.startswith(CATEGORY_SHARE):
        return Feature(name, SHARE_FEATURES[0].meaning, SHARE_FEATURES[0].unit)
    raise KeyError(f"no feature '{name}'; there are: {', '.join(feature.name for feature in FEATURES)}")


def share_names(categories: Iterable[str]) -> tuple[str, ...]:
    """Return a distinct feature name for each category.

    Whatever is no letter or digit becomes "_", and names that then agree (upper and lower case count as equal, as they
    do in SQL) get numbers.
    """
    names: list[str] = []
    taken: set[str] = set()
    for category in categories:
        stem = CATEGORY_SHARE + re.sub(r"\W+", "_", category).strip("_")
        name, number = stem, 2
        while name.casefold() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)

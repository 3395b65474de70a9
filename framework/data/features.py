"""User features as of a moment, in expressions that every engine runs alike.

Sums are taken over whole numbers (minor currency units, thousandths of a piece, microseconds, seconds), because floats
added in another order differ in the last digits, and a user on the edge of a segment would change sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import narwhals as nw

from framework.data.feature_registry import share_names
from framework.data.known import Known, kinds_in, known
from framework.data.purchase_features import (
    MILLI,
    category_counts,
    category_shares,
    days_since,
    distinct_items,
    milli,
    price_levels,
    purchase_lines,
    ratio,
    returns_rates,
    spending,
    total,
)
from framework.errors import DataError

if TYPE_CHECKING:
    from framework.data.events import CleanLog
    from framework.data.settings import FeaturesConfig

    Frame = nw.LazyFrame[Any]

MICROSECONDS_PER_MINUTE = 60_000_000


def user_features(log: CleanLog, as_of: int, config: FeaturesConfig) -> Frame:
    """Return one row a user seen before `as_of`: the column `user`, and a float64 column for each feature.

    Which features there are depends on what the log holds before `as_of`; `framework.data.feature_registry` says what
    each means. Undefined values are null. No event or cancellation at or after `as_of` has any influence, and neither
    has the order of rows.

    Args:
        log: the cleaned log, or the part of a split before the test.
        as_of: the moment, microseconds since 1970 UTC.
        config: session gap, and how many categories get a share.

    Raises:
        DataError: no events before `as_of`.
    """
    return features_of(log, known(log, as_of), as_of, config)


def features_of(log: CleanLog, at: Known, as_of: int, config: FeaturesConfig) -> Frame:
    """Do `user_features` from what is `known` already."""
    kinds = kinds_in(log, at.events)
    if not kinds:
        raise DataError("There are no events to compute features from", hint="Cut the log later.")
    features = at.events.group_by("user").agg(nw.col("time").min().alias("first"))
    features = features.select("user", tenure_days=days_since(as_of, "first"))
    for group in _groups(log, at, as_of, config, kinds):
        features = features.join(group, on="user", how="left")
    names = [name for name in features.collect_schema().names() if name != "user"]
    counts = [name for name in ("frequency", "monetary", "distinct_items", "sessions", "review_count") if name in names]
    return features.with_columns(nw.col(name).fill_null(0) for name in counts).select(
        "user", *(nw.col(name).cast(nw.Float64) for name in names)
    )


def _groups(log: CleanLog, at: Known, as_of: int, config: FeaturesConfig, kinds: tuple[str, ...]) -> list[Frame]:
    """Return frames keyed by user, each with the features of one group that this log can give."""
    groups = []
    if "purchase" in kinds:
        # Kept, because every group reads it and netting has windows.
        lines = log.engine.materialise(purchase_lines(log, at.net), f"lines_{uuid4().hex}")
        groups += [spending(lines, as_of), price_levels(lines), returns_rates(at), distinct_items(lines)]
        categories = category_counts(log, lines)[: config.categories]
        if categories:
            groups.append(category_shares(lines, categories, share_names(categories)))
    if "view" in kinds:
        groups += [_sessions(at.events, config.session_gap_minutes), _views(at, as_of)]
    if "review" in kinds:
        groups.append(_reviews(at.events))
    return groups


def _sessions(events: Frame, gap_minutes: float) -> Frame:
    """Return visits, which end where a user pauses for longer than the gap."""
    gap = round(gap_minutes * MICROSECONDS_PER_MINUTE)
    acts = events.filter(nw.col("event") != "review").select("user", "time")
    pause = nw.col("time") - nw.col("time").shift(1).over("user", order_by=["time"])
    begins = nw.when(nw.col("pause") <= gap).then(nw.lit(0)).otherwise(nw.lit(1))
    visits = acts.with_columns(pause=pause).with_columns(begins=begins)
    users = visits.group_by("user").agg(sessions=total("begins"), acts=nw.len())
    return users.select("user", "sessions", events_per_session=ratio(nw.col("acts"), nw.col("sessions")))


def _views(at: Known, as_of: int) -> Frame:
    """Return how many views a purchase takes, and how long ago the last view was."""
    view, purchase = nw.col("event") == "view", nw.col("event") == "purchase"
    marked = at.events.filter(view | purchase).with_columns(
        viewed=nw.when(view).then(nw.lit(1)).otherwise(nw.lit(0)),
        bought=nw.when(purchase).then(nw.lit(1)).otherwise(nw.lit(0)),
        viewed_at=nw.when(view).then(nw.col("time")).otherwise(nw.lit(None)),
    )
    users = marked.group_by("user").agg(
        viewed=total("viewed"), bought=total("bought"), viewed_at=nw.col("viewed_at").max()
    )
    return users.select(
        "user",
        views_per_purchase=ratio(nw.col("viewed"), nw.col("bought")),
        days_since_view=days_since(as_of, "viewed_at"),
    )


def _reviews(events: Frame) -> Frame:
    """Return how many reviews a user wrote and the mean of the ratings given, on whatever kind of event."""
    review = nw.col("event") == "review"
    marked = events.filter(review | ~nw.col("rating").is_null()).with_columns(
        reviewed=nw.when(review).then(nw.lit(1)).otherwise(nw.lit(0)), stars=milli("rating")
    )
    users = marked.group_by("user").agg(
        review_count=total("reviewed"), stars=total("stars"), ratings=nw.col("rating").count()
    )
    return users.select("user", "review_count", rating_mean=ratio(nw.col("stars"), nw.col("ratings") * MILLI))

"""Leave-one-out: each user's last purchase is the test. It leaks, so it must be asked for, and it says how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from framework.data.known import CLOCK

if TYPE_CHECKING:
    from framework.data.events import CleanLog

    Frame = nw.LazyFrame[Any]

FIT, VALIDATION, TEST = 0, 1, 2
UNMEASURED = (
    "Leave-one-out leaks the future: other users' events from after a user's test event are learned from. The log has "
    "no times of its own, so how many cannot be said; no launch could know them."
)
KEPT = (
    "Users with fewer than two purchases stay in the fit part; users with two have no validation purchase.",
    "What else lay in the basket of a held-out purchase may stay in training.",
)


def held_out(log: CleanLog, end: int) -> tuple[Frame, Frame]:
    """Give every event and cancellation the moment from which it counts as known.

    A user's events from the last purchase on are the test, those from the second to last purchase on the validation.
    Users with two purchases have a test only; those with fewer stay in the fit part. Purchases at the same moment are
    told apart by content.

    Args:
        log: the cleaned log.
        end: one microsecond after its last event.

    Returns:
        Events and cancellations with the column `clock`: the time itself in the fit part, `end` in validation,
        `end` + 1 in the test.
    """
    frame = log.frame
    text = [name for name in ("item", "order", "category", "text") if name in frame.collect_schema().names()]
    order = ["time", "sort_item", "event", "sort_order", "quantity", "sort_price", "sort_category", "sort_text", "row"]
    ranked = (
        frame.with_columns(
            *(nw.col(name).fill_null("").alias(f"sort_{name}") for name in text),
            sort_price=nw.col("price").fill_null(-1),
            bought=nw.when(nw.col("event") == "purchase").then(nw.lit(1)).otherwise(nw.lit(0)),
        )
        .with_columns(
            place=nw.col("bought").cum_sum().over("user", order_by=order),
            purchases=nw.col("bought").sum().over("user"),
        )
        .with_columns(part=_part())
        .with_columns(**{CLOCK: _clock(end)})
    )
    events = log.engine.materialise(
        ranked.select([*frame.collect_schema().names(), CLOCK, "part", "bought"]), "leave_one_out"
    )
    starts = (
        events.filter(nw.col("part") > FIT)
        .group_by("user")
        .agg(validation_from=_first(VALIDATION), test_from=_first(TEST))
    )
    late = (
        nw.when(nw.col("time") >= nw.col("test_from"))
        .then(nw.lit(TEST))
        .when(nw.col("time") >= nw.col("validation_from"))
        .then(nw.lit(VALIDATION))
        .otherwise(nw.lit(FIT))
    )
    columns = [*log.cancellations.collect_schema().names(), CLOCK]
    cancellations = (
        log.cancellations.join(starts, on="user", how="left")
        .with_columns(part=late)
        .with_columns(**{CLOCK: _clock(end)})
        .select(columns)
    )
    return events.drop("part", "bought"), cancellations


def leak_notes(log: CleanLog, events: Frame, end: int) -> tuple[str, ...]:
    """Say how many training events lie after the test event of the user they are to help foretell.

    Args:
        log: the cleaned log (for its engine).
        events: what `held_out` returned.
        end: one microsecond after the log's last event.
    """
    if not log.clock:
        return (UNMEASURED, *KEPT)
    collect = log.engine.collect
    training = np.sort(collect(events.filter(nw.col(CLOCK) <= end).select("time")).column("time").to_numpy())
    test = events.filter((nw.col(CLOCK) > end) & (nw.col("event") == "purchase"))
    moments = collect(test.group_by("user").agg(nw.col("time").min()).select("time")).column("time").to_numpy()
    if not len(moments) or not len(training):
        return ()
    later = len(training) - np.searchsorted(training, moments, side="right")
    anywhere = int(later.max())
    leak = (
        f"Leave-one-out leaks the future: for the median of {len(moments)} tested users, "
        f"{int(np.median(later))} of {len(training)} training events ({np.median(later) / len(training):.1%}; "
        f"mean {later.mean() / len(training):.1%}) lie after the user's own test event. "
        f"{anywhere} training events ({anywhere / len(training):.1%}) lie after at least one user's test event. "
        "No launch could know them; use data.split.kind=time to decide on one."
    )
    return (leak, *KEPT)


def _part() -> nw.Expr:
    last = nw.col("place") == nw.col("purchases")
    second = nw.col("place") == nw.col("purchases") - 1
    return (
        nw.when(last & (nw.col("purchases") >= 2))
        .then(nw.lit(TEST))
        .when(second & (nw.col("purchases") >= 3))
        .then(nw.lit(VALIDATION))
        .otherwise(nw.lit(FIT))
    )


def _clock(end: int) -> nw.Expr:
    part = nw.col("part")
    return nw.when(part == FIT).then(nw.col("time")).otherwise(nw.lit(end - 1) + part)


def _first(part: int) -> nw.Expr:
    return nw.when(nw.col("part") == part).then(nw.col("time")).otherwise(nw.lit(None)).min()

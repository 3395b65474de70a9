"""Ratings on their way from a log to the arrays that components learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framework.data.materialise import dataset, window
from framework.data.settings import FeaturesConfig
from framework.testing import tiny_dataset

DAY = 86_400_000_000
START = 1_614_556_800_000_000


def rows() -> list[dict[str, Any]]:
    return [
        {"user": "b", "time": START + DAY, "item": "x", "price": 100, "rating": 2.5},
        {"user": "a", "time": START, "item": "x", "price": 100},
        {"user": "a", "time": START + DAY, "item": "y", "event": "review", "rating": 4.0},
        {"user": "a", "time": START + DAY, "item": "y", "event": "review", "rating": 0.0},
        {"user": "a", "time": START + DAY, "item": "y", "event": "review"},
        {"user": "c", "time": START + 3 * DAY, "item": "x", "price": 100, "rating": 5.0},
    ]


def told(events: Any) -> list[tuple[int, int, float]]:
    return list(
        zip(events.user.tolist(), events.item.tolist(), np.nan_to_num(events.rating, nan=-9).tolist(), strict=True)
    )


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_ratings_stand_beside_their_events(open_log_maker: Any, engine: str) -> None:
    log = open_log_maker(engine)(rows())
    data = dataset(log, START + 2 * DAY, FeaturesConfig())
    assert data.events.rating is not None
    assert data.events.rating.dtype == np.float64
    assert told(data.events) == [(0, 0, -9), (0, 1, 0.0), (0, 1, 4.0), (0, 1, -9), (1, 0, 2.5)]
    assert told(data.events.of_kind("purchase")) == [(0, 0, -9), (1, 0, 2.5)]
    assert told(window(log, START + 2 * DAY, START + 4 * DAY, data).events) == [(0, 0, 5.0)]


def test_order_of_rows_means_nothing(make_log: Any) -> None:
    """Neither among events that differ in nothing but the rating, nor for which of two purchases was cancelled."""
    log = [*rows(), *({"user": "d", "time": START, "item": "x", "price": 5, "rating": stars} for stars in (1.0, 3.0))]
    log.append({"user": "d", "time": START + DAY, "item": "x", "event": "cancellation"})
    first, again = (dataset(make_log(lines), START + 2 * DAY, FeaturesConfig()) for lines in (log, log[::-1]))
    np.testing.assert_array_equal(first.events.rating, again.events.rating)
    assert [stars for user, _, stars in told(first.events) if user == 2] == [1.0]


def test_a_log_without_ratings_has_none(make_log: Any) -> None:
    plain = [{name: value for name, value in row.items() if name != "rating"} for row in rows()]
    events = dataset(make_log(plain), START + 2 * DAY, FeaturesConfig()).events
    assert events.rating is None
    assert events.of_kind("review").rating is None


def test_tiny_purchases_are_rated() -> None:
    events = tiny_dataset().events
    assert events.rating is not None
    rated = ~np.isnan(events.rating)
    bought = events.kind == events.kinds.index("purchase")
    assert not (rated & ~bought).any()
    assert 0.7 < rated[bought].mean() < 0.9
    assert set(events.rating[rated].tolist()) == {1.0, 2.0, 3.0, 4.0, 5.0}

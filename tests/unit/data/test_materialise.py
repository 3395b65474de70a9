"""Data sets and windows against the rows they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.data.encoding import basket_numbers, encode, total_order
from framework.data.materialise import dataset, window
from framework.data.settings import FeaturesConfig
from framework.errors import DataError

DAY = 86_400_000_000
START = 1_614_556_800_000_000


def at(day: float) -> int:
    return START + round(day * DAY)


def rows() -> list[dict[str, Any]]:
    return [
        {"user": "b", "time": at(2), "item": "y", "price": 300, "quantity": 2.0, "order": "o2", "text": "Y"},
        {"user": "b", "time": at(2), "item": "x", "price": 100, "quantity": 4.0, "order": "o2", "text": "X"},
        {"user": "a", "time": at(0), "item": "x", "price": 110, "category": "C2", "text": "X"},
        {"user": "a", "time": at(1), "item": "x", "event": "view", "category": "C1", "text": "X, new"},
        {"user": "a", "time": at(1), "item": "x", "event": "view", "category": "C1"},
        {"user": "a", "time": at(1), "event": "view"},
        {"user": "b", "time": at(3), "item": "x", "quantity": 1.0, "price": 100, "event": "cancellation"},
        {"user": "c", "time": at(3), "item": "w", "price": 50},
        {"user": "c", "time": at(3.5), "item": "w", "price": 50, "event": "cancellation"},
        {"user": "c", "time": at(3.7), "item": "z", "price": 77, "event": "view", "text": "Z"},
        {"user": "c", "time": at(3.8), "item": "x", "event": "review", "text": "I like it", "rating": 5.0},
        # from here on: the window
        {"user": "d", "time": at(4), "item": "x", "price": 100},
        {"user": "b", "time": at(5), "item": "v", "price": 10, "quantity": 3.0},
        {"user": "b", "time": at(6), "item": "v", "price": 10, "quantity": 1.0, "event": "cancellation"},
        {"user": "a", "time": at(7), "item": "y", "price": 300},
        {"user": "a", "time": at(7), "item": "y", "price": 300, "event": "cancellation"},
        {"user": "e", "time": at(8), "item": "y", "price": 300},
    ]


def test_a_data_set_holds_what_was_known(make_log: Any) -> None:
    data = dataset(make_log(rows()), at(4), FeaturesConfig())
    assert data.users.tolist() == ["a", "b", "c"]
    assert data.items.tolist() == ["w", "x", "y", "z"]
    events = data.events
    assert events.kinds == ("purchase", "review", "view")
    seen = [
        (str(data.users[u]), str(data.items[i]) if i >= 0 else None, events.kinds[k], (t - START) / DAY, q, m, o)
        for u, i, k, t, q, m, o in zip(
            events.user,
            events.item,
            events.kind,
            events.time,
            events.quantity,
            events.amount,
            events.order,
            strict=True,
        )
    ]
    assert seen == [
        ("a", "x", "purchase", 0.0, 1.0, 110, 0),
        ("a", None, "view", 1.0, 1.0, 0, 1),
        ("a", "x", "view", 1.0, 1.0, 0, 1),
        ("a", "x", "view", 1.0, 1.0, 0, 1),
        ("b", "x", "purchase", 2.0, 3.0, 300, 2),
        ("b", "y", "purchase", 2.0, 2.0, 600, 2),
        ("c", "z", "view", 3.7, 1.0, 77, 3),
        ("c", "x", "review", 3.8, 1.0, 0, 4),
    ]
    assert data.features.column("monetary").tolist() == [110, 900, 0]
    assert np.isnan(data.features.column("recency_days")[2])
    assert data.currency == "EUR"


def test_items_are_described_by_their_events(make_log: Any) -> None:
    table = dataset(make_log(rows()), at(4), FeaturesConfig()).item_table
    assert table.categories == ("C1",)
    assert table.category.tolist() == [-1, 0, -1, -1]
    assert table.price.tolist() == [50, 105, 300, 77]  # w's only purchase was taken back, z was never bought
    assert table.text == ("", "X", "Y", "Z")


def test_the_table_of_items_describes_them_first(make_log: Any) -> None:
    items = {
        "item": ["x", "y", "nowhere"],
        "category": ["K", None, "L"],
        "price": [9.99, 2.5, 1.0],
        "text": ["x!", None, ""],
    }
    plain = [{key: value for key, value in row.items() if key != "price"} for row in rows()]
    table = dataset(make_log(plain, items=items), at(4), FeaturesConfig()).item_table
    assert table.categories == ("K",)
    assert table.category.tolist() == [-1, 0, -1, -1]
    assert table.price.tolist() == [0, 999, 250, 0]
    assert table.text == ("", "x!", "", "")


def test_a_window_is_net_of_what_was_cancelled_by_its_end(make_log: Any) -> None:
    log = make_log(rows())
    data = dataset(log, at(4), FeaturesConfig())
    later = window(log, at(4), at(8), data)
    assert (later.start, later.end) == (at(4), at(8))
    assert later.user_ids.tolist() == ["b", "d"]  # a took back its only purchase, e came at the end
    assert later.user_index.tolist() == [1, -1]
    assert later.events.item.tolist() == [1, -1]  # v was unknown before
    assert later.events.user.tolist() == [1, 0]
    assert later.events.amount.tolist() == [100, 20]
    assert window(log, at(4), at(6), data).events.amount.tolist() == [100, 30]


def test_an_empty_window_is_a_window(make_log: Any) -> None:
    log = make_log(rows())
    later = window(log, at(20), at(21), dataset(log, at(10), FeaturesConfig()))
    assert len(later.events) == len(later.user_ids) == 0


def test_too_many_kinds_are_refused(make_log: Any) -> None:
    many = [{"user": "a", "time": at(0), "item": "x", "event": f"kind {i}"} for i in range(128)]
    with pytest.raises(DataError, match="128 kinds of event"):
        dataset(make_log(many), at(1), FeaturesConfig())


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40))
def test_total_order_is_a_lexicographic_sort(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    keys = [rng.integers(0, 3, n), rng.integers(0, 3, n).astype(np.float64), rng.integers(0, 2, n), rng.permutation(n)]
    np.testing.assert_array_equal(total_order(keys), np.lexsort(keys[::-1]))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(-1, 2)), max_size=25))
def test_baskets_are_numbered_as_they_begin(events: list[tuple[int, int, int]]) -> None:
    events = sorted(events, key=lambda event: event[1])
    user, time, order = np.array(events, dtype=np.int64).reshape(-1, 3).T
    numbers: dict[Any, int] = {}
    expected = [numbers.setdefault((u, "order", o) if o >= 0 else (u, "at", t), len(numbers)) for u, t, o in events]
    found = basket_numbers(user.astype(np.int32), time, order.astype(np.int32))
    assert found.tolist() == expected


def test_encode_sorts_by_code_point_over_chunks() -> None:
    column = pa.chunked_array([["b", None, "é"], [], ["a", "b", "Z", "玩"]], pa.string())
    codes, values = encode(column)
    assert values.tolist() == ["Z", "a", "b", "é", "玩"]
    assert codes.tolist() == [2, -1, 3, 1, 2, 0, 4]
    codes, _ = encode(column, np.array(["a", "c"]))
    assert codes.tolist() == [-1, -1, -1, 0, -1, -1, -1]
    assert encode(pa.chunked_array([], pa.string()))[0].tolist() == []

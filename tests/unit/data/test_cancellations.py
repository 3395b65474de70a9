"""The netting of cancellations against a plain stack."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.data.cancellations import match_cancellations, net_purchases

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("user", pa.string()),
        ("item", pa.string()),
        ("time", pa.int64()),
        ("event", pa.string()),
        ("quantity", pa.float64()),
        ("price", pa.int64()),
        ("amount", pa.int64()),
    ]
)

EVENT = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y", None]),
    st.integers(0, 6),
    st.sampled_from(["purchase", "cancellation", "view"]),
    st.sampled_from([1.0, 2.0, 3.0, 0.1, 0.25, 7.0]),
    st.sampled_from([None, 100, 255]),
)


def table(events: list[tuple[Any, ...]]) -> pa.Table:
    rows = [
        {
            "row": number,
            "user": user,
            "item": item,
            "time": time,
            "event": event,
            "quantity": quantity,
            "price": price,
            "amount": round((price or 0) * quantity),
        }
        for number, (user, item, time, event, quantity, price) in enumerate(events, 1)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def frames(data: pa.Table) -> tuple[duckdb.DuckDBPyConnection, nw.LazyFrame[Any], nw.LazyFrame[Any]]:
    con = duckdb.connect()
    con.register("t", data)
    events = nw.from_native(con.sql("select * from t where event <> 'cancellation'"))
    cancelled = nw.from_native(con.sql("select * from t where event = 'cancellation'"))
    return con, events, cancelled


def stack(data: pa.Table) -> tuple[dict[int, float], dict[int, float]]:
    """What is left of each purchase, and what each cancellation matched, by popping whole thousandths."""
    pools: dict[tuple[str, str | None], list[list[int]]] = defaultdict(list)
    left: dict[int, float] = {}
    matched: dict[int, float] = {}
    for row in sorted(data.to_pylist(), key=lambda r: (r["time"], r["event"] == "cancellation", r["row"])):
        pool = pools[row["user"], row["item"]]
        wanted = round(row["quantity"] * 1000)
        if row["event"] == "purchase":
            pool.append([row["row"], wanted])
        if row["event"] == "cancellation":
            taken = 0
            while pool and taken < wanted:
                part = min(pool[-1][1], wanted - taken)
                taken += part
                pool[-1][1] -= part
                if not pool[-1][1]:
                    pool.pop()
            matched[row["row"]] = taken / 1000
    for pool in pools.values():
        left.update({row: units / 1000 for row, units in pool})
    return left, matched


@settings(max_examples=25, deadline=None)
@given(st.lists(EVENT, max_size=30))
def test_net_purchases_equals_a_stack(events: list[tuple[Any, ...]]) -> None:
    data = table(events)
    con, kept, cancelled = frames(data)
    rows = net_purchases(kept, cancelled).collect("pyarrow").to_native().to_pylist()
    left, matched = stack(data)
    prices = {row["row"]: row["price"] for row in data.to_pylist()}
    assert {r["row"]: r["quantity"] for r in rows if r["event"] == "purchase"} == pytest.approx(left)
    assert sum(r["event"] == "view" for r in rows) == sum(event[3] == "view" for event in events)
    for row in rows:
        exact = (prices[row["row"]] or 0) * row["quantity"]
        assert abs(row["amount"] - exact) <= 0.5 + 1e-9
    found = match_cancellations(nw.from_native(con.sql("select * from t"))).collect("pyarrow").to_native().to_pylist()
    assert len(found) == len(events)
    assert {r["row"]: r["matched"] for r in found if r["event"] == "cancellation"} == pytest.approx(matched)
    assert all(r["matched"] == 0 for r in found if r["event"] != "cancellation")


@settings(max_examples=10, deadline=None)
@given(st.lists(EVENT, max_size=25), st.lists(EVENT, max_size=10), st.integers(0, 6))
def test_later_events_change_nothing_earlier(
    events: list[tuple[Any, ...]], later: list[tuple[Any, ...]], moment: int
) -> None:
    early = [event for event in events if event[2] < moment]
    shifted = [(u, i, t + moment, e, q, p) for u, i, t, e, q, p in later]

    def known(all_events: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
        con, kept, cancelled = frames(table(all_events))
        cut = nw.col("time") < moment
        rows = net_purchases(kept.filter(cut), cancelled.filter(cut)).collect("pyarrow").to_native().to_pylist()
        con.close()
        return sorted(rows, key=lambda row: row["row"])

    assert known(early + shifted) == known(early)


def test_the_latest_purchase_is_taken_back_first() -> None:
    data = table(
        [
            ("a", "x", 1, "purchase", 5.0, 100),
            ("a", "x", 2, "purchase", 3.0, 200),
            ("a", "x", 3, "cancellation", 4.0, 200),
            ("a", "x", 4, "purchase", 1.0, 100),
            ("b", "x", 1, "cancellation", 1.0, 100),
            ("b", "x", 2, "purchase", 1.0, 100),
        ]
    )
    con, kept, cancelled = frames(data)
    rows = net_purchases(kept, cancelled).collect("pyarrow").to_native().to_pylist()
    con.close()
    assert sorted((r["row"], r["quantity"], r["amount"]) for r in rows) == [(1, 4.0, 400), (4, 1.0, 100), (6, 1.0, 100)]

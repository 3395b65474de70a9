"""Nothing after a cut, and no order of rows, changes a byte of what is learned from."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from framework.data.materialise import dataset, window
from framework.data.settings import FeaturesConfig, SplitConfig
from framework.data.splits import split

DAY = 86_400_000_000
START = 1_614_556_800_000_000
CUT = START + 40 * DAY
DATES = SplitConfig(validation="2021-04-10", test="2021-04-20")  # days 40 and 50


def random_rows(seed: int, n: int = 1500) -> list[dict[str, Any]]:
    """Rows with many ties in time, repeated lines, cancellations at prices of their own, views and reviews."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        item = int(rng.integers(12))
        event = str(rng.choice(["purchase", "purchase", "purchase", "cancellation", "view", "review"]))
        row: dict[str, Any] = {
            "user": f"u{rng.integers(25)}",
            "time": START + int(rng.integers(60)) * DAY + int(rng.integers(2)) * 60_000_000,
            "item": None if rng.random() < 0.02 else f"i{item}",
            "event": event,
            "quantity": float(rng.integers(1, 9)) / 2,
            "price": int(rng.integers(90, 110)) * (item + 1),
            "category": None if item == 3 else f"c{item % 4}" if rng.random() < 0.9 else "odd",
            "text": f"text {rng.integers(3)}",
            "order": None if rng.random() < 0.3 else f"o{rng.integers(200)}",
        }
        if event == "review":
            row["rating"] = float(rng.integers(1, 6))
        rows.append(row)
    return rows


def arrays(record: Any, name: str = "") -> dict[str, Any]:
    """Return every array and value within nested records, by path."""
    if dataclasses.is_dataclass(record):
        found: dict[str, Any] = {}
        for part in dataclasses.fields(record):
            found |= arrays(getattr(record, part.name), f"{name}.{part.name}")
        return found
    if isinstance(record, np.ndarray):
        return {name: (str(record.dtype), record.shape, record.tobytes())}
    return {name: record}


def same(one: Any, other: Any) -> None:
    left, right = arrays(one), arrays(other)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value == right[name], name


def scrambled(rows: list[dict[str, Any]], cut: int, seed: int) -> list[dict[str, Any]]:
    """Keep what lies before the cut; shuffle the columns of the rest against each other, and add more."""
    rng = np.random.default_rng(seed)
    past = [row for row in rows if row["time"] < cut]
    future = [row for row in rows if row["time"] >= cut]
    columns = {
        name: [row.get(name) for row in future] for name in ("user", "item", "event", "quantity", "price", "order")
    }
    mixed = {name: [values[i] for i in rng.permutation(len(values))] for name, values in columns.items()}
    rest = [row | {name: mixed[name][i] for name in mixed} for i, row in enumerate(future)]
    cancel = {"event": "cancellation", "quantity": 1000.0}
    everything = [
        row | cancel | {"time": cut + int(rng.integers(20)) * DAY} for row in past if row["event"] == "purchase"
    ]
    strange = [
        {"user": "newcomer", "item": "i0", "time": cut, "event": "click", "price": 10**6, "category": "brand new"},
        {"user": "u0", "item": "unheard of", "time": cut, "price": 10**6, "category": "brand new", "text": "z"},
    ]
    return [*rest, *everything, *strange, *past]


@pytest.mark.parametrize("seed", [1])
def test_the_future_changes_nothing(make_log: Any, seed: int) -> None:
    rows = random_rows(seed)
    past = [row for row in rows if row["time"] < CUT]
    told = dataset(make_log(rows), CUT, FeaturesConfig())
    assert len(told.events) > 500
    for other in (past, scrambled(rows, CUT, seed)):
        same(told, dataset(make_log(other), CUT, FeaturesConfig()))


def test_the_future_changes_nothing_through_a_split(make_log: Any) -> None:
    rows = random_rows(3)
    made = split(make_log(rows), DATES)
    other = split(make_log(scrambled(rows, made.test_start, 3)), DATES)
    early = dataset(made.before_test, made.fit_end, FeaturesConfig())
    same(early, dataset(other.before_test, other.fit_end, FeaturesConfig()))
    later = dataset(made.before_test, made.test_start, FeaturesConfig())
    same(later, dataset(other.before_test, other.test_start, FeaturesConfig()))
    validation = window(made.before_test, made.fit_end, made.test_start, early)
    same(validation, window(other.before_test, other.fit_end, other.test_start, early))
    # What the split keeps for learning holds nothing later, whatever moment one asks for.
    collected = made.before_test.engine.collect
    for frame in (made.before_test.frame, made.before_test.cancellations):
        assert max(collected(frame.select("time")).column("time").to_pylist()) < made.test_start
    whole = dataset(made.before_test, made.end, FeaturesConfig())
    assert whole.events.time.max() < made.test_start


def test_the_past_does_change_something(make_log: Any) -> None:
    """The leak tests would see a difference."""
    rows = random_rows(1)
    told = dataset(make_log(rows), CUT, FeaturesConfig())
    cancelled = {"user": rows[0]["user"], "item": "i1", "event": "cancellation", "quantity": 1000.0, "price": 1}
    moved = dataset(make_log([*rows, cancelled | {"time": CUT - 1}]), CUT, FeaturesConfig())
    assert arrays(told)[".features.values"] != arrays(moved)[".features.values"]
    assert arrays(told)[".events.amount"] != arrays(moved)[".events.amount"]


@pytest.mark.parametrize("kind", ["time", "leave_one_out"])
def test_the_order_of_rows_changes_nothing(make_log: Any, kind: str) -> None:
    rows = random_rows(4)
    config = SplitConfig(kind=kind)
    results = []
    for seed in (0, 1):
        order = np.random.default_rng(seed).permutation(len(rows)) if seed else range(len(rows))
        made = split(make_log([rows[i] for i in order]), config)
        early = dataset(made.before_test, made.fit_end, FeaturesConfig())
        late = dataset(made.before_test, made.test_start, FeaturesConfig())
        validation = window(made.before_test, made.fit_end, made.test_start, early)
        test = window(made.test.open("test"), made.test_start, made.end, late)
        results.append((made.summary, early, late, validation, test))
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            same(one, other)


def test_held_out_events_change_nothing(make_log: Any) -> None:
    """Under leave-one-out, what each user does from the last purchase on is not learned from."""
    rows = [row for row in random_rows(5) if row["event"] in ("purchase", "view")]
    for number, row in enumerate(rows):
        row["time"] += number  # no ties, so that the last purchase stays the last one
    last: dict[str, int] = {}
    for row in rows:
        if row["event"] == "purchase":
            last[row["user"]] = max(last.get(row["user"], 0), row["time"])
    final = {"user": "zz", "time": START + 61 * DAY, "item": "i1", "price": 5}  # keeps the log's end where it is

    def learned(rows: list[dict[str, Any]]) -> Any:
        made = split(make_log([*rows, final]), SplitConfig(kind="leave_one_out"))
        return dataset(made.before_test, made.test_start, FeaturesConfig())

    changed = [row | {"item": "i7", "price": 10**6} if row["time"] >= last[row["user"]] else row for row in rows]
    assert changed != rows
    same(learned(rows), learned(changed))


def test_what_a_cancellation_takes_back_does_not_hang_on_the_order_of_rows(make_log: Any) -> None:
    """Two lines of an item at one moment, at different prices: the same one is taken back, wherever it stands."""
    lines = [
        {"user": "a", "item": "x", "time": START, "price": price, "quantity": quantity, "order": "o1"}
        for price, quantity in ((100, 2.0), (300, 2.0), (200, 1.0))
    ]
    rest = [
        {"user": "a", "item": "x", "time": START + DAY, "price": 100, "quantity": 3.0, "event": "cancellation"},
        {"user": "b", "item": "x", "time": START, "price": 100},
    ]
    told = [
        dataset(make_log([lines[i] for i in order] + rest), CUT, FeaturesConfig())
        for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2))
    ]
    same(told[0], told[1])
    same(told[0], told[2])

"""Features against values computed by hand, and against pandas on a real log."""

from __future__ import annotations

import math
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.feature_registry import FEATURES, describe, share_names
from framework.data.features import user_features
from framework.data.materialise import dataset, window
from framework.data.rawlog import RawLog
from framework.data.settings import DataConfig, FeaturesConfig
from framework.data.splits import split
from framework.errors import DataError

DAY = 86_400_000_000
MINUTE = 60_000_000
START = 1_614_556_800_000_000


def at(days: float) -> int:
    return START + round(days * DAY)


def rows() -> list[dict[str, Any]]:
    def bought(user: str, day: float, item: str, quantity: float, price: int, order: str | None, **more: Any) -> Any:
        row = {"user": user, "time": at(day), "item": item, "quantity": quantity, "price": price, "order": order}
        return row | {"category": {"x": "Toys", "y": "toys", "z": "Food & drink"}[item]} | more

    return [
        # ann: three orders, starting on days 0, 2, 6; of order a2 half a line is cancelled on day 7
        bought("ann", 0, "x", 2, 100, "a1"),
        bought("ann", 0, "y", 1, 250, "a1"),
        bought("ann", 2, "x", 4, 120, "a2"),
        bought("ann", 6, "z", 1.5, 1000, "a3"),
        bought("ann", 6.25, "x", 1, 80, "a3"),
        bought("ann", 7, "x", 1, 80, None, event="cancellation"),
        # bob: no order ids, two moments; the later one has two lines
        bought("bob", 1, "y", 1, 150, None),
        bought("bob", 4, "y", 3, 200, None),
        bought("bob", 4, "x", 1, 100, None),
        # cat: one purchase, cancelled in full
        bought("cat", 3, "x", 5, 100, "c1"),
        bought("cat", 3.5, "x", 5, 100, "c1", event="cancellation"),
        # dan only looks, and writes a review
        {"user": "dan", "time": at(5), "item": "x", "event": "view"},
        {"user": "dan", "time": at(5) + 29 * MINUTE, "item": "y", "event": "view"},
        {"user": "dan", "time": at(5) + 59 * MINUTE, "item": "y", "event": "cart"},
        {"user": "dan", "time": at(5) + 90 * MINUTE, "item": "y", "event": "view"},
        {"user": "dan", "time": at(8), "item": "y", "event": "review", "rating": 4.5},
        {"user": "ann", "time": at(8), "item": "y", "event": "review", "rating": 2.0},
        {"user": "ann", "time": at(9), "item": "z", "event": "review", "rating": 5.0},
        {"user": "ann", "time": at(1), "item": "z", "event": "view"},
    ]


# Unit prices paid, net of what was cancelled in full (ann's x at 80, cat's x): x 100, 120, 100 -> 106 (320 // 3);
# y 250, 150, 200 -> 200; z 1000 -> 1000. Bob's x has no category of its own less than ann's.
BY_HAND: dict[str, dict[str, float]] = {
    "ann": {
        "tenure_days": 10.0,
        "recency_days": 4.0,
        "frequency": 3,
        "monetary": 200 + 250 + 480 + 1500,
        "interval_mean_days": 3.0,
        "interval_spread_days": math.sqrt(2.0),
        "basket_size": (3 + 4 + 1.5) / 3,
        "basket_value": 2430 / 3,
        "price_level": (100 + 250 + 120 + 1000) / (106 + 200 + 106 + 1000),
        "returns_rate": 1 / 9.5,
        "distinct_items": 3,
        "category_share_Toys": 2 / 4,
        "category_share_toys_2": 1 / 4,
        "category_share_Food_drink": 1 / 4,
        "sessions": 5,
        "events_per_session": 6 / 5,
        "views_per_purchase": 1 / 5,
        "days_since_view": 9.0,
        "review_count": 2,
        "rating_mean": 3.5,
    },
    "bob": {
        "tenure_days": 9.0,
        "recency_days": 6.0,
        "frequency": 2,
        "monetary": 150 + 600 + 100,
        "interval_mean_days": 3.0,
        "interval_spread_days": math.nan,
        "basket_size": 2.5,
        "basket_value": 425,
        "price_level": (150 + 200 + 100) / (200 + 200 + 106),
        "returns_rate": 0,
        "distinct_items": 2,
        "category_share_Toys": 1 / 3,
        "category_share_toys_2": 2 / 3,
        "category_share_Food_drink": 0,
        "sessions": 2,
        "events_per_session": 1.5,
        "views_per_purchase": 0,
        "days_since_view": math.nan,
        "review_count": 0,
        "rating_mean": math.nan,
    },
    "cat": {"tenure_days": 7.0, "frequency": 0, "monetary": 0, "returns_rate": 1, "distinct_items": 0, "sessions": 1}
    | {"events_per_session": 1, "views_per_purchase": 0, "review_count": 0},
    "dan": {"tenure_days": 5.0, "frequency": 0, "monetary": 0, "distinct_items": 0, "review_count": 1}
    | {"rating_mean": 4.5, "sessions": 2, "events_per_session": 2.0, "days_since_view": 5 - 90 / 1440},
}


def collected(log: Any, as_of: int, config: FeaturesConfig | None = None) -> dict[str, dict[str, float]]:
    table = log.engine.collect(user_features(log, as_of, config or FeaturesConfig()))
    return {row.pop("user"): row for row in table.to_pylist()}


def engines() -> list[Any]:
    # PySpark leaves sockets to its JVM open.
    quiet = [
        pytest.mark.filterwarnings("ignore::ResourceWarning"),
        pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    ]
    return ["duckdb", pytest.param("spark", marks=[pytest.mark.slow, *quiet])]


@pytest.mark.parametrize("engine", engines())
def test_every_feature_equals_its_value_by_hand(open_log_maker: Any, engine: str) -> None:
    if engine == "spark":
        pytest.importorskip("pyspark")
    found = collected(open_log_maker(engine)(rows()), at(10))
    assert set(found) == set(BY_HAND)
    for user, features in found.items():
        assert set(features) == set(BY_HAND["ann"])
        for name, value in features.items():
            expected = BY_HAND[user].get(name, math.nan)
            got = math.nan if value is None else value
            assert got == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), (user, name)


def test_every_feature_is_documented(make_log: Any) -> None:
    for name in collected(make_log(rows()), at(10))["ann"]:
        assert describe(name).meaning
        assert describe(name).unit
    with pytest.raises(KeyError, match="there are: tenure_days"):
        describe("shoe_size")
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)


def test_a_log_without_views_or_categories_has_no_features_of_them(make_log: Any) -> None:
    plain = [{"user": u, "time": at(d), "item": "x", "price": 100} for u in "ab" for d in (0, 1)]
    names = set(collected(make_log(plain), at(3))["a"])
    assert names == {
        "tenure_days",
        "recency_days",
        "frequency",
        "monetary",
        "interval_mean_days",
        "interval_spread_days",
        "basket_size",
        "basket_value",
        "price_level",
        "returns_rate",
        "distinct_items",
    }


def test_a_log_without_items_purchases_or_prices(make_log: Any) -> None:
    bare = [{"user": u, "time": at(d)} for u in "ab" for d in (0, 1)]
    found = collected(make_log(bare), at(3))["a"]
    assert (found["frequency"], found["monetary"], found["distinct_items"], found["price_level"]) == (2, 0, 0, None)
    views = [row | {"event": "view"} for row in bare]
    assert set(collected(make_log(views), at(3))["a"]) == {
        "tenure_days",
        "sessions",
        "events_per_session",
        "views_per_purchase",
        "days_since_view",
    }


def test_categories_are_limited_and_may_come_from_the_table_of_items(make_log: Any) -> None:
    items = {"item": ["x", "y", "z"], "category": ["A", "B", "A"]}
    plain = [{key: value for key, value in row.items() if key != "category"} for row in rows()]
    found = collected(make_log(plain, items=items), at(10), FeaturesConfig(categories=1))["ann"]
    assert [name for name in found if name.startswith("category")] == ["category_share_A"]
    assert found["category_share_A"] == 0.75


def test_share_names_differ_also_where_case_is_ignored() -> None:
    assert share_names(["Toys", "toys", "a b", "a-b", "玩具"]) == tuple(
        f"category_share_{name}" for name in ("Toys", "toys_2", "a_b", "a_b_2", "玩具")
    )


def test_there_must_be_events(make_log: Any) -> None:
    with pytest.raises(DataError, match="no events"):
        user_features(make_log(rows()), at(0), FeaturesConfig())


def test_spread_is_exact_over_long_spans(make_log: Any) -> None:
    moments = [0, 1, 3, 1200, 1201, 5000, 20000]
    log = make_log([{"user": u, "time": at(d), "item": "x", "price": 1} for u in "ab" for d in moments])
    found = collected(log, at(20001))["a"]["interval_spread_days"]
    assert found == pytest.approx(statistics.stdev(np.diff(moments).tolist()), rel=1e-12)


def online_retail() -> RawLog:
    root = Path(os.environ.get("PRELAUNCH_DATA", Path(__file__).parents[4] / "shared" / "data"))
    file = root / "online_retail" / "online_retail.parquet"
    if not file.exists():
        pytest.skip(f"needs {file}; set PRELAUNCH_DATA to the folder of data sets")
    columns = {"user": "CustomerID", "time": "InvoiceDate", "item": "StockCode", "quantity": "Quantity"}
    columns |= {"price": "UnitPrice", "order": "InvoiceNo", "text": "Description"}
    return RawLog((file,), "parquet", columns, cancellation_prefix="C")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_spark_and_duckdb_give_the_same_online_retail(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    made = {}
    for name in ("duckdb", "spark"):
        config = DataConfig(engine=name)
        with open_engine(config, tmp_path / name) as engine:
            log = clean(online_retail(), engine, config.cleaning)
            cut = split(log, config.split)
            data = dataset(cut.before_test, cut.fit_end, config.features)
            made[name] = (cut.summary, data, window(cut.before_test, cut.fit_end, cut.test_start, data))
    (summary, data, later), (other_summary, other, other_later) = made["duckdb"], made["spark"]
    assert summary == other_summary
    assert data.features.names == other.features.names
    np.testing.assert_allclose(other.features.values, data.features.values, rtol=1e-9, atol=0)
    np.testing.assert_array_equal(other.users, data.users)
    assert other.item_table.text == data.item_table.text
    np.testing.assert_array_equal(other.item_table.price, data.item_table.price)
    for one, same in ((data.events, other.events), (later.events, other_later.events)):
        for name in ("user", "item", "kind", "time", "quantity", "amount", "order"):
            np.testing.assert_array_equal(getattr(same, name), getattr(one, name), err_msg=name)


@pytest.mark.reference
def test_recency_frequency_monetary_equal_pandas_on_online_retail(tmp_path: Path) -> None:
    """An independent computation: a loop over cancellations, last in first out, and pandas for the sums."""
    pd = pytest.importorskip("pandas")
    raw, config = online_retail(), DataConfig()
    file = raw.paths[0]
    with open_engine(config, tmp_path) as engine:
        log = clean(raw, engine, config.cleaning)
        made = split(log, config.split)
        features = engine.collect(user_features(made.before_test, made.fit_end, config.features)).to_pandas()
        fit_end = pd.Timestamp(made.fit_end, unit="us")

    lines = pd.read_parquet(file).drop_duplicates()
    lines["time"] = pd.to_datetime(lines["InvoiceDate"])
    lines = lines[lines["CustomerID"].notna() & (lines["time"] < fit_end)]
    lines["InvoiceNo"] = lines["InvoiceNo"].astype(str)
    lines["cents"] = (lines["UnitPrice"] * 100).round().astype("int64")
    cancelled = lines["InvoiceNo"].str.startswith("C")
    lines = lines[cancelled | ((lines["cents"] > 0) & (lines["Quantity"] > 0))]
    lines["cancelled"] = lines["InvoiceNo"].str.startswith("C")
    left = _net(lines)
    kept = left[left["left"] > 0]
    users = lines.loc[~lines["cancelled"], "CustomerID"].unique()
    by_user = kept.assign(money=kept["left"] * kept["cents"]).groupby("CustomerID")
    expected = pd.DataFrame(index=users)
    expected["frequency"] = by_user["InvoiceNo"].nunique()
    expected["monetary"] = by_user["money"].sum()
    expected["recency"] = (fit_end - by_user["time"].max()).dt.total_seconds() / 86400
    expected = expected.fillna({"frequency": 0, "monetary": 0})
    expected.index = expected.index.astype(float).astype(int).astype(str)

    found = features.set_index("user").loc[expected.index]
    assert len(features) == len(expected) > 3000
    np.testing.assert_array_equal(found["frequency"], expected["frequency"])
    np.testing.assert_allclose(found["recency_days"], expected["recency"], rtol=1e-12)
    # Which of two lines at the same moment and different prices a cancellation takes back is a convention.
    off = (found["monetary"] - expected["monetary"]).abs()
    assert (off > 0.5).sum() <= 3


def _net(lines: Any) -> Any:
    """Take each cancellation out of the latest earlier purchases of the same user and item, one after another."""
    stacks: dict[tuple[Any, Any], list[list[Any]]] = {}
    left: dict[Any, float] = {}
    ordered = lines.sort_values(["time", "cancelled", "StockCode", "InvoiceNo", "Quantity", "cents"])
    rows = zip(
        ordered.index,
        ordered["CustomerID"],
        ordered["StockCode"],
        ordered["cancelled"],
        ordered["Quantity"],
        strict=True,
    )
    for index, user, item, cancelled, quantity in rows:
        stack = stacks.setdefault((user, item), [])
        if not cancelled:
            stack.append([index, quantity])
            left[index] = quantity
            continue
        rest = -quantity
        while rest > 0 and stack:
            taken = min(rest, stack[-1][1])
            stack[-1][1] -= taken
            left[stack[-1][0]] -= taken
            rest -= taken
            if stack[-1][1] == 0:
                stack.pop()
    return lines[~lines["cancelled"]].assign(left=lambda frame: frame.index.map(left))

"""Small logs with exact accounts, and the published shop's figures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import narwhals as nw
import pytest

from framework.data.cleaning import clean
from framework.data.engine import open_engine
from framework.data.events import FRAME
from framework.data.rawlog import RawLog
from framework.data.schema import check_events
from framework.data.settings import CleaningConfig, DataConfig
from framework.errors import ConfigError, DataError

COLUMNS = {
    "user": "user",
    "time": "time",
    "item": "item",
    "quantity": "qty",
    "price": "price",
    "order": "order",
}
HEADER = "order,item,qty,time,price,user\n"
LINES = """\
1,x,5,2011-01-01,2.00,a
1,x,5,2011-01-01,2.00,a
2,y,3,2011-01-03,1.10,
3,y,3,,1.10,b
4,y,3,2031-01-01,1.10,b
C5,x,-2,2011-01-02,2.00,a
C6,x,-4,2011-01-03,2.00,a
C7,x,-1,2011-01-04,2.00,a
8,POST,1,2011-01-04,7.00,a
9,y,1,2011-01-05,0,a
10,y,1,2011-01-06,-3.00,a
11,y,0,2011-01-07,3.00,a
12,y,-2,2011-01-07,3.00,a
13,y,1000,2011-01-07,0.50,b
14,y,1,2011-01-06,3.00,b
15,y,1,2011-01-08,,b
C16,POST,-1,2011-01-09,7.00,a
"""
DATA = Path(os.environ.get("PRELAUNCH_DATA", Path(__file__).parents[4] / "shared" / "data"))
ONLINE_RETAIL = DATA / "online_retail" / "online_retail.parquet"


def small(folder: Path, lines: str = LINES, **settings: Any) -> RawLog:
    path = folder / "log.csv"
    path.write_text(HEADER + lines)
    defaults: dict[str, Any] = {"cancellation_prefix": "C", "not_products": ("POST",), "currency": "GBP"}
    return RawLog(paths=(path,), format="csv", columns=COLUMNS, **{**defaults, **settings})


def account_of(
    raw: RawLog, folder: Path, engine: str = "duckdb", **settings: Any
) -> tuple[dict[str, tuple[int, int, int]], list[dict[str, Any]], list[dict[str, Any]]]:
    config = CleaningConfig(**{"latest": "2030-01-01", "implausible_quantity": 500.0, **settings})
    with open_engine(DataConfig(engine=engine, threads=2), folder) as opened:
        log = clean(raw, opened, config)
        account = log.account
        assert account.rows_in == account.rows_kept + sum(row.rows_removed for row in account.rules)
        events = opened.collect(log.frame.sort("row")).to_pylist()
        cancelled = opened.collect(log.cancellations.sort("row")).to_pylist()
        assert account.rows_kept == len(events)
        assert account.currency == "GBP"
    return {row.rule: (row.rows_hit, row.rows_removed, row.money_touched) for row in account.rules}, events, cancelled


EXPECTED = {
    "unreadable line": (0, 0, 0),
    "exact repeat": (1, 1, 1000),
    "missing user": (1, 1, 330),
    "missing time": (1, 1, 330),
    "time outside the range": (1, 1, 330),
    # line 6 is earlier than line 5, and line 15 than line 14
    "time out of order": (2, 0, 400 + 300),
    "cancellation, netted fully": (2, 2, 400 + 700),
    "cancellation, netted partly": (1, 1, 800),
    "cancellation without a purchase": (1, 1, 200),
    "no product": (1, 1, 700),
    "missing item": (0, 0, 0),
    "zero or missing price": (2, 2, 0),
    "negative price": (1, 1, 300),
    "quantity not positive": (2, 2, 600),
    "implausible quantity": (1, 0, 50_000),
    "purchase reduced by a cancellation": (1, 0, 1000),
}


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_every_row_is_charged_to_the_first_rule(tmp_path: Path, engine: str) -> None:
    pytest.importorskip(engine)
    rules, events, cancelled = account_of(small(tmp_path), tmp_path, engine)
    assert rules == EXPECTED
    assert [(row["row"], row["quantity"], row["amount"], row["flagged"]) for row in events] == [
        (1, 5.0, 1000, False),
        (14, 1000.0, 50_000, True),
        (15, 1.0, 300, False),
    ]
    # what is left of the parcel is taken back; the cancelled postage is no product
    assert [(row["row"], row["quantity"], row["amount"]) for row in cancelled] == [(6, 2.0, 400), (7, 3.0, 600)]
    assert tuple(events[0]) == FRAME


def test_rules_can_be_switched_off(tmp_path: Path) -> None:
    rules, events, cancelled = account_of(
        small(tmp_path),
        tmp_path,
        repeats=False,
        missing_users=False,
        cancellations=False,
        not_products=False,
        zero_prices=False,
        latest=None,
    )
    assert set(rules) == {
        "unreadable line",
        "missing time",
        "time out of order",
        "missing item",
        "quantity not positive",
        "implausible quantity",
    }
    assert not cancelled
    assert [row["row"] for row in events] == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17]
    assert {row["event"] for row in events} == {"purchase", "cancellation"}
    assert next(row["user"] for row in events if row["row"] == 3) == "unknown"
    assert next(row["amount"] for row in events if row["row"] == 16) == 0


def test_implausible_quantities_can_be_removed(tmp_path: Path) -> None:
    rules, events, _ = account_of(small(tmp_path), tmp_path, implausible_action="remove")
    assert rules["implausible quantity"] == (1, 1, 50_000)
    assert [row["row"] for row in events] == [1, 15]


def test_the_threshold_follows_the_log(tmp_path: Path) -> None:
    lines = "".join(f"{i},x,1,2011-01-01,1,u\n" for i in range(999)) + "999,x,100,2011-01-01,1,u\n"
    # numpy.quantile of 999 ones and one hundred, at 0.999: 1 + 0.001 * 99
    for factor, hit in ((90.0, 1), (100.0, 0)):
        raw = small(tmp_path, lines)
        rules, _, _ = account_of(raw, tmp_path, implausible_quantity=None, implausible_factor=factor)
        assert rules["implausible quantity"][0] == hit


def test_unreadable_lines_add_up(tmp_path: Path) -> None:
    rules, events, _ = account_of(small(tmp_path, LINES + "too,short\n", on_bad_line="skip"), tmp_path)
    assert rules == {**EXPECTED, "unreadable line": (1, 1, 0)}
    assert len(events) == 3


def test_a_log_of_views_needs_no_price_or_quantity(tmp_path: Path) -> None:
    path = tmp_path / "views.csv"
    path.write_text("u,t,i,e,q\na,100000000,x,pv,\na,100000001,x,purchase,2\na,100000002,y,magic,\n")
    columns = {"user": "u", "time": "t", "item": "i", "event": "e", "quantity": "q"}
    raw = RawLog((path,), "csv", columns, events={"pv": "view", "fav": "cart"})
    with open_engine(DataConfig(), tmp_path) as engine:
        log = clean(raw, engine, CleaningConfig())
        rows = engine.collect(log.frame.sort("row")).to_pylist()
    assert log.kinds == ("view", "purchase", "magic")
    assert [(row["quantity"], row["amount"], row["price"]) for row in rows] == [
        (1, 0, None),
        (2, 0, None),
        (1, 0, None),
    ]
    assert any("magic" in warning for warning in log.warnings)
    assert any("cart" in warning for warning in log.warnings)


def test_a_log_without_items_is_one_pool_a_user(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("u,t,q\na,100000000,2\na,100000001,-1\nb,100000002,-1\n")
    raw = RawLog((path,), "csv", {"user": "u", "time": "t", "quantity": "q"}, negative_is_cancellation=True)
    with open_engine(DataConfig(), tmp_path) as engine:
        rules = {row.rule: row.rows_removed for row in clean(raw, engine, CleaningConfig()).account.rules}
    assert rules["cancellation, netted fully"] == 1
    assert rules["cancellation without a purchase"] == 1


def test_side_tables_are_read(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item,category\nx,toys\n")
    with open_engine(DataConfig(), tmp_path) as engine:
        log = clean(small(tmp_path, items=tmp_path / "items.csv"), engine, CleaningConfig())
        assert log.items is not None
        assert engine.collect(log.items).to_pylist() == [{"item": "x", "category": "toys"}]
        assert log.users is None


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    with open_engine(DataConfig(), tmp_path) as engine, pytest.raises(DataError, match="missing user 1"):
        clean(small(tmp_path, "1,x,5,2011-01-01,2.00,\n"), engine, CleaningConfig())


def test_bounds_that_leave_nothing_are_named(tmp_path: Path) -> None:
    config = CleaningConfig(earliest="2199-01-01")
    with open_engine(DataConfig(), tmp_path) as engine, pytest.raises(DataError) as caught:
        clean(small(tmp_path), engine, config)
    assert "time outside the range" in str(caught.value)
    assert "data.cleaning.earliest=2199-01-01" in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "default", "message"),
    [
        ({"event": "e"}, "purchase", r"only: pv, buy.*source\.params\.events=\{THEIRS: purchase\}"),
        ({}, "view", r"only: view.*source\.params\.default_event=purchase"),
    ],
)
def test_a_log_without_purchases_names_what_it_holds(
    tmp_path: Path, columns: dict[str, str], default: str, message: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_text("u,t,i,e\na,100000000,x,pv\na,100000001,x,buy\n")
    raw = RawLog(
        (path,),
        "csv",
        {"user": "u", "time": "t", "item": "i", **columns},
        events={"pv": "view"} if columns else {},
        default_event=default,
    )
    with open_engine(DataConfig(), tmp_path / "work") as engine, pytest.raises(DataError, match=message):
        clean(raw, engine, CleaningConfig())


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"implausible_action": "drop"}, ConfigError, "keep, remove"),
        ({"earliest": "01.02.2011"}, DataError, "data.cleaning.earliest"),
    ],
)
def test_settings_are_checked(tmp_path: Path, settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with open_engine(DataConfig(), tmp_path) as engine, pytest.raises(error, match=message):
        clean(small(tmp_path), engine, CleaningConfig(**settings))


def test_the_schema_names_what_breaks_it(tmp_path: Path) -> None:
    with open_engine(DataConfig(), tmp_path) as engine:
        frame = clean(small(tmp_path), engine, CleaningConfig()).frame
        with pytest.raises(DataError, match="amount is String"):
            check_events(frame.with_columns(amount=nw.lit("1")))
        with pytest.raises(DataError, match="quantity"):
            check_events(frame.with_columns(quantity=-nw.col("quantity")))
        gone = nw.when(nw.col("row") != 1).then(nw.col("user"))
        with pytest.raises(DataError, match=r"ColumnNotBeNull_user.*\(1 rows\)"):
            check_events(frame.with_columns(user=gone))


SPARK = pytest.param(
    "spark",
    marks=[
        pytest.mark.slow,
        # PySpark leaves the sockets over which it talks with Java to the garbage collector.
        pytest.mark.filterwarnings("ignore:.*socket:ResourceWarning"),
        pytest.mark.filterwarnings("ignore:.*socket:pytest.PytestUnraisableExceptionWarning"),
    ],
)


@pytest.mark.parametrize("engine", ["duckdb", "polars", SPARK])
@pytest.mark.reference
def test_online_retail_adds_up(tmp_path: Path, engine: str) -> None:
    if not ONLINE_RETAIL.exists():
        pytest.skip(f"needs the data set online_retail ({ONLINE_RETAIL})")
    pytest.importorskip("pyspark" if engine == "spark" else engine)
    shop_sources = pytest.importorskip("shop_sources.online_retail")
    source = shop_sources.OnlineRetail(shop_sources.OnlineRetailConfig(path=str(ONLINE_RETAIL)))
    with open_engine(DataConfig(engine=engine), tmp_path) as opened:
        log = clean(source.read(None), opened, CleaningConfig())
        rules = {row.rule: row for row in log.account.rules}
        totals = opened.collect(log.frame.select(nw.len().alias("rows"), nw.col("amount").sum())).to_pylist()[0]
    removed = {name: row.rows_removed for name, row in rules.items() if row.rows_removed}
    assert log.account.rows_in == 541_909 == log.account.rows_kept + sum(removed.values())
    # the three figures that others found, and pandas' drop_duplicates and isna for the rest
    assert removed == {
        "exact repeat": 5268,
        "missing user": 135_037,
        "cancellation, netted fully": 7482,
        "cancellation, netted partly": 59,
        "cancellation without a purchase": 1331,
        "no product": 1549,
        "zero or missing price": 33,
    }
    assert totals["rows"] == 391_150
    assert log.kinds == ("purchase",)

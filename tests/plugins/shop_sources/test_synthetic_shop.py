"""The synthetic shop: what was planted is in the log, what is dirty is counted, and the bytes hang on the seed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from framework.data.rawlog import EVENTS, RawLog
from framework.errors import ConfigError
from framework.kinds import Source
from framework.records import Context
from framework.testing.source import SourceTests
from shop_sources.synthetic_shop import POINTER, SyntheticShop, SyntheticShopConfig
from shop_sources.synthetic_shop_world import SHARPNESS

CONFIG = SyntheticShopConfig(seed=3)


class TestConformance(SourceTests):
    """The suite that every source passes."""

    component: ClassVar[type[Any] | str] = SyntheticShop
    name: ClassVar[str] = "synthetic_shop"
    params: ClassVar[dict[str, Any]] = {"users": 100, "items": 40, "events": 2000, "days": 30}


def context(folder: Path, seed: int = 0) -> Context:
    return Context(np.random.default_rng(seed), "cpu", folder, logging.getLogger("test"))


def read(config: SyntheticShopConfig, folder: Path, seed: int = 0) -> RawLog:
    return SyntheticShop(config).read(context(folder, seed))


def truth_of(raw: RawLog) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((raw.paths[0].parent / "truth" / "truth.json").read_text())
    return found


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    content = b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> RawLog:
    return read(CONFIG, tmp_path_factory.mktemp("work") / "source")


@pytest.fixture(scope="module")
def log(shop: RawLog) -> pa.Table:
    return pq.read_table(shop.paths[0])


@pytest.fixture(scope="module")
def people(shop: RawLog) -> pa.Table:
    return pq.read_table(shop.paths[0].parent / "truth" / "users.parquet")


def repeats(log: pa.Table) -> int:
    """Rows that are equal to an earlier one in every column."""
    plain = log.set_column(log.column_names.index("time"), "time", log["time"].cast(pa.int64()))
    return log.num_rows - plain.group_by(log.column_names).aggregate([]).num_rows


def numbers(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Ids such as U0000012 as their number; a missing one as -1."""
    return np.array([-1 if value is None else int(value[1:]) for value in column.to_pylist()])


def test_is_a_source_and_describes_its_log(shop: RawLog, log: pa.Table) -> None:
    assert isinstance(SyntheticShop(CONFIG), Source)
    assert set(shop.columns.values()) == set(log.column_names)
    assert set(log["event"].unique().to_pylist()) <= set(EVENTS)
    assert shop.items is not None
    assert shop.users is not None
    assert pq.read_schema(shop.items).names == ["item", "category", "price", "text", "arrived"]
    assert pq.read_schema(shop.users).names == ["user", "age_band", "channel", "country", "joined"]


def test_truth_lies_apart_from_all_that_the_pipeline_reads(shop: RawLog, log: pa.Table) -> None:
    root = shop.paths[0].parent
    assert shop.items is not None
    assert shop.users is not None
    for path in (*shop.paths, shop.items, shop.users):
        assert root / "truth" not in (path, *path.parents)
    secret = {"segment", "activity", "visit_rate", "response_logit", "money_unit", "category_affinity", "quality"}
    assert not secret & {*log.column_names, *pq.read_schema(shop.items).names, *pq.read_schema(shop.users).names}


def test_same_parameters_and_seed_same_bytes(tmp_path: Path) -> None:
    small = replace(CONFIG, users=200, items=60, events=5000, days=40)
    first, second = read(small, tmp_path / "a"), read(small, tmp_path / "b", seed=1)
    assert first.paths[0].parent.name == second.paths[0].parent.name
    assert digest(first.paths[0].parent) == digest(second.paths[0].parent)
    other = read(replace(small, seed=4), tmp_path / "a")
    assert digest(other.paths[0]) != digest(first.paths[0])


def test_without_a_seed_the_generator_decides(tmp_path: Path) -> None:
    small = replace(CONFIG, users=100, items=40, events=2000, days=30, seed=None)
    one, again, other = (read(small, tmp_path / name, seed) for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    assert digest(one.paths[0]) == digest(again.paths[0])
    assert digest(one.paths[0]) != digest(other.paths[0])


def test_finished_shop_is_used_again_and_a_half_written_one_is_not(tmp_path: Path) -> None:
    small = replace(CONFIG, users=100, items=40, events=2000, days=30, folder=str(tmp_path / "kept"))
    raw = read(small, tmp_path / "run1" / "source")
    root = raw.paths[0].parent
    whole, stamp = digest(root), (root / "items.parquet").stat().st_mtime_ns
    assert read(small, tmp_path / "run2" / "source").paths == raw.paths
    assert (root / "items.parquet").stat().st_mtime_ns == stamp
    assert (tmp_path / "run2" / "source" / POINTER).read_text().strip() == str(root)
    (root / "truth" / "truth.json").unlink()
    (root / "log" / "part-0000.parquet").write_bytes(b"cut short")
    (root / "log" / "part-0001.parquet").write_bytes(b"left over")
    read(small, tmp_path / "run3" / "source")
    assert digest(root) == whole
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [root.name]


def test_failure_while_writing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shop_sources.synthetic_shop.write_truth", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(replace(CONFIG, users=50, items=20, events=500, days=20), tmp_path / "source")
    assert list((tmp_path / "source").iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value"), [("users", 0), ("dirt", 0.5), ("planted_effect", -1.0), ("new_user_share", 1.0), ("seed", -1)]
)
def test_impossible_parameters_are_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"source.params.{field} is {value}.*Allowed: "):
        SyntheticShop(replace(CONFIG, **{field: value}))


def test_number_of_events_is_as_asked(shop: RawLog) -> None:
    # Sessions are Poisson, so 150,000 events in about 25,000 sessions vary by about 0.8 %; reviews after the last day
    # are lost (under 1 %).
    rows = truth_of(shop)["rows"]
    clean = rows["view"] + rows["cart"] + rows["purchase"] + rows["review"]
    dirt = truth_of(shop)["dirt"]
    assert clean - dirt["repeats"] - dirt["postage"] == pytest.approx(CONFIG.events, rel=0.04)


def test_dirt_is_counted_exactly(shop: RawLog, log: pa.Table) -> None:
    dirt = truth_of(shop)["dirt"]
    assert all(count > 100 for count in dirt.values())
    assert log.num_rows == truth_of(shop)["rows"]["all"]
    assert repeats(log) == dirt["repeats"]
    assert log["user"].null_count == dirt["missing_users"]
    assert pc.sum(pc.equal(log["item"], "POSTAGE")).as_py() == dirt["postage"]
    assert pc.sum(pc.equal(log["price"], 0.0)).as_py() == dirt["zero_prices"]
    events = Counter(log["event"].to_pylist())
    assert events["cancellation"] == dirt["cancellations"]
    # Every cancellation takes back exactly one earlier purchase, in full.
    names = ("order", "user", "item", "quantity", "price", "event")
    traded = log.filter(pc.is_in(log["event"], pa.array(["purchase", "cancellation"])))
    rows = list(zip(*(traded[name].to_pylist() for name in names), traded["time"].to_numpy(), strict=True))
    bought = {row[:5]: row[6] for row in rows if row[5] == "purchase"}
    assert all(bought[row[:5]] < row[6] for row in rows if row[5] == "cancellation")


def test_no_dirt_when_none_is_asked_for(tmp_path: Path) -> None:
    raw = read(replace(CONFIG, users=300, items=50, events=10_000, days=60, dirt=0.0), tmp_path)
    log = pq.read_table(raw.paths[0])
    assert repeats(log) == 0
    assert set(truth_of(raw)["dirt"].values()) == {0}
    assert log["user"].null_count == 0
    assert pc.min(log["price"]).as_py() > 0


def test_parts_follow_each_other_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop_sources.synthetic_shop._ROWS_A_PART", 5000)
    raw = read(replace(CONFIG, users=300, items=50, events=20_000, days=60), tmp_path)
    parts = sorted(raw.paths[0].iterdir())
    assert len(parts) == 4
    times = np.concatenate([pq.read_table(part)["time"].to_numpy() for part in parts])
    assert (np.diff(times) >= np.timedelta64(0)).all()
    log = pq.read_table(raw.paths[0])
    assert repeats(log) == truth_of(raw)["dirt"]["repeats"]
    assert Counter(log["event"].to_pylist())["cancellation"] == truth_of(raw)["dirt"]["cancellations"]


def test_users_and_items_come_when_they_are_said_to(shop: RawLog, log: pa.Table, people: pa.Table) -> None:
    day = (log["time"].to_numpy() - np.datetime64("2025-01-06")) / np.timedelta64(1, "D")
    assert day.min() >= 0
    assert day.max() < CONFIG.days
    arrival = people["arrival_day"].to_numpy()
    assert (arrival > 0).mean() == pytest.approx(CONFIG.new_user_share)
    user = numbers(log["user"])
    assert (day[user >= 0] >= arrival[user[user >= 0]] - 1e-6).all()
    stock = pq.read_table(shop.paths[0].parent / "truth" / "items.parquet")
    week = stock["arrival_week"].to_numpy()
    assert (week > 0).mean() == pytest.approx(CONFIG.new_item_share, abs=0.06)
    product = pc.not_equal(log["item"], "POSTAGE").to_numpy(zero_copy_only=False)
    item = numbers(log["item"].filter(pa.array(product)))
    assert (day[product] >= 7 * week[item]).all()


def test_segments_differ_in_activity_price_and_taste(shop: RawLog, log: pa.Table, people: pa.Table) -> None:
    names = truth_of(shop)["segments"]
    segment = people["segment"].to_numpy()
    user, events = numbers(log["user"]), np.array(log["event"].to_pylist())
    keep = (user >= 0) & (events == "purchase") & (np.array(log["item"].to_pylist()) != "POSTAGE")
    of = segment[user[keep]]
    price = log["price"].to_numpy()[keep]
    bought = np.bincount(of, minlength=4) / np.bincount(segment, minlength=4)
    level = {name: np.median(price[of == index]) for index, name in enumerate(names)}
    active = dict(zip(names, bought, strict=True))
    assert active["loyal regulars"] > 1.5 * active["bargain hunters"] > 1.5 * active["window shoppers"]
    assert level["premium seekers"] > 1.5 * level["bargain hunters"]
    # A chi-square test would reject for any difference; ask for a large one: total variation between segments.
    stock = pq.read_table(shop.paths[0].parent / "truth" / "items.parquet")
    item = numbers(log["item"].filter(pa.array(keep)))
    table = np.zeros((4, CONFIG.categories))
    np.add.at(table, (of, stock["category"].to_numpy()[item]), 1)
    share = table / table.sum(axis=1, keepdims=True)
    distances = [0.5 * np.abs(share[a] - share[b]).sum() for a in range(4) for b in range(a)]
    assert min(distances) > 0.1


def test_users_buy_what_they_like(shop: RawLog, log: pa.Table, people: pa.Table) -> None:
    stock = pq.read_table(shop.paths[0].parent / "truth" / "items.parquet")
    events = np.array(log["event"].to_pylist())
    user, item = numbers(log["user"]), np.array(log["item"].to_pylist())
    keep = (user >= 0) & (events == "view") & (item != "POSTAGE")
    user, item = user[keep], numbers(log["item"].filter(pa.array(keep)))
    category, tier = stock["category"].to_numpy(), stock["tier"].to_numpy()
    likes = np.array(people["category_affinity"].to_pylist())[:, category]
    likes += np.array(people["tier_affinity"].to_pylist())[:, tier]
    # Were all items equally popular, a view would fall on an item with odds exp(SHARPNESS * liking).
    odds = np.exp(SHARPNESS * likes)
    expected = (odds * likes).sum(axis=1) / odds.sum(axis=1)
    assert likes[user, item].mean() == pytest.approx(expected[user].mean(), abs=0.15)
    assert expected[user].mean() > 1.0


def test_reviews_have_stars_and_text_that_agree(log: pa.Table) -> None:
    reviews = log.filter(pc.equal(log["event"], "review"))
    assert reviews["rating"].null_count == reviews["text"].null_count == 0
    others = log.filter(pc.not_equal(log["event"], "review"))
    assert others["rating"].null_count == others["text"].null_count == others.num_rows
    stars, texts = reviews["rating"].to_numpy(), np.array(reviews["text"].to_pylist())
    assert set(stars.tolist()) == {1, 2, 3, 4, 5}
    glad = np.char.startswith(texts.astype(str), "Love it!")
    assert set(stars[glad].tolist()) == {5}


def test_attributes_tell_a_little_of_the_segment(shop: RawLog, people: pa.Table) -> None:
    from scipy.stats.contingency import association, crosstab

    assert shop.users is not None
    table = pq.read_table(shop.users)
    for name in ("age_band", "channel", "country"):
        counts = crosstab(people["segment"].to_numpy(), np.array(table[name].to_pylist())).count
        assert 0.03 < association(counts, method="cramer") < 0.4


def test_fashion_moves(log: pa.Table) -> None:
    day = (log["time"].to_numpy() - np.datetime64("2025-01-06")) / np.timedelta64(1, "D")
    keep = np.array(log["event"].to_pylist()) == "view"
    item = np.array(log["item"].to_pylist())[keep]
    months = [Counter(item[(day[keep] >= start) & (day[keep] < start + 30)].tolist()) for start in (0, 60, 90)]
    names = sorted(set().union(*months))
    first, third, last = (np.array([month[name] for name in names]) for month in months)
    assert np.corrcoef(third, last)[0, 1] > np.corrcoef(first, last)[0, 1] + 0.05


@pytest.mark.parametrize(("segments", "categories", "items", "days"), [(1, 1, 1, 1), (11, 14, 30, 8), (4, 40, 10, 3)])
def test_small_and_odd_shops(tmp_path: Path, segments: int, categories: int, items: int, days: int) -> None:
    config = SyntheticShopConfig(
        users=20, items=items, days=days, events=400, segments=segments, categories=categories, seed=1
    )
    raw = read(config, tmp_path)
    truth = truth_of(raw)
    assert len(set(truth["segments"])) == segments
    assert len(set(truth["categories"])) == categories
    assert pq.read_table(raw.paths[0]).num_rows == truth["rows"]["all"] > 100

"""The files of the synthetic shop: the log in parts, items, users, and, apart from them, the truth."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from shop_sources.synthetic_shop_log import KINDS, Rows
from shop_sources.synthetic_shop_words import (
    AGE_BANDS,
    CHANNELS,
    COUNTRIES,
    TIERS,
    item_text,
    review_texts,
)
from shop_sources.synthetic_shop_world import DAY, GAIN, WEEK_DAYS, World

OPENED = datetime(2025, 1, 6, tzinfo=UTC)
"""The Monday on which every synthetic shop opens."""
POSTAGE = "POSTAGE"
RESPONSE = {
    "gain": GAIN,
    "attention": 0.85,
    "cap": 0.5,
    "click_shift": 1.5,
    "money_steps": [2, 3, 4, 6, 8],
    "money_weights": [0.25, 0.3, 0.25, 0.12, 0.08],
}
"""How users respond to what they are shown: see the simulator `synthetic_shop`, which reads this from truth.json."""


class LogWriter:
    """Writes the parts of the log into a folder, one Parquet file a part."""

    def __init__(self, folder: Path, world: World) -> None:
        folder.mkdir()
        self._folder = folder
        self._users = pa.array(user_ids(len(world.users.segment)))
        self._items = pa.array([*item_ids(len(world.items.category)), POSTAGE])
        self._texts = pa.array(review_texts(len(world.categories)))
        self._opened = int(OPENED.timestamp()) * 1_000_000
        self._parts = 0
        self.rows_by_kind = dict.fromkeys(KINDS, 0)

    def write(self, rows: Rows) -> None:
        """Write one part; missing users, ratings and texts are null."""
        table = pa.table(
            {
                "user": _words(rows.user, self._users),
                "time": pa.array(rows.time + self._opened, type=pa.timestamp("us")),
                "item": _words(rows.item, self._items),
                "event": _words(rows.kind, pa.array(KINDS)),
                "quantity": pa.array(rows.quantity),
                "price": pa.array(rows.price / 100.0),
                "order": pa.array(rows.order),
                "rating": pa.array(rows.rating, mask=rows.rating == 0),
                "text": _words(rows.text, self._texts),
            }
        )
        _write(table, self._folder / f"part-{self._parts:04d}.parquet")
        self._parts += 1
        for kind, count in zip(KINDS, np.bincount(rows.kind, minlength=len(KINDS)).tolist(), strict=True):
            self.rows_by_kind[kind] += count


def user_ids(count: int) -> list[str]:
    """Return ids whose alphabetical order is their number."""
    return [f"U{number:07d}" for number in range(count)]


def item_ids(count: int) -> list[str]:
    """Return ids whose alphabetical order is their number."""
    return [f"I{number:06d}" for number in range(count)]


def write_side_tables(folder: Path, world: World) -> None:
    """Write items.parquet (item, category, price, text, arrived) and users.parquet (user, attributes, joined)."""
    items, users = world.items, world.users
    numbers = np.zeros(len(items.category), dtype=np.int64)
    for category in range(len(world.categories)):
        here = np.flatnonzero(items.category == category)
        numbers[here] = np.arange(len(here))
    texts = [
        item_text(*row) for row in zip(items.category.tolist(), items.tier.tolist(), numbers.tolist(), strict=True)
    ]
    _write(
        pa.table(
            {
                "item": item_ids(len(items.category)),
                "category": _words(items.category, pa.array(world.categories)),
                "price": pa.array(items.price / 100.0),
                "text": texts,
                "arrived": _dates(items.arrival_week * WEEK_DAYS),
            }
        ),
        folder / "items.parquet",
    )
    _write(
        pa.table(
            {
                "user": user_ids(len(users.segment)),
                "age_band": _words(users.age_band, pa.array(AGE_BANDS)),
                "channel": _words(users.channel, pa.array(CHANNELS)),
                "country": _words(users.country, pa.array(COUNTRIES)),
                "joined": _dates(users.arrival),
            }
        ),
        folder / "users.parquet",
    )


def write_truth(folder: Path, world: World, facts: dict[str, Any]) -> None:
    """Write what was planted: users.parquet, items.parquet, and truth.json, which holds `facts` and the response."""
    folder.mkdir()
    users, items = world.users, world.items
    _write(
        pa.table(
            {
                "user": user_ids(len(users.segment)),
                "segment": pa.array(users.segment),
                "activity": pa.array(users.activity),
                "arrival_day": pa.array(users.arrival),
                "sessions_per_day": pa.array(world.sessions_per_day),
                "visit_rate": pa.array(users.visit_rate),
                "response_logit": pa.array(users.response_logit),
                "money_unit": pa.array(users.money_unit),
                "category_affinity": _lists(users.category_affinity),
                "tier_affinity": _lists(users.tier_affinity),
            }
        ),
        folder / "users.parquet",
    )
    _write(
        pa.table(
            {
                "item": item_ids(len(items.category)),
                "category": pa.array(items.category),
                "tier": pa.array(items.tier),
                "quality": pa.array(items.quality),
                "arrival_week": pa.array(items.arrival_week),
            }
        ),
        folder / "items.parquet",
    )
    names = {
        "segments": [archetype.name for archetype in world.segments],
        "categories": list(world.categories),
        "tiers": list(TIERS),
        "opened": OPENED.isoformat(),
    }
    truth = {**facts, **names, "response": RESPONSE}
    (folder / "truth.json").write_text(json.dumps(truth, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _words(index: NDArray[Any], words: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=index < 0), words)


def _lists(matrix: NDArray[np.float32]) -> pa.FixedSizeListArray:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1])


def _dates(days: NDArray[Any]) -> pa.Array:
    epoch_day = (OPENED - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=DAY)
    return pa.array((np.floor(days) + epoch_day).astype(np.int32), type=pa.date32())


def _write(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd", compression_level=1)

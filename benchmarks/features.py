"""From a Parquet log to recency, frequency and monetary value of every user: the engine beside pandas."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.duel import Duel

ROWS = int(os.environ.get("PRELAUNCH_BENCH_ROWS", "2000000"))


def prepare(folder: Path) -> None:
    """Draw a synthetic shop's log of about ROWS events."""
    from framework.testing.tiny import tiny_context
    from shop_sources.synthetic_shop import SyntheticShop

    config = SyntheticShop.Config(users=ROWS // 50, items=2000, events=ROWS, dirt=0.0, seed=1, folder=str(folder))
    SyntheticShop(config).read(tiny_context(folder))


def ours(folder: Path) -> np.ndarray:
    """Clean the log and compute all features, of which the three are returned."""
    from framework.data.cleaning import clean
    from framework.data.engine import open_engine
    from framework.data.features import user_features
    from framework.data.settings import DataConfig
    from framework.testing.tiny import tiny_context
    from shop_sources.synthetic_shop import SyntheticShop

    config = SyntheticShop.Config(users=ROWS // 50, items=2000, events=ROWS, dirt=0.0, seed=1, folder=str(folder))
    raw = SyntheticShop(config).read(tiny_context(folder))
    settings = DataConfig()
    with open_engine(settings, folder / "engine") as engine:
        log = clean(raw, engine, settings.cleaning)
        table = engine.collect(user_features(log, _end(), settings.features)).sort_by("user")
    columns = [table.column(name).to_numpy() for name in ("recency_days", "frequency", "monetary")]
    return _buyers(np.column_stack(columns))


def peer(folder: Path) -> np.ndarray:
    """Compute the three features with pandas, without any cleaning."""
    import pandas as pd

    log = pd.read_parquet(
        next(folder.glob("shop-*")) / "log", columns=["user", "time", "event", "order", "quantity", "price"]
    )
    log = log[log["event"] == "purchase"]
    log["amount"] = (log["price"] * 100).round().astype("int64") * log["quantity"]
    grouped = log.groupby("user").agg(last=("time", "max"), orders=("order", "nunique"), spent=("amount", "sum"))
    grouped = grouped.sort_index()
    end = pd.Timestamp(_end(), unit="us", tz=grouped["last"].dt.tz)
    recency = (end - grouped["last"]) / pd.Timedelta(days=1)
    return _buyers(np.column_stack([recency, grouped["orders"], grouped["spent"]]).astype(float))


def _end() -> int:
    return 1_900_000_000_000_000


def _buyers(values: np.ndarray) -> np.ndarray:
    return values[np.nan_to_num(values[:, 1]) > 0]


DUEL = Duel(f"features of {ROWS:,} events", prepare, ours, {"pandas": peer})

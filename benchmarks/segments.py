"""From a Parquet log of purchases to recency, frequency, money and five k-means groups of every user."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from benchmarks.race import THREADS, Laps, Race

ROWS = int(os.environ.get("PRELAUNCH_BENCH_ROWS", "10000000"))
USERS, GROUPS, SEED = ROWS // 10, 5, 0
FEATURES = ("recency_days", "frequency", "monetary")
START, DAYS = 1_700_000_000_000_000, 365
DAY = 86_400_000_000


def prepare(folder: Path) -> None:
    """Draw purchases of users with one of five ways to buy, a million rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(SEED)
    kind = rng.integers(GROUPS, size=USERS)
    last = rng.uniform(0.1, 1.0, GROUPS)[kind]
    weight = (1.0 + 4.0 * (kind % 3)) * rng.gamma(2.0, 1.0, USERS)
    chance = np.cumsum(weight / weight.sum())
    writer = None
    for begin in range(0, ROWS, 1_000_000):
        size = min(1_000_000, ROWS - begin)
        user = np.minimum(np.searchsorted(chance, rng.random(size)), USERS - 1)
        time = START + (rng.random(size) * last[user] * DAYS * DAY).astype(np.int64)
        table = pa.table(
            {
                "user": user,
                "time": pa.array(time, pa.timestamp("us", "UTC")),
                "item": rng.integers(5000, size=size),
                "quantity": rng.integers(1, 4, size=size),
                "price": np.round(rng.lognormal(1.0 + kind[user] % 2, 0.7, size), 2),
            }
        )
        writer = writer or pq.ParquetWriter(folder / "log.parquet", table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def ours(folder: Path) -> Laps:
    """Read, clean, compute the features in the engine, materialise the data set, fit and label."""
    from framework.data.cleaning import clean
    from framework.data.engine import open_engine
    from framework.data.materialise import dataset
    from framework.data.settings import DataConfig
    from framework.testing.tiny import tiny_context
    from shop_models.clusterers.kmeans import Kmeans
    from shop_sources.log import Log

    laps, context = Laps(), tiny_context(folder)
    columns = {name: name for name in ("user", "time", "item", "quantity", "price")}
    settings = DataConfig(threads=THREADS)
    with laps.lap("log to groups"), open_engine(settings, folder / "engine") as engine:
        raw = Log(Log.Config(path=str(folder / "log.parquet"), columns=columns)).read(context)
        data = dataset(clean(raw, engine, settings.cleaning), START + DAYS * DAY, settings.features)
        model = Kmeans(Kmeans.Config(features=FEATURES, k=GROUPS))
        model.fit(data, context)
        labels = model.segment(data).labels
    laps.figures = _figures(np.column_stack([data.features.column(name) for name in FEATURES]), labels)
    return laps


def peer(folder: Path) -> Laps:
    """The same with pandas and scikit-learn, without any cleaning."""
    import pandas as pd
    from sklearn.cluster import KMeans
    from sklearn.preprocessing import StandardScaler

    laps = Laps()
    with laps.lap("log to groups"):
        log = pd.read_parquet(folder / "log.parquet")
        log["amount"] = (log["price"] * 100).round().astype("int64") * log["quantity"]
        log["order"] = log["time"].astype("int64")
        grouped = log.groupby("user").agg(last=("time", "max"), orders=("order", "nunique"), spent=("amount", "sum"))
        end = pd.Timestamp(START + DAYS * DAY, unit="us", tz="UTC")
        recency = (end - grouped["last"]) / pd.Timedelta(days=1)
        values = np.column_stack([recency, grouped["orders"], grouped["spent"]]).astype(float)
        points = StandardScaler().fit_transform(np.column_stack([values[:, 0], np.log1p(values[:, 1:])]))
        labels = KMeans(GROUPS, n_init=5, random_state=SEED).fit_predict(points)
    laps.figures = _figures(values, labels)
    return laps


def _figures(values: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return what of the features' variance (logarithms of the skewed two) lies within groups, and their means."""
    bought = np.nan_to_num(values[:, 1]) > 0
    own, group = values[bought], np.unique(labels[bought], return_inverse=True)[1]
    points = np.column_stack([own[:, 0], np.log1p(own[:, 1:])])
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    size = np.bincount(group)
    means = np.column_stack([np.bincount(group, weights=column) / size for column in points.T])
    within = float(((points - means[group]) ** 2).sum() / (points**2).sum())
    return {"within": within, **{name: float(own[:, place].mean()) for place, name in enumerate(FEATURES)}}


DUEL = Race(
    f"groups of {USERS:,} users from {ROWS:,} events, {THREADS} thread(s)",
    prepare,
    ours,
    {"pandas and scikit-learn": peer},
    within={"within": 0.01, "recency_days": 0.01, "frequency": 0.01, "monetary": 1.0},
)

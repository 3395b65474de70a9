"""Item neighbours by cosine, found and asked for everybody's best 20: `item_knn` beside implicit, with equal settings.

implicit counts an item among its own neighbours, so it is asked for one more.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np

from benchmarks.pairs import SET, K, accuracy, dataset, everybody, matrices, prepare
from benchmarks.race import THREADS, Laps, Race

NEIGHBOURS = int(os.environ.get("PRELAUNCH_BENCH_NEIGHBOURS", "100"))


def ours(folder: Path) -> Laps:
    """Fit and recommend, ties by item."""
    import scipy.sparse  # noqa: F401 (imports are no part of the laps)

    from framework.testing.tiny import tiny_context
    from shop_recommenders.neighbours.item_knn import ItemKnn

    pairs, laps = matrices(folder), Laps()
    data = dataset(*pairs.train.nonzero(), pairs.train.shape)
    queries = everybody(data, pairs.train)
    model = ItemKnn(ItemKnn.Config(neighbours=NEIGHBOURS, shrinkage=0.0))
    with laps.lap("fit"):
        model.fit(data, tiny_context(folder))
    with laps.lap("recommend"):
        slates = model.recommend(queries, K)
    laps.figures = accuracy(slates.items, pairs.test)
    return laps


def implicit(folder: Path) -> Laps:
    """Fit and recommend, ties as they fall."""
    from implicit.nearest_neighbours import CosineRecommender

    pairs, laps = matrices(folder), Laps()
    model = CosineRecommender(K=NEIGHBOURS + 1, num_threads=THREADS)
    with laps.lap("fit"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a conversion that it makes itself
        model.fit(pairs.train, show_progress=False)
    with laps.lap("recommend"):
        items, _ = model.recommend(np.arange(pairs.train.shape[0]), pairs.train, N=K)
    laps.figures = accuracy(items, pairs.test)
    return laps


DUEL = Race(
    f"item_knn, {NEIGHBOURS} neighbours, {SET}, {THREADS} thread(s)",
    prepare,
    ours,
    {"implicit": implicit},
    within={},
)

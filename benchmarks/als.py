"""Factors by alternating least squares, fitted and asked for everybody's best 20: `als` beside implicit.

Both have the same confidences, penalty, rounds, threads. `als` ends by solving the users exactly, which implicit does
when asked (`recalculate_user`): beside a side that asks, what is ours is the overhead over the library underneath.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.pairs import SET, K, accuracy, dataset, everybody, matrices, prepare
from benchmarks.race import THREADS, Laps, Race

if TYPE_CHECKING:
    from implicit.cpu.als import AlternatingLeastSquares

FACTORS = int(os.environ.get("PRELAUNCH_BENCH_FACTORS", "64"))
ROUNDS, REGULARIZATION, ALPHA = 15, 0.1, 2.0


def ours(folder: Path) -> Laps:
    """Fit and recommend as implicit can: with the same penalty for all."""
    return _ours(folder, {"regularization": REGULARIZATION, "alpha": ALPHA})


def by_frequency(folder: Path) -> Laps:
    """Fit and recommend as implicit cannot: with penalties by frequency, tuned for such sets."""
    return _ours(folder, {"regularization": 0.004, "alpha": 100.0, "scaling": "frequency"})


def implicit(folder: Path) -> Laps:
    """Fit and recommend as the library comes."""
    return _implicit(folder, exact=False)


def implicit_exact(folder: Path) -> Laps:
    """Solve the users once more, exactly, at the end of the fit."""
    return _implicit(folder, exact=True)


def _ours(folder: Path, params: dict[str, Any]) -> Laps:
    import implicit.cpu.als  # noqa: F401 (imports are no part of the laps)
    import threadpoolctl  # noqa: F401

    from framework.testing.tiny import tiny_context
    from shop_recommenders.factors.als import Als

    pairs, laps = matrices(folder), Laps()
    data = dataset(*pairs.train.nonzero(), pairs.train.shape)
    queries = everybody(data, pairs.train)
    model = Als(Als.Config(factors=FACTORS, iterations=ROUNDS, num_threads=THREADS, **params))
    with laps.lap("fit"):
        model.fit(data, tiny_context(folder))
    with laps.lap("recommend"):
        slates = model.recommend(queries, K)
    laps.figures = accuracy(slates.items, pairs.test)
    return laps


def _implicit(folder: Path, *, exact: bool) -> Laps:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    pairs, laps = matrices(folder), Laps()
    users = np.arange(pairs.train.shape[0])
    with threadpool_limits(1, "blas"):  # as the library asks for
        with laps.lap("fit"):
            confidence = pairs.train.copy()
            confidence.data = 1.0 + ALPHA * confidence.data
            model: AlternatingLeastSquares = AlternatingLeastSquares(
                factors=FACTORS,
                regularization=REGULARIZATION,
                alpha=1.0,
                iterations=ROUNDS,
                num_threads=THREADS,
                random_state=0,
            )
            model.fit(confidence, show_progress=False)
            if exact:
                model.user_factors = model.recalculate_user(users, confidence)
        with laps.lap("recommend"):
            items, _ = model.recommend(users, pairs.train, N=K)
    laps.figures = accuracy(items, pairs.test)
    return laps


DUEL = Race(
    f"als, {FACTORS} factors, {SET}, {THREADS} thread(s)",
    prepare,
    ours,
    {"implicit": implicit, "implicit, users solved exactly": implicit_exact, "scaling: frequency": by_frequency},
    within={},
)

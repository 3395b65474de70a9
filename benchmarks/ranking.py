"""The best 20 of 40,000 items for 2,000 users: `top_k` beside NumPy's argpartition."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.duel import Duel

USERS, ITEMS, K = 2_000, 40_000, 20


def prepare(folder: Path) -> None:
    """Draw a matrix of scores."""
    scores = np.random.default_rng(0).standard_normal((USERS, ITEMS), dtype=np.float32)
    np.save(folder / "scores.npy", scores)


def ours(folder: Path) -> np.ndarray:
    """Rank with ties decided by item."""
    from framework.data.ranking import top_k

    return top_k(np.load(folder / "scores.npy"), K).scores


def peer(folder: Path) -> np.ndarray:
    """Rank with ties as they fall."""
    scores = np.load(folder / "scores.npy")
    best = np.argpartition(scores, ITEMS - K, axis=1)[:, ITEMS - K :]
    return -np.sort(-np.take_along_axis(scores, best, axis=1), axis=1)


DUEL = Duel(f"top {K} of {ITEMS:,} items for {USERS:,} users", prepare, ours, {"NumPy": peer})

"""Everybody's best 20 of the whole catalogue by vectors of 64, without the train part, and how good they are.

Ours as a study does it (a holdout trial and its metrics) beside a plain version in NumPy: scores of some users, -inf
at what they took, argpartition, a sort of 20, hits, means. The vectors are drawn around tastes that users and items
share, so that hits are not all misses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import pairs
from benchmarks.pairs import SET, K
from benchmarks.race import THREADS, Laps, Race

SIZE, USERS = 64, 256


def prepare(folder: Path) -> None:
    """Write the pairs, and vectors of users and items: of items random, of users means of what they took."""
    pairs.prepare(folder)
    train = pairs.matrices(folder).train
    rng = np.random.default_rng(0)
    items = rng.standard_normal((train.shape[1], SIZE), dtype=np.float32)
    items += 0.1 * (train.T @ (train @ items))
    items /= np.linalg.norm(items, axis=1, keepdims=True) + 1e-9
    np.save(folder / "items.npy", items)
    np.save(folder / "users.npy", (train @ items).astype(np.float32))


def ours(folder: Path) -> Laps:
    """Hold the trial, and measure."""
    import scipy.sparse  # noqa: F401 (imports are no part of the laps)
    import threadpoolctl  # noqa: F401

    from framework.data.tables import Window
    from framework.strategies import Rule, Strategy
    from framework.trial.holdout import holdout_trial
    from framework.trial.population import Population
    from shop_metrics.ndcg import Ndcg
    from shop_metrics.recall import Recall
    from shop_policies.greedy import Greedy
    from shop_recommenders.pairs.vector_ranking import VectorRanking

    train, test = pairs.matrices(folder)
    data, users = pairs.dataset(*train.nonzero(), train.shape), np.arange(train.shape[0], dtype=np.int32)
    later = Window(data.as_of, 2 * data.as_of, data.users, users, pairs.purchases(*test.nonzero()))
    vectors = np.load(folder / "users.npy"), np.load(folder / "items.npy")
    recommender = VectorRanking(*vectors, train.getnnz(axis=0), np.diff(train.indptr) > 0)
    strategy = Strategy("ours", Rule(recommender, Greedy(Greedy.Config())), np.zeros(len(users), np.int32), ("all", ""))
    laps = Laps()
    with laps.lap("rank and measure"):
        population = Population.of(data, positions=K, repeats=False)
        trial = holdout_trial({"ours": strategy}, population, later, users="all", candidates=K, seed=0)
        found = [metric(metric.Config(k=K)).measure(trial.outcomes["ours"]) for metric in (Recall, Ndcg)]
        laps.figures = {name: float(f.numerator.mean()) for name, f in zip(("recall", "ndcg"), found, strict=True)}
    return laps


def plain(folder: Path) -> Laps:
    """Do it by hand, ties as they fall."""
    import scipy.sparse  # noqa: F401 (imports are no part of the laps)

    train, test = pairs.matrices(folder)
    users, items = np.load(folder / "users.npy"), np.load(folder / "items.npy")
    laps, recalls, ndcgs = Laps(), [], []
    with laps.lap("rank and measure"):
        discount = 1.0 / np.log2(np.arange(2, K + 2))
        for start in range(0, len(users), USERS):
            block = slice(start, start + USERS)
            scores = users[block] @ items.T
            scores[train[block].nonzero()] = -np.inf
            best = np.argpartition(scores, len(items) - K, axis=1)[:, len(items) - K :]
            order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
            best = np.take_along_axis(best, order, axis=1)
            hits = np.take_along_axis(test[block].toarray() > 0, best, axis=1)
            wanted = np.diff(test[block].indptr)
            asked = wanted > 0
            recalls.append(hits.sum(axis=1)[asked] / wanted[asked])
            ideal = np.cumsum(discount)[np.minimum(wanted[asked], K) - 1]
            ndcgs.append((hits @ discount)[asked] / ideal)
        laps.figures = {"recall": float(np.concatenate(recalls).mean()), "ndcg": float(np.concatenate(ndcgs).mean())}
    return laps


DUEL = Race(
    f"full ranking of {SET} by vectors of {SIZE}, {THREADS} thread(s)",
    prepare,
    ours,
    {"NumPy": plain},
    within={"recall": 1e-9, "ndcg": 1e-9},
)

"""ALS against dense solutions of Hu, Koren and Volinsky's equations, and on planted preferences."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix, vstack
from threadpoolctl import threadpool_info, threadpool_limits

from framework.errors import ConfigError, DataError
from framework.testing import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.factors.als import Als, AlsConfig


def _confidence(counts, weights, alpha):
    r = {"binary": np.sign(counts), "counts": counts, "log": np.log2(1.0 + counts)}[weights]
    return 1.0 + alpha * r  # equation 2: also the pairs without purchase have confidence 1


def _half_step(confidence, preference, other, regularization):
    """Equation 4, user by user, with C^u written out as a diagonal matrix."""
    factors = other.shape[1]
    rows = []
    for c, p in zip(confidence, preference, strict=True):
        left = other.T @ np.diag(c) @ other + regularization * np.eye(factors)
        rows.append(np.linalg.solve(left, other.T @ np.diag(c) @ p))
    return np.array(rows)


def _loss(confidence, preference, users, items, regularization):
    """Equation 3."""
    error = (confidence * (preference - users @ items.T) ** 2).sum()
    return error + regularization * ((users**2).sum() + (items**2).sum())


@pytest.mark.reference
@pytest.mark.parametrize("weights", ["binary", "counts", "log"])
def test_user_factors_solve_the_papers_equation(context, weights):
    data = tiny_dataset(1)
    config = AlsConfig(factors=5, weights=weights, alpha=4.0, regularization=0.5)
    model = Als(config)
    model.fit(data, context)
    counts = data.matrix().toarray().astype(np.float64)
    items = model.item_factors.astype(np.float64)
    expected = _half_step(_confidence(counts, weights, 4.0), np.sign(counts), items, 0.5)
    bought = counts.any(axis=1)
    np.testing.assert_allclose(model.user_factors[bought], expected[bought], rtol=1e-3, atol=1e-4)
    assert not model.user_factors[~bought].any()


@pytest.mark.reference
def test_many_iterations_reach_a_fixed_point_of_dense_als(context):
    data = tiny_dataset(2, users=40, items=15)
    model = Als(AlsConfig(factors=3, weights="binary", alpha=3.0, regularization=1.0, iterations=300))
    model.fit(data, context)
    counts = data.matrix().toarray().astype(np.float64)
    confidence, preference = _confidence(counts, "binary", 3.0), np.sign(counts)
    users, items = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    before = _loss(confidence, preference, users, items, 1.0)
    for _ in range(50):
        items = _half_step(confidence.T, preference.T, users, 1.0)
        users = _half_step(confidence, preference, items, 1.0)
    after = _loss(confidence, preference, users, items, 1.0)
    assert after <= before * (1 + 1e-9)
    assert before / after - 1 < 1e-4


def test_loss_falls_with_iterations(tmp_path):
    data = tiny_dataset(3)
    counts = data.matrix().toarray().astype(np.float64)
    losses = []
    for iterations in (1, 2, 4, 16):
        model = Als(AlsConfig(factors=6, weights="counts", alpha=2.0, iterations=iterations))
        model.fit(data, tiny_context(tmp_path))
        confidence = _confidence(counts, "counts", 2.0)
        losses.append(_loss(confidence, np.sign(counts), model.user_factors, model.item_factors, 0.1))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.95 * losses[0]


def test_planted_blocks_are_recovered(log_of, ask, context):
    """Users of each half bought a random half of their own ten items; their slates must hold the rest of them."""
    rng = np.random.default_rng(0)
    events = [(user, int(item) + 10 * (user // 30)) for user in range(60) for item in rng.choice(10, 5, replace=False)]
    model = Als(AlsConfig(factors=2, regularization=1.0))
    model.fit(log_of(events, users=60, items=20), context)
    slates = model.recommend(ask(list(range(60))), 10)
    assert (slates.items // 10 == np.arange(60)[:, None] // 30).all()


def test_threads_do_not_change_a_byte_and_neither_does_company(tmp_path):
    data = tiny_dataset(5, users=400, items=90)
    queries = tiny_queries(data)
    models = []
    for threads in (1, 2, 3, 0):
        models.append(Als(AlsConfig(factors=16, num_threads=threads)))
        models[-1].fit(data, tiny_context(tmp_path))
    first = models[0].recommend(queries, 50)
    for model in models[1:]:
        assert model.user_factors.tobytes() == models[0].user_factors.tobytes()
        assert model.item_factors.tobytes() == models[0].item_factors.tobytes()
    for rows in (np.array([9]), np.array([9, 300]), np.arange(3, 77)):
        part = models[0].recommend(queries.take(rows), 50)
        assert part.scores.tobytes() == first.scores[rows].tobytes()
        assert part.items.tobytes() == first.items[rows].tobytes()


def test_threads_that_rank_do_not_change_a_byte(tmp_path, monkeypatch):
    monkeypatch.setattr("shop_recommenders.personal_ranking._CELLS", 90 * 7)  # seven users a block
    data = tiny_dataset(5, users=400, items=90)
    queries = dataclasses.replace(tiny_queries(data), exclude=vstack([data.matrix(), csr_matrix((2, 90))]).tocsr())
    slates = []
    for threads in (1, 3, 20):
        model = Als(AlsConfig(factors=16, num_threads=threads))
        model.fit(data, tiny_context(tmp_path))
        slates.append(model.recommend(queries, 50))
    for other in slates[1:]:
        assert other.items.tobytes() == slates[0].items.tobytes()
        assert other.scores.tobytes() == slates[0].scores.tobytes()


def test_seed_comes_from_the_context(tmp_path):
    data = tiny_dataset()
    factors = []
    for seed in (1, 1, 2):
        model = Als(AlsConfig(factors=4))
        model.fit(data, tiny_context(tmp_path, seed))
        factors.append(model.item_factors.tobytes())
    assert factors[0] == factors[1] != factors[2]


def test_blas_threads_are_as_before_and_no_bar_or_warning_is_printed(tmp_path):
    script = f"""
import warnings; warnings.simplefilter("error")
from pathlib import Path
from framework.testing import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.factors.als import Als, AlsConfig
model = Als(AlsConfig(factors=4))
model.fit(tiny_dataset(), tiny_context(Path({str(tmp_path)!r})))
model.recommend(tiny_queries(tiny_dataset()), 3)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with threadpool_limits(2, "blas"):
        before = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
        model = Als(AlsConfig(factors=4))
        model.fit(tiny_dataset(), tiny_context(tmp_path))
        model.recommend(tiny_queries(tiny_dataset()), 3)
        assert [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"] == before


def test_unbought_items_come_last_and_users_without_purchases_fall_back(log_of, ask, context):
    events = [(0, 3), (0, 1), (1, 3), (2, 0, 1, "view")]
    model = Als(AlsConfig(factors=2))
    model.fit(log_of(events, users=3, items=5), context)
    slates = model.recommend(ask([0, 1, 2, -1]), 5)
    assert slates.items[:, 2:].tolist() == [[0, 2, 4]] * 4
    assert slates.items[2:, :2].tolist() == [[3, 1]] * 2
    assert slates.fallback.tolist() == [False, False, True, True]


def test_no_purchases_at_all(log_of, context):
    with pytest.raises(DataError, match="purchase"):
        Als(AlsConfig(kinds=["purchase"])).fit(log_of([(0, 0, 1, "view")], users=1, items=1), context)


@pytest.mark.parametrize(
    "params",
    [{"factors": 0}, {"iterations": 0}, {"num_threads": -1}, {"regularization": 0.0}, {"alpha": float("nan")}],
)
def test_bad_parameters(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        AlsConfig(**params)

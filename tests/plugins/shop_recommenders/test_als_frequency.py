"""ALS with a penalty by frequency against dense solutions, its rows, its histories at call time, and its state."""

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from framework.testing import fingerprint, tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.factors.als import Als, AlsConfig
from shop_recommenders.factors.least_squares_rows import exact_rows, improved_rows


def _half_step(confidence, preference, other, regularization):
    """Hu et al., equation 4, with Rendle et al.'s penalty: regularization times the row's confidences."""
    rows = []
    for c, p in zip(confidence, preference, strict=True):
        left = other.T @ np.diag(c) @ other + regularization * c.sum() * np.eye(other.shape[1])
        rows.append(np.linalg.solve(left, other.T @ np.diag(c) @ p))
    return np.array(rows)


def _loss(confidence, preference, users, items, regularization):
    penalty = confidence.sum(axis=1) @ (users**2).sum(axis=1) + confidence.sum(axis=0) @ (items**2).sum(axis=1)
    return (confidence * (preference - users @ items.T) ** 2).sum() + regularization * penalty


@pytest.mark.reference
def test_many_iterations_reach_a_fixed_point_of_dense_als(context):
    data = tiny_dataset(2, users=40, items=15)
    config = AlsConfig(factors=3, weights="counts", alpha=3.0, regularization=0.05, iterations=300, scaling="frequency")
    model = Als(config)
    model.fit(data, context)
    counts = data.matrix().toarray().astype(np.float64)
    confidence, preference = 1.0 + 3.0 * counts, np.sign(counts)
    users, items = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    np.testing.assert_allclose(users, _half_step(confidence, preference, items, 0.05), atol=1e-6)
    before = _loss(confidence, preference, users, items, 0.05)
    for _ in range(50):
        items = _half_step(confidence.T, preference.T, users, 0.05)
        users = _half_step(confidence, preference, items, 0.05)
    assert _loss(confidence, preference, users, items, 0.05) == pytest.approx(before, rel=1e-5)


@pytest.mark.reference
def test_it_is_rendles_objective_in_other_units():
    """Their nu is 1, and they have (s - 1)^2 for purchases and a s^2 for all pairs; s is scaled by 1 / (1 + a)."""
    rng = np.random.default_rng(0)
    bought = rng.random((9, 6)) < 0.4
    a, penalty = 0.1, 0.02
    alpha, regularization = 1 / a, penalty * (1 + a)
    confidence = 1.0 + alpha * bought

    def theirs(users, items):
        scores = users @ items.T
        frequency = [bought.sum(axis=1) + a * 6, bought.sum(axis=0) + a * 9]
        held = frequency[0] @ (users**2).sum(axis=1) + frequency[1] @ (items**2).sum(axis=1)
        return ((scores - 1) ** 2)[bought].sum() + a * (scores**2).sum() + penalty * held

    pairs = [(rng.normal(size=(9, 2)), rng.normal(size=(6, 2))) for _ in range(3)]
    ours = [_loss(confidence, bought.astype(float), u, i, regularization) for u, i in pairs]
    found = [theirs(u / np.sqrt(1 + a), i / np.sqrt(1 + a)) for u, i in pairs]
    assert (ours[1] - ours[0]) / (found[1] - found[0]) == pytest.approx((1 + a) ** 2 / a)
    assert (ours[2] - ours[0]) / (found[2] - found[0]) == pytest.approx((1 + a) ** 2 / a)


def _problem(seed=0):
    rng = np.random.default_rng(seed)
    taken = (rng.random((50, 30)) < 0.2) * (1.0 + 4.0 * rng.random((50, 30)))
    taken[7] = 0.0
    return csr_matrix(taken, dtype=np.float32), rng.normal(size=(30, 6)).astype(np.float32), rng.uniform(0.5, 2.0, 50)


def test_conjugate_gradients_end_at_the_exact_rows():
    taken, other, penalty = _problem()
    exact = exact_rows(taken, other, penalty)
    start = np.random.default_rng(1).normal(size=exact.shape).astype(np.float32)
    errors = [np.abs(improved_rows(taken, other, penalty, start, steps) - exact).max() for steps in (1, 3, 12)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4
    assert not exact[7].any()
    np.testing.assert_array_equal(improved_rows(taken, other, penalty, exact, 5)[7], 0.0)


def test_threads_and_blocks_do_not_change_a_byte(monkeypatch):
    import shop_recommenders.factors.least_squares_rows as rows

    taken, other, penalty = _problem()
    start = np.ones((50, 6), dtype=np.float32)
    monkeypatch.setattr(rows, "_CELLS", 200)
    one = improved_rows(taken, other, penalty, start, 3, threads=1)
    assert improved_rows(taken, other, penalty, start, 3, threads=3).tobytes() == one.tobytes()
    assert exact_rows(taken, other, penalty, 3).tobytes() == exact_rows(taken, other, penalty, 1).tobytes()
    monkeypatch.undo()
    np.testing.assert_allclose(improved_rows(taken, other, penalty, start, 3), one, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scaling", ["plain", "frequency"])
@pytest.mark.parametrize("weights", ["binary", "counts", "log"])
def test_a_users_own_history_says_what_was_learned(context, scaling, weights):
    model, data = Als(AlsConfig(factors=5, scaling=scaling, weights=weights, regularization=0.02)), tiny_dataset(2)
    model.fit(data, context)
    queries = tiny_queries(data)
    events = data.events.of_kind("purchase")
    history = np.full((len(queries), 40), -1, dtype=np.int32)
    for user in range(len(data.users)):
        items = events.item[events.user == user]
        history[user, 40 - len(items) :] = items
    learned = model.recommend(queries, 20)
    told = model.recommend(dataclasses.replace(queries, history=history), 20)
    np.testing.assert_array_equal(told.fallback, learned.fallback)
    np.testing.assert_allclose(told.scores, learned.scores, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("scaling", ["plain", "frequency"])
def test_history_makes_a_stranger_known_and_touches_no_other(tmp_path, scaling):
    model, data = Als(AlsConfig(factors=5, scaling=scaling)), tiny_dataset(2)
    model.fit(data, tiny_context(tmp_path))
    queries = tiny_queries(data)
    unbought = int(np.flatnonzero(data.matrix().getnnz(axis=0) == 0)[0])
    history = np.full((len(queries), 3), -1, dtype=np.int32)
    history[-2, 1:], history[5, 2], history[6, 2] = [0, 3], 7, unbought
    before, after = model.recommend(queries, 20), model.recommend(dataclasses.replace(queries, history=history), 20)
    assert after.fallback[[-2, -1, 6]].tolist() == [False, True, True]
    others = np.setdiff1d(np.arange(len(queries)), [5, 6, len(queries) - 2])
    for name in ("items", "scores", "fallback"):
        np.testing.assert_array_equal(getattr(after, name)[others], getattr(before, name)[others])
    assert (after.items[5] != before.items[5]).any()
    alone = model.recommend(dataclasses.replace(queries, history=history).take(np.array([5])), 20)
    assert alone.scores[0].tobytes() == after.scores[5].tobytes()


@pytest.mark.parametrize("scaling", ["plain", "frequency"])
def test_a_restored_one_answers_alike(context, scaling):
    model, data = Als(AlsConfig(factors=5, scaling=scaling)), tiny_dataset(2)
    model.fit(data, context)
    restored = Als(model.config)
    restored.restore(dict(model.state()))
    queries = tiny_queries(data)
    told = dataclasses.replace(queries, history=np.tile(np.array([[-1, 4]], dtype=np.int32), (len(queries), 1)))
    for asked in (queries, told):
        assert fingerprint(restored.recommend(asked, 20)) == fingerprint(model.recommend(asked, 20))

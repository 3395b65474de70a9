"""EASE against one ridge regression for each item, which knows nothing of the closed form."""

import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from framework.testing import tiny_dataset, tiny_queries
from shop_recommenders.linear import ease
from shop_recommenders.linear.ease import Ease, EaseConfig


def _regressions(x, regularization):
    """Solve for each column from all the others: the problem as the paper states it."""
    items = x.shape[1]
    weights = np.zeros((items, items))
    for j in range(items):
        others = np.delete(np.arange(items), j)
        rest = x[:, others]
        left = rest.T @ rest + regularization * np.eye(items - 1)
        weights[others, j] = np.linalg.solve(left, rest.T @ x[:, j])
    return weights


@pytest.mark.reference
@pytest.mark.parametrize(("weights", "regularization"), [("binary", 3.0), ("counts", 0.5)])
@pytest.mark.parametrize("double", [True, False])
def test_weights_and_scores_equal_regressions(context, monkeypatch, weights, regularization, double):
    if not double:
        monkeypatch.setattr(ease, "_DOUBLE", 0)
    monkeypatch.setattr(ease, "_ITEMS", 7)
    data = tiny_dataset(3, users=80, items=30)
    model = Ease(EaseConfig(regularization=regularization, weights=weights))
    model.fit(data, context)
    purchases = data.matrix(binary=weights == "binary").toarray().astype(np.float64)
    bought = np.flatnonzero(purchases.any(axis=0))
    np.testing.assert_array_equal(model.bought, bought)
    expected = _regressions(purchases[:, bought], regularization)
    np.testing.assert_allclose(model.item_weights, expected, rtol=1e-4, atol=2e-6)
    assert model.item_weights.dtype == np.float32
    slates = model.recommend(tiny_queries(data), 30)
    scores = np.full(purchases.shape, -np.inf)
    scores[:, bought] = purchases[:, bought] @ expected
    for user in np.flatnonzero(~slates.fallback):
        found = scores[user, slates.items[user, : len(bought)]]
        np.testing.assert_allclose(slates.scores[user, : len(bought)], found, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(slates.items[user, len(bought) :], np.setdiff1d(np.arange(30), bought))


def test_two_items_by_hand(log_of, ask, context):
    # Buyers: item 0 {0, 1, 2}, item 1 {1, 2, 3}, item 2 nobody. B_01 = (x_0 . x_1) / (x_0 . x_0 + 1) = 2 / 4.
    model = Ease(EaseConfig(regularization=1.0))
    model.fit(log_of([(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (3, 1)], users=5, items=3), context)
    np.testing.assert_allclose(model.item_weights, [[0.0, 0.5], [0.5, 0.0]], rtol=1e-6)
    slates = model.recommend(ask([0, 3, 1, 4, -1]), 3)
    assert slates.items.tolist() == [[1, 0, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2]]
    np.testing.assert_allclose(slates.scores[:3, :2], [[0.5, 0.0], [0.5, 0.0], [0.5, 0.5]], rtol=1e-6)
    assert slates.fallback.tolist() == [False, False, False, True, True]


def test_keep_leaves_the_largest_weights_of_each_item(context, monkeypatch):
    monkeypatch.setattr(ease, "_ITEMS", 6)
    data = tiny_dataset(4, users=80, items=25)
    whole, sparse, all_kept = (Ease(EaseConfig(regularization=2.0, keep=keep)) for keep in (0, 4, 99))
    for model in (whole, sparse, all_kept):
        model.fit(data, context)
    np.testing.assert_array_equal(all_kept.item_weights.toarray(), whole.item_weights)
    kept = sparse.item_weights.toarray()
    assert ((kept == whole.item_weights) | (kept == 0)).all()
    for j, column in enumerate(whole.item_weights.T):
        np.testing.assert_array_equal(kept[:, j] != 0, np.abs(column) >= np.sort(np.abs(column))[-4])


def test_a_log_without_purchases_of_items(log_of, context):
    with pytest.raises(DataError, match="ease"):
        Ease(EaseConfig(kinds=["purchase"])).fit(log_of([], users=2, items=2), context)


@pytest.mark.parametrize(
    "params", [{"regularization": 0.0}, {"regularization": float("inf")}, {"keep": -1}, {"num_threads": -1}]
)
def test_bad_parameters_of_ease(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        EaseConfig(**params)

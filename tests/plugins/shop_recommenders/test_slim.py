"""SLIM's weights against scikit-learn's elastic net, and its scores by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import ElasticNet

from framework.errors import ConfigError
from framework.testing import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.linear.nonnegative_elastic_net import nonnegative_elastic_nets
from shop_recommenders.linear.slim import Slim, SlimConfig


def _purchases(weights="binary"):
    return tiny_dataset(5, users=120, items=30).matrix(binary=weights == "binary")


def _gram(x):
    gram = (x.T @ x).tocsr()
    gram.sort_indices()
    return gram


def _elastic_nets(x, l1, l2):
    """Solve each column from all the others. scikit-learn divides the squares by 2 n, and multiplies by one alpha."""
    users, items = x.shape
    weights = np.zeros((items, items))
    for j in range(items):
        if x[:, j].any():
            others = x.copy()
            others[:, j] = 0.0
            alpha = (l1 + l2) / users
            net = ElasticNet(
                alpha, l1_ratio=l1 / (l1 + l2), fit_intercept=False, positive=True, tol=1e-10, max_iter=9999
            )
            weights[j] = net.fit(others, x[:, j]).coef_
    return weights


@pytest.mark.reference
@pytest.mark.parametrize("weights", ["binary", "counts"])
@pytest.mark.parametrize(("l1", "l2"), [(1.0, 10.0), (0.1, 0.5), (3.0, 1.0), (0.5, 0.01)])
def test_weights_equal_scikit_learns(weights, l1, l2):
    x = _purchases(weights)
    found = nonnegative_elastic_nets(_gram(x), np.arange(30), l1, l2, tolerance=1e-9, passes=20_000).toarray()
    np.testing.assert_allclose(found, _elastic_nets(x.toarray().astype(np.float64), l1, l2), atol=2e-6)
    assert (found > 0).sum() > 30


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 1.0), (0.0, 0.0), (2.0, 0.0)])
def test_the_conditions_of_the_optimum_hold(l1, l2):
    x = _purchases()
    w = nonnegative_elastic_nets(_gram(x), np.arange(30), l1, l2, tolerance=1e-9).toarray().astype(np.float64)
    dense = x.toarray().astype(np.float64)
    slope = (dense.T @ (dense - dense @ w.T)).T - l1 - l2 * w
    np.fill_diagonal(slope, -1.0)
    assert (w >= 0).all()
    assert not np.diag(w).any()
    assert slope.max() < 1e-4
    np.testing.assert_allclose(slope[w > 0], 0.0, atol=1e-4)


def test_a_coarse_solution_is_near_the_exact_one():
    gram = _gram(_purchases())
    exact = nonnegative_elastic_nets(gram, np.arange(30), 1.0, 10.0, tolerance=1e-9).toarray()
    default = nonnegative_elastic_nets(gram, np.arange(30), 1.0, 10.0).toarray()
    assert np.abs(default - exact).max() < 10 * 1e-4


def test_two_items_solved_by_hand(log_of, ask, context):
    # Buyers: item 0 {0, 1, 2}, item 1 {1, 2, 3}, item 2 {4}. w = (2 - l1) / (3 + l2) both ways.
    events = [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (3, 1), (4, 2)]
    model = Slim(SlimConfig(l1=0.5, l2=2.0))
    model.fit(log_of(events, users=6, items=4), context)
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 1.5 / 5.0
    np.testing.assert_allclose(model.item_weights.toarray(), expected, rtol=1e-6)
    slates = model.recommend(ask([0, 4, 5]), 4)
    assert slates.items.tolist() == [[1, 0, 2, 3]] + [[0, 1, 2, 3]] * 2
    assert slates.scores[0, 0] == np.float32(0.3)
    assert slates.fallback.tolist() == [False, True, True]


def test_weights_point_from_the_item_taken_to_the_item_scored(context):
    data = tiny_dataset(5, users=120, items=30)
    model = Slim(SlimConfig(l1=1.0, l2=10.0))
    model.fit(data, context)
    x = data.matrix(binary=True)
    w = nonnegative_elastic_nets(_gram(x), np.arange(30), 1.0, 10.0).toarray()
    slates = model.recommend(tiny_queries(data), 1)
    for user in np.flatnonzero(~slates.fallback):
        scores = w @ x[user].toarray()[0]
        assert slates.scores[user, 0] == pytest.approx(scores.max(), rel=1e-5)


def test_processes_change_no_byte(tmp_path):
    data = tiny_dataset(5, users=120, items=30)
    found = []
    for processes in (1, 2):
        model = Slim(SlimConfig(processes=processes))
        model.fit(data, tiny_context(tmp_path))
        found.append(model.item_weights)
    assert isinstance(found[0], csr_matrix)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found[0], part), getattr(found[1], part))


@pytest.mark.parametrize(
    "params", [{"l1": -0.1}, {"l2": float("nan")}, {"tolerance": 0.0}, {"tolerance": 1.0}, {"processes": 0}]
)
def test_bad_parameters_of_slim(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        SlimConfig(**params)

"""Walks against the sum over all their steps, written as loops."""

import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from framework.testing import tiny_dataset, tiny_queries
from shop_recommenders.neighbours.rp3beta import Rp3Beta, Rp3BetaConfig, walks


def _walk_scores(counts, alpha, beta):
    """Equation by equation: user u -> item i -> user v -> item j, j not i."""
    users, items = counts.shape
    to_item = np.array([row / row.sum() if row.any() else row for row in counts]) ** alpha
    to_user = np.array([column / column.sum() if column.any() else column for column in counts.T]) ** alpha
    to_item[counts == 0] = to_user[counts.T == 0] = 0.0
    buyers = np.maximum((counts > 0).sum(axis=0), 1)
    scores = np.zeros((users, items))
    for i in range(items):
        for j in range(items):
            if i != j:
                scores[:, j] += to_item[:, i] * (to_user[i] @ to_item[:, j]) / buyers[j] ** beta
    return scores


@pytest.mark.parametrize(
    ("alpha", "beta", "weights"),
    [(1.0, 0.0, "binary"), (1.0, 0.6, "counts"), (0.7, 0.3, "counts"), (1.8, 1.2, "binary")],
)
def test_scores_equal_the_sum_over_walks(context, alpha, beta, weights):
    data = tiny_dataset(9, users=50, items=25)
    model = Rp3Beta(Rp3BetaConfig(alpha, beta, 25, weights))
    model.fit(data, context)
    expected = _walk_scores(data.matrix(binary=weights == "binary").toarray().astype(np.float64), alpha, beta)
    slates = model.recommend(tiny_queries(data), 25)
    for user in np.flatnonzero(~slates.fallback):
        related = int((expected[user] > 0).sum())
        np.testing.assert_allclose(slates.scores[user, :related], np.sort(expected[user])[::-1][:related], rtol=1e-5)


def test_probabilities_of_whole_walks_add_up_to_one(context):
    # With alpha 1 and beta 0 every row sums to the chance not to come back to the same item.
    counts = tiny_dataset(9).matrix()
    to_item = counts.toarray() / np.maximum(counts.sum(axis=1), 1)
    to_user = counts.toarray().T / np.maximum(counts.sum(axis=0), 1).T
    back = np.asarray(np.multiply(to_user, to_item.T).sum(axis=1)).reshape(-1)
    found = np.asarray(walks(counts, 1.0, 0.0, 99).sum(axis=1)).reshape(-1)
    bought = counts.getnnz(axis=0) > 0
    np.testing.assert_allclose(found[bought], 1.0 - back[bought], rtol=1e-5)
    assert not found[~bought].any()


def test_neighbours_are_the_strongest_ways(context):
    counts = tiny_dataset(9, users=90, items=30).matrix()
    whole, few = walks(counts, 1.0, 0.4, 99).toarray(), walks(counts, 1.0, 0.4, 3).toarray()
    for row, kept in zip(whole, few, strict=True):
        order = np.argsort(-row, kind="stable")[:3]
        expected = np.zeros_like(row)
        expected[order] = row[order]
        np.testing.assert_array_equal(kept, expected)


def test_beta_holds_popular_items_back(log_of, ask, context):
    # User 0 took item 0; user 1 took 0, 1 and 2; item 1 has three more buyers.
    events = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 1), (3, 1), (4, 1)]
    for beta, first in ((0.0, 1), (0.5, 2)):
        model = Rp3Beta(Rp3BetaConfig(beta=beta))
        model.fit(log_of(events, users=5, items=3), context)
        assert model.recommend(ask([0]), 1).items.tolist() == [[first]]


def test_rp3beta_without_purchases(log_of, context):
    with pytest.raises(DataError, match="rp3beta"):
        Rp3Beta(Rp3BetaConfig(kinds=["purchase"])).fit(log_of([], users=2, items=2), context)


@pytest.mark.parametrize("params", [{"alpha": 0.0}, {"beta": -0.1}, {"beta": float("nan")}, {"neighbours": 0}])
def test_bad_parameters_of_rp3beta(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        Rp3BetaConfig(**params)

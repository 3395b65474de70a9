"""User neighbours against a dense loop over users, and weights of items against scikit-learn's."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from framework.errors import ConfigError, DataError
from framework.testing import tiny_dataset, tiny_queries
from shop_recommenders.neighbours.user_knn import UserKnn, UserKnnConfig
from shop_recommenders.neighbours.weighting import TermWeights


def _bm25(counts):
    """Robertson and Zaragoza's weights, entry by entry, with k1 = 1.2 and b = 0.75."""
    documents, terms = counts.shape
    average = counts.sum() / documents
    result = np.zeros(counts.shape)
    for d in range(documents):
        for t in range(terms):
            r, having = counts[d, t], (counts[:, t] > 0).sum()
            idf = np.log(1 + (documents - having + 0.5) / (having + 0.5))
            result[d, t] = idf * r * 2.2 / (r + 1.2 * (0.25 + 0.75 * counts[d].sum() / average))
    return result


@pytest.mark.reference
def test_tfidf_equals_scikit_learns():
    counts = tiny_dataset(6).matrix()
    found = TermWeights.of(counts, "tfidf").apply(counts)
    expected = TfidfTransformer(norm=None).fit_transform(counts)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=1e-6)


def test_bm25_equals_a_loop():
    counts = tiny_dataset(6).matrix()
    found = TermWeights.of(counts, "bm25").apply(counts)
    np.testing.assert_allclose(found.toarray(), _bm25(counts.toarray().astype(np.float64)), rtol=1e-6)


def _scores(counts, weighted, neighbours, shrinkage, similarity):
    users = len(counts)
    result = np.zeros(counts.shape)
    for u in range(users):
        found = []
        for v in range(users):
            dot = weighted[u] @ weighted[v]
            if u != v and dot > 0:
                square, other = weighted[u] @ weighted[u], weighted[v] @ weighted[v]
                below = np.sqrt(square * other) if similarity == "cosine" else square + other - dot
                found.append((-np.float32(dot / (below + shrinkage)), v))
        for value, v in sorted(found)[:neighbours]:
            result[u] -= value * counts[v]
    return result


@pytest.mark.parametrize(
    ("similarity", "weighting", "weights", "neighbours"),
    [
        ("cosine", "none", "binary", 5),
        ("jaccard", "none", "binary", 20),
        ("cosine", "tfidf", "counts", 500),
        ("jaccard", "bm25", "counts", 8),
    ],
)
def test_scores_equal_a_dense_loop(context, similarity, weighting, weights, neighbours):
    data = tiny_dataset(8, users=70, items=40)
    model = UserKnn(UserKnnConfig(neighbours, 2.0, similarity, weighting, weights))
    model.fit(data, context)
    counts = data.matrix(binary=weights == "binary")
    dense = counts.toarray().astype(np.float64)
    weighted = {
        "none": lambda: dense,
        "tfidf": lambda: TfidfTransformer(norm=None).fit_transform(counts.astype(np.float64)).toarray(),
        "bm25": lambda: _bm25(dense),
    }[weighting]()
    expected = _scores(dense, weighted, neighbours, 2.0, similarity)
    slates = model.recommend(tiny_queries(data), 40)
    for user in np.flatnonzero(~slates.fallback):
        related = int((expected[user] > 0).sum())
        np.testing.assert_allclose(slates.scores[user, :related], np.sort(expected[user])[::-1][:related], rtol=1e-5)
        assert (slates.scores[user, related:] < 0).all()


def test_similar_users_by_hand(log_of, ask, context):
    # Users 0 and 1 share one item of three; user 2 is alone, user 3 took nothing.
    model = UserKnn(UserKnnConfig(similarity="jaccard", shrinkage=0.0))
    model.fit(log_of([(0, 0), (0, 1), (1, 1), (1, 2), (2, 3)], users=4, items=5), context)
    found = model.neighbours(model._purchases, np.arange(4, dtype=np.int32)).toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 1 / 3
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    slates = model.recommend(ask([0, 2, 3, -1]), 5)
    assert slates.items[0].tolist() == [1, 2, 0, 3, 4]
    assert slates.fallback.tolist() == [False, True, True, True]


def test_user_knn_without_purchases(log_of, context):
    with pytest.raises(DataError, match="user_knn"):
        UserKnn(UserKnnConfig(kinds=["purchase"])).fit(log_of([], users=2, items=2), context)


@pytest.mark.parametrize("params", [{"neighbours": 0}, {"shrinkage": -0.5}, {"shrinkage": float("nan")}])
def test_bad_parameters_of_user_knn(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        UserKnnConfig(**params)

"""Item neighbours against similarities by hand and by a dense double loop."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics.pairwise import cosine_similarity

from framework.errors import ConfigError
from framework.testing import tiny_dataset, tiny_queries
from shop_recommenders.neighbours.item_knn import ItemKnn, ItemKnnConfig, similar_items


def test_similarity_by_hand(log_of):
    # Buyers: item 0 {0, 1, 2}, item 1 {0, 1}, item 2 {2}, item 3 nobody.
    purchases = log_of([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 2)], users=3, items=4).matrix()
    similarity = similar_items(purchases, 5, 1.0, own_items=False).toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 2 / (np.sqrt(6) + 1)
    expected[0, 2] = expected[2, 0] = 1 / (np.sqrt(3) + 1)
    np.testing.assert_allclose(similarity, expected, rtol=1e-6)
    own = similar_items(purchases, 1, 1.0, own_items=True).toarray()
    np.testing.assert_allclose(np.diag(own), [3 / 4, 2 / 3, 1 / 2, 0], rtol=1e-6)
    assert (own > 0).sum(axis=1).tolist() == [2, 2, 2, 0]  # the one neighbour, and the item itself beside it
    assert own[0, 2] == 0


def _dense(purchases, neighbours, shrinkage, own_items):
    x = purchases.toarray().astype(np.float64)
    count = x.shape[1]
    result = np.zeros((count, count))
    for i in range(count):
        found = []
        for j in range(count):
            dot = x[:, i] @ x[:, j]
            if dot > 0:
                value = dot / (np.linalg.norm(x[:, i]) * np.linalg.norm(x[:, j]) + shrinkage)
                if i != j:
                    found.append((-np.float32(value), j))
                elif own_items:
                    result[i, i] = value
        for value, j in sorted(found)[:neighbours]:
            result[i, j] = -value
    return result


@pytest.mark.parametrize(
    ("weights", "neighbours", "own_items"), [("binary", 4, True), ("counts", 50, False), ("counts", 1, True)]
)
def test_similarity_and_scores_equal_a_dense_loop(context, weights, neighbours, own_items):
    data = tiny_dataset(7, users=90, items=40)
    model = ItemKnn(ItemKnnConfig(neighbours=neighbours, shrinkage=3.0, own_items=own_items, weights=weights))
    model.fit(data, context)
    purchases = data.matrix(binary=weights == "binary")
    expected = _dense(purchases, neighbours, 3.0, own_items)
    np.testing.assert_allclose(model.similarity.toarray(), expected, rtol=1e-6)
    slates = model.recommend(tiny_queries(data), 40)
    for user in np.flatnonzero(~slates.fallback)[:20]:
        scores = purchases[user].toarray()[0] @ expected
        related = int((scores > 0).sum())
        np.testing.assert_allclose(slates.scores[user, :related], np.sort(scores)[::-1][:related], rtol=1e-5)
        np.testing.assert_allclose(scores[slates.items[user, :related]], slates.scores[user, :related], rtol=1e-5)
        assert (slates.scores[user, related:] < 0).all()


def test_blocks_of_items_join_without_a_seam(log_of):
    rng = np.random.default_rng(0)
    pairs = {(int(u), int(i)) for u, i in zip(rng.integers(0, 60, 3000), rng.integers(0, 600, 3000), strict=True)}
    purchases = log_of(sorted(pairs), users=60, items=600).matrix(binary=True)
    found = similar_items(purchases, 600, 2.0, own_items=True).toarray()
    x = purchases.toarray().astype(np.float64)
    norms = np.sqrt(x.sum(axis=0))
    np.testing.assert_allclose(found, x.T @ x / (np.outer(norms, norms) + 2.0), rtol=1e-6)


def test_unrelated_items_follow_by_popularity_and_lonely_users_fall_back(log_of, ask, context):
    # Items 0 and 1 go together; 2 has three other buyers, 3 two of them, 4 one user alone, 5 nobody.
    events = [(0, 0), (0, 1), (1, 0), (2, 2), (3, 2), (4, 2), (2, 3), (3, 3), (5, 4)]
    model = ItemKnn(ItemKnnConfig(own_items=False))
    model.fit(log_of(events, users=7, items=6), context)
    slates = model.recommend(ask([1, 5, 6, -1]), 6)
    assert slates.items[0].tolist() == [1, 2, 0, 3, 4, 5]
    assert slates.scores[0, 0] > 0 > slates.scores[0, 1]
    assert slates.fallback.tolist() == [False, True, True, True]
    assert slates.items[1:].tolist() == [[2, 0, 3, 1, 4, 5]] * 3


def test_jaccard_by_hand(log_of):
    # Buyers: item 0 {0, 1, 2}, item 1 {0, 1}, item 2 {2}, item 3 nobody. Shared over all: 2/3, 1/3, 0.
    purchases = log_of([(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 2)], users=3, items=4).matrix()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 2 / 3
    expected[0, 2] = expected[2, 0] = 1 / 3
    for shrinkage, share in ((0.0, 1.0), (3.0, 0.5)):  # the denominators are 3: 3 more halves them
        found = similar_items(purchases, 5, shrinkage, own_items=False, similarity="jaccard").toarray()
        np.testing.assert_allclose(found, expected * share, rtol=1e-6)


@pytest.mark.reference
def test_tfidf_cosine_equals_scikit_learns():
    counts = tiny_dataset(7, users=90, items=40).matrix()
    found = similar_items(counts, 40, 0.0, own_items=True, weighting="tfidf").toarray()
    expected = cosine_similarity(TfidfTransformer().fit_transform(counts.T.tocsr().astype(np.float64)))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_bm25_makes_users_of_many_items_say_less(log_of):
    # Item 0 shares its only two buyers with items 1 and 2: one who took all, and one who took these two alone.
    events = [(0, 0), (0, 1), (0, 3), (0, 4), (0, 5), (1, 0), (1, 2), *((u, 1) for u in (2,)), (3, 2)]
    purchases = log_of(events, users=4, items=6).matrix()
    plain = similar_items(purchases, 6, 0.0, own_items=False).toarray()
    weighted = similar_items(purchases, 6, 0.0, own_items=False, weighting="bm25").toarray()
    assert plain[0, 1] == plain[0, 2]
    assert weighted[0, 1] < weighted[0, 2]


@pytest.mark.parametrize("params", [{"neighbours": 0}, {"shrinkage": -0.5}, {"shrinkage": float("nan")}])
def test_bad_parameters(params):
    with pytest.raises(ConfigError, match=next(iter(params))):
        ItemKnnConfig(**params)

"""PureSVD against numpy's dense decomposition."""

import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from framework.testing import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.factors.pure_svd import PureSvd, PureSvdConfig, directions


@pytest.mark.reference
@pytest.mark.parametrize("factors", [1, 5, 12, 13, 40])
def test_directions_equal_numpys(factors):
    # 12 of 25 go by Lanczos steps, 13 and more by the dense way.
    counts = tiny_dataset(2, users=70, items=25).matrix()
    _, strength, vectors = np.linalg.svd(counts.toarray().astype(np.float64), full_matrices=False)
    count = min(factors, int((strength > 1e-6 * strength[0]).sum()))
    found = directions(counts, factors)
    assert found.shape == (25, count)
    np.testing.assert_allclose(found @ found.T, vectors[:count].T @ vectors[:count], atol=1e-5)
    np.testing.assert_allclose(found.T @ found, np.eye(count), atol=1e-5)
    strengths = np.linalg.norm(counts.toarray() @ found, axis=0)
    np.testing.assert_allclose(strengths, strength[:count], rtol=1e-5)
    assert (found[np.abs(found).argmax(axis=0), np.arange(count)] > 0).all()


def test_scores_are_those_of_the_closest_matrix(context):
    data = tiny_dataset(2, users=70, items=25)
    model = PureSvd(PureSvdConfig(factors=4, weights="counts"))
    model.fit(data, context)
    counts = data.matrix().toarray().astype(np.float64)
    left, strength, right = np.linalg.svd(counts, full_matrices=False)
    closest = left[:, :4] * strength[:4] @ right[:4]
    bought = np.flatnonzero(counts.any(axis=0))
    slates = model.recommend(tiny_queries(data), 25)
    for user in np.flatnonzero(~slates.fallback):
        shown = slates.items[user, : len(bought)]
        np.testing.assert_array_equal(np.sort(shown), bought)
        np.testing.assert_allclose(slates.scores[user, : len(bought)], closest[user, shown], atol=1e-4)
        assert slates.items[user, len(bought) :].tolist() == np.setdiff1d(np.arange(25), bought).tolist()


def test_whole_scores_are_the_same_alone_and_among_others(tmp_path):
    data = tiny_dataset(3, users=200, items=50)
    model = PureSvd(PureSvdConfig(factors=10))
    model.fit(data, tiny_context(tmp_path))
    queries = tiny_queries(data)
    whole = model.recommend(queries, 50)
    for row in range(0, 200, 17):
        alone = model.recommend(queries.take(np.array([row])), 50)
        np.testing.assert_array_equal(alone.scores[0], whole.scores[row])


def test_pure_svd_without_purchases(log_of, context):
    with pytest.raises(DataError, match="pure_svd"):
        PureSvd(PureSvdConfig(kinds=["purchase"])).fit(log_of([], users=2, items=2), context)


def test_bad_factors_of_pure_svd():
    with pytest.raises(ConfigError, match="factors"):
        PureSvdConfig(factors=0)

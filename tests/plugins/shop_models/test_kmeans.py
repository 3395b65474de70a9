import dataclasses

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from framework.data.tables import FeatureTable
from framework.errors import ConfigError, PluginError
from framework.testing import tiny_context, tiny_dataset
from shop_models.clusterers.kmeans import Kmeans, KmeansConfig
from shop_models.group_names import name_groups

NAMES = ("recency_days", "frequency", "monetary", "tenure_days")
FEW = {"splits": 4, "restarts": 3, "k_max": 6, "log": []}


def users(values, names=NAMES):
    ids = np.array([f"u{place:06d}" for place in range(len(values))])
    features = FeatureTable(names, np.asarray(values, dtype=float))
    return dataclasses.replace(tiny_dataset(), users=ids, features=features, segments=None, segment_names=())


def fitted(data, folder, seed=0, **params):
    model = Kmeans(KmeansConfig(**{**FEW, **params}))
    model.fit(data, tiny_context(folder, seed))
    return model


def blobs(seed, sizes=(200, 200, 200), apart=7.0):
    """Gaussian groups, the first one the most profitable."""
    rng = np.random.default_rng(seed)
    centers = np.array([[0, 1, 2, 0], [1, 0, 0, 1], [2, 2, 1, 0], [0, 0, 1.5, 2]])[: len(sizes)] * apart + 20
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return users(rng.normal(size=(len(truth), 4)) + centers[truth]), truth


def cloud(seed, correlation=0.0, n=500):
    rng = np.random.default_rng(seed)
    covariance = np.full((4, 4), correlation) + np.eye(4) * (1 - correlation)
    return users(rng.multivariate_normal(np.full(4, 20.0), covariance, size=n))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(200, 200, 200), (300, 120, 60), (150, 150, 150, 150)])
def test_planted_groups_are_found(seed, sizes, tmp_path):
    data, truth = blobs(seed, sizes)
    found = fitted(data, tmp_path, seed=seed).segment(data)
    assert adjusted_rand_score(truth, found.labels) > 0.98
    assert found.notes[0].startswith(f"k = {len(sizes)}, chosen by stability")
    assert any("k = 2:" in note and "k = 6:" in note for note in found.notes)
    assert any(note.startswith("silhouette 0.") for note in found.notes)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_a_cloud_without_groups_is_one_group(correlation, tmp_path):
    # With 19 draws a Gaussian cloud that is cut stably still passes 5 % of the time; none of 4 is seen in 81 %.
    found = [fitted(cloud(s, correlation), tmp_path, seed=s) for s in range(4)]
    assert sum(model.users.names == ("everyone",) for model in found) >= 3
    assert all(model.users.notes[0].startswith("one group") for model in found if model.users.names == ("everyone",))


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8, 0.95])
def test_clouds_are_rarely_split(correlation, tmp_path):
    # At most 5 % expected; 40 seeds, so 7 or more would come by chance with probability 0.003.
    found = [fitted(cloud(s, correlation), tmp_path, seed=s).users.names for s in range(40)]
    assert sum(names != ("everyone",) for names in found) <= 6


def test_floor_forbids_small_groups(tmp_path):
    data, _ = blobs(1, (300, 300, 30))
    assert len(fitted(data, tmp_path, floor=20).users.names) == 3
    sizes = np.bincount(fitted(data, tmp_path, floor=50).segment(data).labels)
    assert sizes[sizes > 0].min() >= 50
    alone = fitted(data, tmp_path, floor=400)
    assert alone.users.names == ("everyone",)
    assert "no split leaves 400 users" in alone.users.notes[0]


def test_given_k_is_kept_and_small_groups_are_noted(tmp_path):
    data, _ = blobs(1, (300, 300, 30))
    model = fitted(data, tmp_path, k=3, floor=50)
    assert model.users.notes[0] == "k = 3, as given"
    assert "smallest group has 30 users, below the floor of 50" in model.users.notes[-1]
    assert not any("warning" in note for note in fitted(data, tmp_path, k=3, floor=30).users.notes)


def test_groups_are_ordered_by_money_whatever_the_seed(tmp_path):
    data, _ = blobs(2)
    found = [fitted(data, tmp_path, seed=seed, k=3).segment(data) for seed in range(4)]
    means = [data.features.column("monetary")[found[0].labels == label].mean() for label in range(3)]
    assert means == sorted(means, reverse=True)
    for other in found[1:]:
        np.testing.assert_array_equal(other.labels, found[0].labels)
        assert other.names == found[0].names


def test_names_say_what_stands_out():
    centers = np.array([[-1.2, 0.1, 1.5, 0.0], [0.2, 0.1, -0.3, 0.2], [1.4, -0.8, -0.1, 0.0]])
    assert name_groups(NAMES, centers) == ("high spending, active lately", "average", "long away, few orders")


def test_equal_names_are_told_apart():
    centers = np.array([[-1.2, 0.1, 1.5, 0.9], [-1.2, 0.1, 1.5, -0.9], [0, 0, 0, 0], [0.1, 0, 0, 0]])
    assert name_groups(NAMES, centers) == (
        "high spending, active lately, long-standing",
        "high spending, active lately, new",
        "average (1)",
        "average (2)",
    )


def test_undefined_values_become_the_median(tmp_path):
    data, _ = blobs(3)
    values = data.features.values.copy()
    values[::10, 3] = np.nan
    filled = values.copy()
    filled[::10, 3] = np.nanmedian(values[:, 3])
    one = fitted(users(values), tmp_path, k=3).segment(users(values))
    other = fitted(users(filled), tmp_path, k=3).segment(users(filled))
    np.testing.assert_array_equal(one.labels, other.labels)


def test_users_without_purchases_stand_apart_unless_asked(tmp_path):
    data, _ = blobs(4)
    values = np.concatenate([data.features.values, [[np.nan, 0, 0, 3]] * 5])
    found = fitted(users(values), tmp_path, k=3).segment(users(values))
    assert found.names[-1] == "no purchase yet"
    assert np.bincount(found.labels)[-1] == 5
    assert np.all(found.labels[-5:] == 3)
    every = fitted(users(values), tmp_path, k=3, buyers_only=False).segment(users(values))
    assert len(every.names) == 3


def test_patterns_and_constant_features(tmp_path):
    data, truth = blobs(5)
    values = np.column_stack([data.features.values, np.ones(len(truth)), np.full(len(truth), 0.1)])
    wide = users(values, (*NAMES, "category_share_a", "category_share_b"))
    found = fitted(wide, tmp_path, features=[*NAMES, "category_share_*"], k=3)
    assert found.users.space.names[-2:] == ("category_share_a", "category_share_b")
    assert adjusted_rand_score(truth, found.segment(wide).labels) > 0.98


def test_few_users_are_one_group(tmp_path):
    for n in (1, 3, 9):
        data = users(np.random.default_rng(n).normal(20, 1, (n, 4)))
        assert fitted(data, tmp_path).segment(data).labels.tolist() == [0] * n
    nobody = users([[np.nan, 0, 0, 1]] * 3)
    assert fitted(nobody, tmp_path).segment(nobody).labels.tolist() == [1] * 3


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"k": 0}, "k is 0.*1 or more"),
        ({"k_max": 1}, "k_max is 1"),
        ({"reference_draws": 5}, "reference_draws is 5.*19 or more"),
        ({"features": []}, "has no features"),
        ({"features": ["recency_day"]}, "no feature matches 'recency_day'.*Did you mean 'recency_days'"),
        ({"k": 7}, "k is 7, but only 5 distinct users"),
    ],
)
def test_impossible_configs_are_refused(params, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        fitted(users(np.arange(20).reshape(5, 4) + 1), tmp_path, **params)


def test_segments_need_a_fit():
    with pytest.raises(PluginError, match="before it was fitted"):
        Kmeans(KmeansConfig()).segment(tiny_dataset())

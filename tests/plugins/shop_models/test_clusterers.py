"""gmm, hdbscan, k_prototypes: planted groups, no groups, users not seen, and small cases by hand."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score

from framework.errors import ConfigError, PluginError
from framework.testing import tiny_dataset
from shop_models.clusterers.favourites import NONE, favourites
from shop_models.clusterers.gmm import Gmm, GmmConfig
from shop_models.clusterers.hdbscan import NO_GROUP, DenseRegions, Hdbscan, HdbscanConfig
from shop_models.clusterers.k_prototypes import KPrototypes, KPrototypesConfig, Prototypes, k_prototypes
from shop_models.clusterers.kmeans import Kmeans, KmeansConfig
from tests.plugins.shop_models.grouped_shops import blobs, cloud, fitted, users

GMM = {"splits": 2, "restarts": 1, "k_max": 4, "log": []}
KP = {"splits": 3, "restarts": 2, "k_max": 4, "log": [], "reference_draws": 19}


@pytest.mark.parametrize("sizes", [(200, 200, 200), (150, 150, 150, 150)])
def test_gmm_finds_planted_groups(sizes, tmp_path):
    data, truth = blobs(0, sizes)
    found = fitted(Gmm(GmmConfig(**GMM)), data, tmp_path).segment(data)
    assert adjusted_rand_score(truth, found.labels) > 0.98
    assert found.notes[0].startswith(f"k = {len(sizes)}, the lowest BIC")
    assert "BIC of one group" in found.notes[1]
    worth = [data.features.column("monetary")[found.labels == place].mean() for place in range(len(sizes))]
    assert worth == sorted(worth, reverse=True)


def test_gmm_parts_long_groups_that_k_means_cuts_across(tmp_path):
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1], 300)
    values = rng.normal(size=(600, 4)) * [12.0, 0.5, 0.5, 0.5] + 30
    values[:, 1] += 3.0 * truth
    data = users(values)
    mixture = fitted(Gmm(GmmConfig(**{**GMM, "k": 2})), data, tmp_path).segment(data)
    # Only the second feature tells them apart; among four of equal spread k-means finds no more than part of it.
    assert adjusted_rand_score(truth, mixture.labels) > 0.95


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_gmm_sees_one_group_in_one_cloud(correlation, tmp_path):
    for seed in range(2):
        found = fitted(Gmm(GmmConfig(**GMM)), cloud(seed, 300, correlation), tmp_path, seed).users
        assert found.names == ("everyone",)
        assert found.notes[0].startswith("one group")


def test_gmm_of_few_or_no_users(tmp_path):
    for n in (1, 3, 9):
        data = users(np.random.default_rng(n).normal(20, 1, (n, 4)))
        assert fitted(Gmm(GmmConfig(**GMM)), data, tmp_path).segment(data).labels.tolist() == [0] * n
    nobody = users([[np.nan, 0, 0, 1]] * 3)
    assert fitted(Gmm(GmmConfig(**GMM)), nobody, tmp_path).segment(nobody).labels.tolist() == [1] * 3


def ring(seed, n=400):
    """A ring around a disc: no centre tells them apart, and a few users far off."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    around = np.stack([10 * np.cos(angle), 10 * np.sin(angle)], axis=1) + rng.normal(0, 0.3, (n, 2))
    far = np.array([[40.0, 40.0], [-40.0, 38.0], [42.0, -40.0]])
    points = np.concatenate([around, rng.normal(0, 1.2, (n, 2)), far])
    values = np.column_stack([points + 50, np.concatenate([np.ones(n), np.full(n, 9), np.ones(3)])])
    truth = np.concatenate([np.zeros(n), np.ones(n), np.full(3, 2)])
    return users(values, ("basket_size", "frequency", "monetary")), truth


HD = {"features": ["basket_size", "frequency"], "log": [], "splits": 3, "buyers_only": False}


def test_hdbscan_finds_dense_regions_of_any_shape(tmp_path):
    data, truth = ring(0)
    found = fitted(Hdbscan(HdbscanConfig(**HD)), data, tmp_path).segment(data)
    assert adjusted_rand_score(truth[:800], found.labels[:800]) > 0.95
    assert found.names[-1] == NO_GROUP
    assert np.all(found.labels[-3:] == len(found.names) - 1)
    # Groups by worth: the disc spends more.
    assert np.bincount(found.labels[400:800]).argmax() == 0


def test_hdbscan_places_users_it_did_not_see_as_those_it_saw(tmp_path):
    data, _ = ring(0)
    model = fitted(Hdbscan(HdbscanConfig(**HD)), data, tmp_path)
    fresh, truth = ring(1)
    found = model.segment(fresh)
    # Another shop of the same shape; its users far off are far off here too.
    placed = found.labels[:800] != len(found.names) - 1
    assert placed.mean() > 0.8
    assert adjusted_rand_score(truth[:800][placed], found.labels[:800][placed]) > 0.99
    assert np.all(found.labels[-3:] == len(found.names) - 1)


def test_hdbscan_keeps_the_users_it_saw_where_scikit_learn_put_them():
    data, _ = ring(2)
    points = data.features.values[:, :2]
    regions = DenseRegions.find(points, floor=50, neighbours=10, merge=0.0)
    outside = HDBSCAN(min_cluster_size=50, min_samples=10, copy=True).fit_predict(points)
    np.testing.assert_array_equal(regions.memberships(points, 10), np.where(outside < 0, regions.count, outside))


def test_hdbscan_reach_by_the_definition():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(12, 2)), rng.normal(size=(12, 2)) + 30])
    regions = DenseRegions.find(points, floor=5, neighbours=3, merge=0.0)
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    core = np.sort(distance, axis=1)[:, 2]
    np.testing.assert_allclose(regions.core, core)
    mutual = np.maximum(np.maximum(distance, core[:, None]), core[None])
    np.fill_diagonal(mutual, np.inf)
    for k in range(regions.count):
        inside = np.flatnonzero(regions.labels == k)
        assert regions.reach[k] == pytest.approx(mutual[np.ix_(inside, inside)].min(axis=1).max())


def test_hdbscan_without_two_regions_is_one_group(tmp_path):
    for seed in range(3):
        assert fitted(Hdbscan(HdbscanConfig(log=())), cloud(seed), tmp_path, seed).users.names == ("everyone",)
    few = users(np.random.default_rng(0).normal(20, 1, (9, 4)))
    assert fitted(Hdbscan(HdbscanConfig(log=())), few, tmp_path).segment(few).labels.tolist() == [0] * 9


def test_k_prototypes_reach_the_least_cost_of_all_groupings():
    rng = np.random.default_rng(0)
    for seed in range(5):
        numbers, codes = rng.normal(size=(8, 2)), rng.integers(0, 3, (8, 2))
        found = k_prototypes(numbers, codes, 2, gamma=0.7, restarts=40, rng=np.random.default_rng(seed))

        def cost(labels, numbers=numbers, codes=codes):
            total = 0.0
            for group in (0, 1):
                inside = np.array(labels) == group
                if inside.any():
                    total += ((numbers[inside] - numbers[inside].mean(axis=0)) ** 2).sum()
                    total += 0.7 * sum(inside.sum() - np.bincount(column).max() for column in codes[inside].T)
            return total

        assert found.cost == pytest.approx(min(cost(labels) for labels in product((0, 1), repeat=8)))


def test_k_prototypes_without_weight_on_categories_is_k_means():
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(size=(50, 3)), rng.normal(size=(50, 3)) + 6])
    found = k_prototypes(points, rng.integers(0, 2, (100, 1)), 2, gamma=1e-9, restarts=5, rng=np.random.default_rng(0))
    means = np.stack([points[:50].mean(axis=0), points[50:].mean(axis=0)])
    np.testing.assert_allclose(np.sort(found.numbers, axis=0), np.sort(means, axis=0))


def test_prototypes_by_hand():
    at = Prototypes(np.array([[0.0], [2.0]]), np.array([[0], [1]]), 0.5, 0.0)
    np.testing.assert_allclose(at.distances(np.array([[1.0], [1.5]]), np.array([[0], [1]])), [[1.0, 1.5], [2.75, 0.25]])
    # 1.25 - 0.25 = 1.0 apart in numbers; at 1.125 the category outweighs it, and at the edge the lower number wins.
    assert at.assign(np.array([[1.125], [1.2], [1.125]]), np.array([[0], [0], [1]])).tolist() == [0, 1, 1]


def test_k_prototypes_tell_groups_by_category_where_numbers_do_not(tmp_path):
    data = tiny_dataset(users=60)
    model = fitted(
        KPrototypes(KPrototypesConfig(**{**KP, "k": 3, "gamma": 50.0, "categorical": ["category"]})), data, tmp_path
    )
    found = model.segment(data)
    code, words = favourites(data, ["category"])
    bought = found.labels < 3
    assert adjusted_rand_score(code[bought, 0], found.labels[bought]) == 1.0
    assert any(f"Favourites: category {words[0][1]}" in text for text in found.descriptions)


def test_favourites_by_hand():
    data = tiny_dataset()
    codes, words = favourites(data, ["category", "weekday", "daytime"])
    bought = data.events.of_kind("purchase")
    assert words[1] == (NONE, "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    for user in range(len(data.users)):
        mine = bought.where(bought.user == user)
        if not len(mine):
            assert codes[user].tolist() == [0, 0, 0]
            continue
        moments = mine.time.astype("datetime64[us]").astype(object)
        days = np.bincount([moment.weekday() for moment in moments], minlength=7)
        hours = np.bincount([moment.hour // 6 for moment in moments], minlength=4)
        kinds = np.bincount(data.item_table.category[mine.item], minlength=3)
        assert codes[user].tolist() == [kinds.argmax() + 1, days.argmax() + 1, hours.argmax() + 1]


def test_k_prototypes_find_the_number_of_groups_and_none_in_a_cloud(tmp_path):
    data, truth = blobs(0, (150, 150, 150))
    data = dataclasses.replace(data, events=data.events.where(np.zeros(len(data.events), dtype=bool)))
    found = fitted(KPrototypes(KPrototypesConfig(**KP)), data, tmp_path).segment(data)
    assert adjusted_rand_score(truth, found.labels) > 0.98
    flat = cloud(1, n=300)
    assert fitted(KPrototypes(KPrototypesConfig(**KP)), flat, tmp_path).users.names == ("everyone",)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gmm(GmmConfig(covariance="round")), "covariance is 'round'.*full"),
        (lambda: Gmm(GmmConfig(regularization=0.0)), "regularization is 0"),
        (lambda: Gmm(GmmConfig(features=())), "has no features"),
        (lambda: Hdbscan(HdbscanConfig(neighbours=1)), "neighbours is 1.*2 or more"),
        (lambda: Hdbscan(HdbscanConfig(floor=0)), "floor is 0"),
        (lambda: KPrototypes(KPrototypesConfig(gamma=-1.0)), "gamma is -1"),
        (lambda: KPrototypes(KPrototypesConfig(categorical=("season",))), "categorical is.*season.*weekday"),
        (lambda: KPrototypes(KPrototypesConfig(categorical=())), "take kmeans"),
    ],
)
def test_impossible_configs_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("model", [Gmm(GmmConfig()), Hdbscan(HdbscanConfig()), KPrototypes(KPrototypesConfig())])
def test_segments_need_a_fit(model):
    with pytest.raises(PluginError, match="before it was fitted"):
        model.segment(tiny_dataset())


def test_a_k_that_no_users_make_is_refused(tmp_path):
    data = users(np.arange(20).reshape(5, 4) + 1)
    for model in (Gmm(GmmConfig(k=7)), KPrototypes(KPrototypesConfig(k=7)), Kmeans(KmeansConfig(k=7))):
        with pytest.raises(ConfigError, match="k is 7, but only 5 distinct users"):
            fitted(model, data, tmp_path)

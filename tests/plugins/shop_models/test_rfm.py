import dataclasses
import itertools

import numpy as np
import pytest

from framework.data.tables import FeatureTable
from framework.errors import ConfigError, DataError, PluginError
from framework.testing import tiny_context, tiny_dataset
from shop_models.rfm import Rfm, RfmConfig


def users(recency, frequency, monetary):
    """A data set whose users have just these features."""
    values = np.array([recency, frequency, monetary], dtype=float).T
    ids = np.array([f"u{place:06d}" for place in range(len(values))])
    features = FeatureTable(("recency_days", "frequency", "monetary"), values)
    return dataclasses.replace(tiny_dataset(), users=ids, features=features, segments=None, segment_names=())


def permuted(data, order):
    return dataclasses.replace(data, features=FeatureTable(data.features.names, data.features.values[order]))


def fitted(data, folder, **params):
    model = Rfm(RfmConfig(**params))
    model.fit(data, tiny_context(folder))
    return model


def many(seed, n=2000):
    rng = np.random.default_rng(seed)
    frequency = rng.geometric(0.5, n)
    return users(rng.integers(0, 60, n), frequency, frequency * rng.integers(1, 9, n) * 500)


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_rows_changes_no_score(seed, tmp_path):
    data = many(seed)
    order = np.random.default_rng(seed).permutation(2000)
    scores = fitted(data, tmp_path).scores(data)
    other = permuted(data, order)
    np.testing.assert_array_equal(fitted(other, tmp_path).scores(other), scores[order])


@pytest.mark.parametrize("seed", range(5))
def test_equal_values_get_equal_scores_and_order_is_kept(seed, tmp_path):
    data = many(seed)
    scores = fitted(data, tmp_path).scores(data)
    for column, sign in ((0, -1), (1, 1), (2, 1)):
        by_value = {}
        for value, score in zip(data.features.values[:, column], scores[:, column], strict=True):
            by_value.setdefault(value, set()).add(score)
        assert all(len(found) == 1 for found in by_value.values())
        ranked = [next(iter(by_value[value])) for value in sorted(by_value, key=lambda value: sign * value)]
        assert ranked == sorted(ranked)


def test_quintiles_hold_a_fifth_each_where_no_values_tie(tmp_path):
    order = np.random.default_rng(0).permutation(1000) + 1.0
    scores = fitted(users(order, order, order), tmp_path).scores(users(order, order, order))
    for column in range(3):
        assert np.bincount(scores[:, column])[1:].tolist() == [200] * 5
    best = np.argmax(order)
    assert scores[best].tolist() == [1, 5, 5]


def test_fixed_cut_points_and_the_value_on_a_cut(tmp_path):
    data = users([5, 30, 31, 90, 91], [1, 2, 3, 4, 5], [100, 1000, 1001, 5000, 5001])
    rules = [{"name": "best", "recency": [3, 3]}, {"name": "rest"}]
    model = fitted(data, tmp_path, recency_days=[30, 90], frequency=[2, 4], monetary=[1000, 5000], segments=rules)
    # A value on a cut point has not passed it: 30 days are not fewer than 30, 2 orders not more than 2.
    assert model.scores(data).T.tolist() == [[3, 2, 2, 1, 1], [1, 1, 2, 2, 3], [1, 1, 2, 2, 3]]
    found = model.segment(data)
    assert found.names == ("best", "rest", "no purchase yet")
    assert found.labels.tolist() == [0, 1, 1, 1, 1]


def test_first_rule_wins_and_others_take_what_is_left(tmp_path):
    data = users([1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [5, 4, 3, 2, 1])
    rules = [{"name": "a", "recency": [4, 5]}, {"name": "b", "recency": [3, 5]}]
    found = fitted(data, tmp_path, segments=rules).segment(data)
    assert [found.names[label] for label in found.labels] == ["a", "a", "b", "others", "others"]


def test_default_rules_cover_every_combination_of_scores(tmp_path):
    cuts = [1.5, 2.5, 3.5, 4.5]
    grid = np.array(list(itertools.product(range(1, 6), repeat=3)))
    data = users(*grid.T)
    found = fitted(data, tmp_path, recency_days=cuts, frequency=cuts, monetary=cuts).segment(data)
    assert "others" not in found.names
    used = {found.names[label] for label in found.labels}
    assert used == set(found.names) - {"no purchase yet"}
    assert found.names[found.labels[(grid == [1, 5, 5]).all(axis=1).argmax()]] == "champions"
    assert found.names[found.labels[(grid == [1, 1, 1]).all(axis=1).argmax()]] == "new customers"
    assert found.names[found.labels[(grid == [5, 1, 1]).all(axis=1).argmax()]] == "lost"


def test_users_without_purchases_stand_apart_and_do_not_move_the_cuts(tmp_path):
    nan = float("nan")
    alone = users([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    mixed = users([1, 2, 3, 4, 5, nan, nan], [1, 2, 3, 4, 5, 0, nan], [1, 2, 3, 4, 5, 0, nan])
    scores = fitted(mixed, tmp_path).scores(mixed)
    np.testing.assert_array_equal(scores[:5], fitted(alone, tmp_path).scores(alone))
    found = fitted(mixed, tmp_path).segment(mixed)
    assert [found.names[label] for label in found.labels[5:]] == ["no purchase yet"] * 2


def test_a_log_without_any_purchase_is_one_segment(tmp_path):
    data = users([float("nan")] * 3, [0, 0, 0], [0, 0, 0])
    found = fitted(data, tmp_path).segment(data)
    assert {found.names[label] for label in found.labels} == {"no purchase yet"}


def test_many_equal_values_are_told_in_a_note(tmp_path):
    data = users(range(10), [1] * 9 + [7], range(1, 11))
    assert any("frequency: cut points coincide" in note for note in fitted(data, tmp_path).segment(data).notes)


def test_descriptions_say_the_actual_ranges(tmp_path):
    data = users([3, 9, 100], [4, 6, 1], [1234, 2000, 500])
    rules = [{"name": "near", "recency": [2, 2]}, {"name": "far"}]
    found = fitted(data, tmp_path, recency_days=[50], segments=rules).segment(data)
    assert found.descriptions == (
        "Last bought 3 to 9 days ago (median 6), 4 to 6 orders (median 5), 12.34 to 20.00 GBP in total (median 16.17).",
        "Last bought 100 days ago (median 100), 1 order (median 1), 5.00 GBP in total (median 5.00).",
        "No users at present.",
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"quantiles": [0.4, 0.2]}, "quantiles is .* ascending"),
        ({"quantiles": [0.5, 1.5]}, "between 0 and 1"),
        ({"monetary": []}, "monetary is .* ascending"),
        ({"frequency": 3}, "frequency is 3"),
        ({"frequency": [1, 2]}, r"frequency is \[4, 5\].*from 1 to 3"),
        ({"segments": [{"name": "a", "recencyy": [1, 2]}]}, "unknown key 'recencyy'.*Did you mean 'recency'"),
        ({"segments": [{"recency": [1, 2]}]}, "has the name None"),
        ({"segments": [{"name": "no purchase yet"}]}, "any text but"),
        ({"segments": [{"name": "a", "recency": [5, 4]}]}, r"recency is \[5, 4\]"),
    ],
)
def test_impossible_configs_are_refused(params, message):
    with pytest.raises(ConfigError, match=message):
        Rfm(RfmConfig(**params))


def test_missing_feature_and_missing_fit_are_named(tmp_path):
    data = users([1], [1], [1])
    bare = dataclasses.replace(data, features=FeatureTable(("frequency",), np.ones((1, 1))))
    with pytest.raises(DataError, match="needs the feature 'recency_days'"):
        fitted(bare, tmp_path)
    with pytest.raises(PluginError, match="before it was fitted"):
        Rfm(RfmConfig()).segment(data)

"""Random orders: the same for a user in every batch, and uniform over the catalogue."""

import dataclasses

import numpy as np
import pytest

from framework.errors import DataError
from framework.testing import tiny_context, tiny_dataset, tiny_queries
from shop_recommenders.popularity.random_order import RandomOrder, RandomOrderConfig


def _fitted(data, folder, seed=0):
    model = RandomOrder(RandomOrderConfig())
    model.fit(data, tiny_context(folder, seed))
    return model


def test_every_item_comes_first_as_often(tmp_path):
    many = np.array([f"u{place:05d}" for place in range(4000)])
    data = dataclasses.replace(tiny_dataset(0, items=10), users=many, segments=None)
    slates = _fitted(data, tmp_path).recommend(tiny_queries(data), 10)
    first = np.bincount(slates.items[:4000, 0], minlength=10)
    # 400 expected, standard deviation 19: five of them.
    assert np.abs(first - 400).max() < 95
    assert (np.sort(slates.items, axis=1) == np.arange(10)).all()
    assert slates.fallback.sum() == 2


def test_an_order_hangs_on_the_users_id_and_the_seed_alone(tmp_path):
    data = tiny_dataset(0)
    whole = _fitted(data, tmp_path).recommend(tiny_queries(data), 20)
    fewer = dataclasses.replace(data, users=data.users[30:])
    alone = _fitted(fewer, tmp_path).recommend(tiny_queries(fewer).take(np.arange(30)), 20)
    np.testing.assert_array_equal(alone.items, whole.items[30:60])
    other = _fitted(data, tmp_path, seed=1).recommend(tiny_queries(data), 20)
    assert (other.items != whole.items).mean() > 0.8
    assert len(np.unique(whole.items[:60], axis=0)) == 60


def test_random_order_without_items(log_of, context):
    with pytest.raises(DataError, match="no items"):
        RandomOrder(RandomOrderConfig()).fit(log_of([], users=1, items=0), context)

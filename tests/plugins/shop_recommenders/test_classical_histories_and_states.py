"""What the classical recommenders share: they answer by a history at call time, and alike once stored and restored."""

import dataclasses
import importlib
import json

import numpy as np
import pytest

from framework.kinds import Searchable, Stored
from framework.params import config_from
from framework.testing import fingerprint, tiny_context, tiny_dataset, tiny_queries

BY_HISTORY = {
    "item_knn": ("neighbours.item_knn:ItemKnn", {}),
    "item_knn_weighted": ("neighbours.item_knn:ItemKnn", {"weighting": "bm25", "similarity": "jaccard"}),
    "user_knn": ("neighbours.user_knn:UserKnn", {}),
    "user_knn_weighted": ("neighbours.user_knn:UserKnn", {"weighting": "tfidf", "similarity": "jaccard"}),
    "ease": ("linear.ease:Ease", {"regularization": 5.0}),
    "ease_kept": ("linear.ease:Ease", {"regularization": 5.0, "keep": 4}),
    "slim": ("linear.slim:Slim", {"l1": 0.5, "l2": 1.0}),
    "rp3beta": ("neighbours.rp3beta:Rp3Beta", {}),
    "pure_svd": ("factors.pure_svd:PureSvd", {"factors": 6}),
}
ALL = {**BY_HISTORY, "random": ("popularity.random_order:RandomOrder", {})}


def _fitted(which, folder, **params):
    target, own = ALL[which]
    module, name = target.split(":")
    recommender = getattr(importlib.import_module(f"shop_recommenders.{module}"), name)
    model = recommender(config_from(recommender.Config, {**own, **params}, "params"))
    data = tiny_dataset(4, users=60, items=30)
    model.fit(data, tiny_context(folder))
    return model, data


def _histories(data, rows, width=40):
    """Return each user's purchases in time order, as often as they come, -1 in front."""
    events = data.events.of_kind("purchase")
    history = np.full((rows, width), -1, dtype=np.int32)
    for user in range(len(data.users)):
        items = events.item[events.user == user]
        history[user, width - len(items) :] = items
    return history


@pytest.mark.parametrize("weights", ["binary", "counts"])
@pytest.mark.parametrize("which", BY_HISTORY)
def test_a_users_own_history_says_what_was_learned(which, weights, tmp_path):
    model, data = _fitted(which, tmp_path, weights=weights)
    queries = tiny_queries(data)
    learned = model.recommend(queries, 30)
    told = model.recommend(dataclasses.replace(queries, history=_histories(data, len(queries))), 30)
    assert fingerprint(told) == fingerprint(learned)


@pytest.mark.parametrize("which", BY_HISTORY)
def test_history_makes_a_stranger_known_and_touches_no_other(which, tmp_path):
    model, data = _fitted(which, tmp_path)
    queries = tiny_queries(data)
    before = model.recommend(queries, 30)
    history = np.full((len(queries), 3), -1, dtype=np.int32)
    history[-2, 1:] = [0, 3]  # a stranger
    history[5, 2] = 7  # a user of whom other things are known
    after = model.recommend(dataclasses.replace(queries, history=history), 30)
    assert not after.fallback[-2]
    assert after.fallback[-1]
    same = np.setdiff1d(np.arange(len(queries)), [5, len(queries) - 2])
    for field in ("items", "scores", "fallback"):
        np.testing.assert_array_equal(getattr(after, field)[same], getattr(before, field)[same])
    assert (after.items[-2] != before.items[-2]).any()
    alone = np.array([5], dtype=np.intp)
    one = model.recommend(dataclasses.replace(queries, history=history).take(alone), 30)
    np.testing.assert_array_equal(one.scores[0], after.scores[5])
    as_stranger = dataclasses.replace(queries.take(alone), user=np.array([-1], dtype=np.int32), history=history[[5]])
    if not which.startswith("user_knn"):  # there, a known user is no neighbour of their own
        np.testing.assert_array_equal(model.recommend(as_stranger, 30).items[0], after.items[5])


@pytest.mark.parametrize("which", BY_HISTORY)
def test_history_of_items_that_nobody_bought_falls_back(which, tmp_path):
    model, data = _fitted(which, tmp_path)
    unbought = np.flatnonzero(data.matrix().getnnz(axis=0) == 0)
    queries = tiny_queries(data)
    history = np.full((len(queries), 1), unbought[0], dtype=np.int32)
    slates = model.recommend(dataclasses.replace(queries, history=history), 30)
    assert slates.fallback.all()
    popular = model.recommend(queries, 30).items[-1]
    np.testing.assert_array_equal(slates.items, np.tile(popular, (len(queries), 1)))


@pytest.mark.parametrize("which", ALL)
def test_a_restored_recommender_answers_alike(which, tmp_path):
    model, data = _fitted(which, tmp_path)
    assert isinstance(model, Stored)
    np.savez(tmp_path / "state.npz", **model.state())
    restored = type(model)(model.config)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as state:
        restored.restore(dict(state))
    queries = tiny_queries(data)
    history = np.tile(np.array([[-1, 2, 6]], dtype=np.int32), (len(queries), 1))
    for asked in (queries, dataclasses.replace(queries, history=history)):
        assert fingerprint(restored.recommend(asked, 30)) == fingerprint(model.recommend(asked, 30))


@pytest.mark.parametrize("which", BY_HISTORY)
def test_search_ranges_are_parameters_that_the_config_takes(which):
    module, name = BY_HISTORY[which][0].split(":")
    recommender = getattr(importlib.import_module(f"shop_recommenders.{module}"), name)
    assert isinstance(recommender, Searchable)
    json.dumps(recommender.SEARCH)
    for parameter, space in recommender.SEARCH.items():
        ends = space.get("choices") or (space["low"], space["high"])
        for value in ends:
            config_from(recommender.Config, {parameter: value}, "params")
        default = getattr(recommender.Config(), parameter)
        assert default in ends if "choices" in space else ends[0] <= default <= ends[1]

"""Blend: fused ranks by hand, members that the engine builds and fits (a neural one too), and words for wrong ones."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from framework.components import build, check
from framework.config import TrainerConfig
from framework.errors import ConfigError
from framework.kinds import Stored
from framework.plugins import load_plugins
from framework.records import Slates
from framework.testing.recommender import RecommenderTests
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries
from framework.training.fit import fit
from shop_recommenders.mixtures.blend import Blend, BlendConfig, Member

MEMBERS = {
    "knn": {"name": "item_knn", "params": {"neighbours": 5}},
    "als": {"name": "als", "params": {"factors": 4, "iterations": 2}, "weight": 0.5},
    "random": {"name": "random", "weight": 0.25},
}


class Lists:
    """Gives everybody the same list; `fallback` says for whom that is a guess."""

    def __init__(self, items: list[int], scores: list[float], fallback: bool = False) -> None:
        self.items, self.scores, self.guesses = items, scores, fallback

    def fit(self, data, context) -> None:
        raise AssertionError("blend's fit fits no member")

    def recommend(self, queries, k):
        n, taken = len(queries), self.items[:k]
        items = np.full((n, k), -1, dtype=np.int32)
        scores = np.full((n, k), -np.inf, dtype=np.float32)
        items[:, : len(taken)], scores[:, : len(taken)] = taken, self.scores[:k]
        return Slates(items, scores, np.full(n, self.guesses))


def blended(folder, first, second, weights=(1.0, 1.0), k=5, **params):
    members = {"a": Member("x", weight=weights[0]), "b": Member("y", weight=weights[1])}
    made = Blend(BlendConfig(members, **params), {"members.a": first, "members.b": second})
    data = tiny_dataset()
    made.fit(data, tiny_context(folder))
    return made.recommend(tiny_queries(data).take(np.array([0])), k)


A, B = Lists([7, 3, 5], [9.0, 8.0, 1.0]), Lists([5, 7, 1], [0.4, 0.3, 0.2])


def test_reciprocal_ranks_add_up(tmp_path):
    found = blended(tmp_path, A, B, weights=(1.0, 2.0), k=4, constant=60.0, depth=3)
    scores = {7: 1 / 61 + 2 / 62, 3: 1 / 62, 5: 1 / 63 + 2 / 61, 1: 2 / 63}
    order = sorted(scores, key=lambda item: -scores[item])
    assert found.items[0].tolist() == order
    np.testing.assert_allclose(found.scores[0], [scores[item] for item in order], rtol=1e-6)


def test_bordas_count(tmp_path):
    found = blended(tmp_path, A, B, k=4, method="borda", depth=3)
    # 7: 3 + 2, 5: 1 + 3, 3: 2, 1: 1, all over 3.
    assert found.items[0].tolist() == [7, 5, 3, 1]
    np.testing.assert_allclose(found.scores[0], np.array([5, 4, 2, 1]) / 3, rtol=1e-6)


def test_scores_between_worst_and_best(tmp_path):
    found = blended(tmp_path, A, B, k=4, method="scores", depth=3)
    # a: 1, 7/8, 0; b: 1, 1/2, 0.
    assert found.items[0].tolist() == [7, 5, 3, 1]
    np.testing.assert_allclose(found.scores[0], [1.5, 1.0, 0.875, 0.0], rtol=1e-5)


def test_what_no_member_lists_follows_by_popularity(tmp_path):
    data = tiny_dataset()
    buyers = data.matrix(("purchase",), binary=True).getnnz(axis=0)
    found = blended(tmp_path, A, B, k=20, depth=2)
    rest = [item for item in np.argsort(-buyers, kind="stable").tolist() if item not in {7, 3, 5}]
    assert found.items[0].tolist() == [7, 5, 3, *rest]
    assert (found.scores[0, 3:] < 0).all()


def test_a_guess_has_no_voice_where_another_knows_the_user(tmp_path):
    guess = Lists([5, 7, 1], [3.0, 2.0, 1.0], fallback=True)
    found = blended(tmp_path, A, guess, k=3, depth=3)
    assert found.items[0].tolist() == [7, 3, 5]
    assert not found.fallback[0]
    both = blended(tmp_path, guessed(A), guess, k=3, depth=3)
    assert both.items[0].tolist() == [7, 5, 3]
    assert both.fallback[0]


def guessed(lists: Lists) -> Lists:
    return Lists(lists.items, lists.scores, fallback=True)


def made_of(members: dict[str, Any], **params: Any) -> Any:
    return build(
        load_plugins(), "recommender", "blend", {"members": members, **params}, where="strategies.a.recommender"
    )


def test_the_engine_fits_the_members_as_it_would_alone(tmp_path):
    data = tiny_dataset()
    members = {**MEMBERS, "bpr": {"name": "bpr", "params": {"embedding_size": 4, "epochs": 2}}}
    whole = made_of(members)
    record = fit(whole, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
    assert record.parameters == 4 * (len(data.users) + len(data.items))
    assert record.stopped == "fitted"
    knn = build(load_plugins(), "recommender", "item_knn", {"neighbours": 5})
    knn.fit(data, tiny_context(tmp_path))
    queries = tiny_queries(data)
    own = whole.built_parts()["members.knn"].recommend(queries, 9)
    np.testing.assert_array_equal(own.items, knn.recommend(queries, 9).items)
    assert whole.recommend(queries, 5).items.shape == (len(queries), 5)


def test_a_members_draws_do_not_hang_on_who_is_beside_it(tmp_path):
    data, queries = tiny_dataset(), tiny_queries(tiny_dataset())
    orders = []
    for others in (["knn"], ["als", "knn"]):
        whole = made_of({"random": MEMBERS["random"], **{name: MEMBERS[name] for name in others}})
        fit(whole, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
        orders.append(whole.built_parts()["members.random"].recommend(queries, 9).items)
    np.testing.assert_array_equal(*orders)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a": {"name": "als"}}, "blend has 1 members"),
        (
            {"a": {"name": "als"}, "b": {"name": "asl"}},
            r"recommender\.params\.members\.b names the recommender 'asl'.*Did you mean 'als'",
        ),
        (
            {"a": {"name": "als"}, "b": {"name": "als", "params": {"factor": 3}}},
            r"params\.members\.b\.params has no 'factor'.*'factors'",
        ),
        ({"a": {"name": "als"}, "b": {"nam": "als"}}, "has no 'nam'.*Did you mean 'name'"),
        ({"a": {"name": "als"}, "b": {"name": "als", "weight": 0.0}}, r"members\.b\.weight is 0"),
        ({"a": {"name": "als"}, "b.c": {"name": "als"}}, r"names one 'b\.c'"),
        ({"a": {"name": "als"}, "b": {"name": "blend", "params": {"members": {}}}}, r"members\.b.*blend has 0 members"),
    ],
)
def test_wrong_members_are_said_with_their_place(members, message):
    for wrong in (check, build):
        with pytest.raises(ConfigError, match=message):
            wrong(load_plugins(), "recommender", "blend", {"members": members}, where="strategies.a.recommender")


def test_a_blend_can_be_stored_where_its_members_can():
    members = {"a": Member("x"), "b": Member("y")}
    assert not isinstance(Blend(BlendConfig(members), {"members.a": A, "members.b": B}), Stored)
    assert isinstance(made_of(MEMBERS), Stored)
    again = pickle.loads(pickle.dumps(made_of(MEMBERS)))  # noqa: S301 - as a search hands it to other processes
    assert isinstance(again, Stored)
    assert again.state.__self__ is again


class OfMembers(RecommenderTests):
    component = Blend
    settings: ClassVar[dict[str, Any]] = {}

    @property
    def params(self) -> dict[str, Any]:
        return {"members": {key: Member(**member) for key, member in MEMBERS.items()}, **self.settings}

    def make(self) -> Any:
        return made_of(MEMBERS, **self.settings)


class TestBlend(OfMembers):
    settings: ClassVar[dict[str, Any]] = {"depth": 6}


class TestBlendOfScores(OfMembers):
    settings: ClassVar[dict[str, Any]] = {"depth": 4, "method": "scores"}


def test_history_at_call_time_reaches_the_members(tmp_path):
    data = tiny_dataset()
    whole = made_of({"knn": MEMBERS["knn"], "als": MEMBERS["als"]}, constant=0.0)
    fit(whole, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
    stranger = tiny_queries(data).take(np.array([len(data.users)]))
    told = replace(stranger, history=np.array([[4, 7]], dtype=np.int32))
    found = whole.recommend(told, 5)
    assert not found.fallback[0]
    assert whole.recommend(stranger, 5).fallback[0]
    knn = whole.built_parts()["members.knn"].recommend(told, 1).items[0, 0]
    assert found.items[0, 0] == knn  # its weight is twice that of als, and 1 / rank is steep

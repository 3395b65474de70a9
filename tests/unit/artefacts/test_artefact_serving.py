"""Serving from artefacts: who is known, what is excluded, whose rule answers, and items that came later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.artefacts import Items, Loaded, read
from framework.artefacts.serving import Catalogue, recommend, with_items
from framework.data.ranking import top_k
from framework.data.tables import ItemTable
from framework.errors import ConfigError
from framework.kinds import TakesItems
from framework.records import Queries, Slates
from tests.unit.artefacts.artefact_of_a_shop import artefact


class ByIndex:
    """Ranks items by index, the last first, and remembers what it was asked."""

    def __init__(self, items: int = 4, up: bool = False) -> None:
        self.items, self.up, self.asked = items, up, None

    def recommend(self, queries: Queries, k: int) -> Slates:
        self.asked = queries
        scores = np.tile(np.arange(self.items, dtype=np.float32), (len(queries), 1))
        found = top_k(-scores if self.up else scores, k, queries.exclude)
        told = np.zeros(len(queries), bool) if queries.history is None else (queries.history >= 0).any(axis=1)
        return Slates(found.items, found.scores, (queries.user < 0) & ~told)


class Growing(ByIndex):
    def take_items(self, items: Any, table: ItemTable) -> None:
        self.items += len(items)
        self.taken = (items.tolist(), table)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    return Loaded(read(artefact(tmp_path / "a")), ByIndex())


def slates(loaded: Loaded, users: list[str], **settings: Any) -> list[list[str]]:
    catalogue = settings.pop("catalogue", Catalogue(loaded.artefact.items))
    found = recommend(loaded, catalogue, users, settings.pop("k", 9), **{"exclude_bought": False, **settings})
    ids = [*catalogue.items.ids.tolist(), None]
    return [[ids[item] for item in row if item >= 0] for row in found.slates.items]


def test_queries_say_who_is_asked_about(loaded: Loaded) -> None:
    assert slates(loaded, ["cy", "zoe", "bo"], k=2) == [["d", "b,c"]] * 3
    asked = loaded.recommender.asked
    assert asked.user.tolist() == [2, -1, 1]
    assert asked.user_ids.tolist() == ["cy", "zoe", "bo"]
    assert [(*asked.segment_names, None)[s] for s in asked.segment] == [None, "new users", "odd"]
    assert (asked.positions, asked.exclude, asked.history) == (2, None, None)


def test_what_was_bought_stays_out_where_that_is_asked_for(loaded: Loaded) -> None:
    assert slates(loaded, ["ann", "bo", "cy", "zoe"], exclude_bought=True) == [
        ["d", "71"],
        ["d", "b,c", "71", "0071"],
        ["b,c", "71", "0071"],
        ["d", "b,c", "71", "0071"],
    ]


def test_a_history_takes_the_place_of_what_is_known(loaded: Loaded) -> None:
    history = np.array([1, 1, 3], dtype=np.int32)
    found = recommend(
        loaded, Catalogue(loaded.artefact.items), ["zoe"], 9, exclude_bought=True, history=history
    )  # fmt: skip
    assert loaded.recommender.asked.history.tolist() == [[1, 1, 3]]
    assert found.slates.items.tolist() == [[2, 0, -1, -1]]
    assert found.slates.fallback.tolist() == [False]
    # of a known user, what was bought before stays out too
    assert slates(loaded, ["ann"], exclude_bought=True, history=history) == [[]]


def test_a_history_of_nothing_known_is_none(loaded: Loaded) -> None:
    assert slates(loaded, ["zoe"], exclude_bought=True, history=np.zeros(0, np.int32))[0] == ["d", "b,c", "71", "0071"]


def test_a_segment_with_a_recommender_of_its_own_gets_that_ones_answer(tmp_path: Path) -> None:
    default = Loaded(read(artefact(tmp_path / "a", rules=("odd", "new users"))), ByIndex())
    own = {"odd": Loaded(default.artefact, ByIndex(up=True))}
    found = recommend(
        default, Catalogue(default.artefact.items), ["zoe", "bo", "ann"], 2, exclude_bought=False, rule_of=own.get
    )  # fmt: skip
    assert found.left_out == ("zoe",)
    assert found.slates.items.tolist() == [[-1, -1], [0, 1], [3, 2]]
    assert own["odd"].recommender.asked.user_ids.tolist() == ["bo"]
    assert default.recommender.asked.user_ids.tolist() == ["ann"]


def added(*ids: str) -> Items:
    places = np.arange(len(ids))
    table = ItemTable((places % 2).astype(np.int32), ("lamps", "bags"), places + 5, tuple(f"new {i}" for i in ids))
    return Items(np.array(ids), table)


def test_items_added_later_can_be_recommended_and_known_ones_stay_as_they_are(tmp_path: Path) -> None:
    recommender = Growing()
    assert isinstance(recommender, TakesItems)
    loaded = Loaded(read(artefact(tmp_path / "a")), recommender)
    catalogue = with_items(loaded, added("n1", "71", "n2"))
    ids, table = recommender.taken
    assert (ids, table.category.tolist(), table.price.tolist()) == (["n1", "n2"], [0, 0], [5, 7])
    assert table.text == ("new n1", "new n2")
    assert catalogue.items.ids.tolist() == ["0071", "71", "b,c", "d", "n1", "n2"]
    assert catalogue.items.categories().tolist() == ["toys", "bags", "", "toys", "lamps", "lamps"]
    assert slates(loaded, ["cy"], catalogue=catalogue, exclude_bought=True)[0] == ["n2", "n1", "b,c", "71", "0071"]
    assert catalogue.place(["n2", "n3", "0071"]).tolist() == [5, -1, 0]


def test_a_recommender_that_cannot_take_items_says_so(loaded: Loaded) -> None:
    with pytest.raises(ConfigError, match="'echo' cannot take items that its training did not see"):
        with_items(loaded, added("n1"))
    assert with_items(loaded, added("71", "d")).items is loaded.artefact.items  # nothing new: nothing to take

"""Conformance suite of recommenders: distinct items, best first, nothing excluded, something for strangers.

Neural ones are trained as a run trains them, for a few epochs on the CPU. What a component can do besides (train by
Lightning, be stored, be searched) is tested where it has the methods for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.artefacts import Items, Record, Users, read, write
from framework.artefacts.digests import events_digest
from framework.config import TrainerConfig
from framework.data.tables import ItemTable
from framework.kinds import NeuralRecommender, Recommender, Searchable, Stored, TakesItems
from framework.records import Queries, Slates, Training
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint, shuffled
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries
from framework.training.fit import fit

if TYPE_CHECKING:
    from pathlib import Path

    from framework.data.tables import Dataset
    from framework.records import Context


class RecommenderTests(ComponentTests):
    """Subclass it for a recommender; see `ComponentTests` for the attributes. `epochs` are those of a neural one."""

    kind: ClassVar[str] = "recommender"
    epochs: ClassVar[int] = 2

    def data(self) -> Dataset:
        """Return the data set to fit on, with two segments."""
        return tiny_dataset()

    def queries(self) -> Queries:
        """Return one query for each known user, and two for strangers at the end."""
        return tiny_queries(self.data())

    def fitted(self, folder: Path, data: Dataset | None = None) -> Any:
        """Return a fresh recommender, fitted with an equally seeded generator each time."""
        recommender = self.make()
        fit(recommender, self.data() if data is None else data, tiny_context(folder), self.trainer())
        return recommender

    def trainer(self) -> TrainerConfig:
        """Return the settings to train a neural recommender with."""
        return TrainerConfig(accelerator="cpu", epochs=self.epochs)

    def test_has_the_methods_of_a_recommender(self) -> None:
        """A recommender is one by its methods."""
        assert isinstance(self.make(), Recommender | NeuralRecommender)

    def test_slates_have_the_shape_of_the_contract(self, tmp_path: Path) -> None:
        """(n, k) int32 items of the catalogue, float32 scores that fall from left to right, bool fallback."""
        slates = self.fitted(tmp_path).recommend(self.queries(), 6)
        n = len(self.queries())
        assert isinstance(slates, Slates)
        assert slates.items.shape == slates.scores.shape == (n, 6)
        assert slates.fallback.shape == (n,)
        dtypes = [getattr(slates, name).dtype.name for name in ("items", "scores", "fallback")]
        assert dtypes == ["int32", "float32", "bool"]
        assert slates.items.min() >= 0
        assert slates.items.max() < len(self.data().items)
        assert np.all(np.diff(slates.scores, axis=1) <= 0)

    def test_items_are_distinct(self, tmp_path: Path) -> None:
        """No slate holds an item twice, also where the whole catalogue is asked for."""
        size = len(self.data().items)
        for row in self.fitted(tmp_path).recommend(self.queries(), size).items:
            assert len(set(row.tolist())) == size

    def test_k_beyond_the_catalogue(self, tmp_path: Path) -> None:
        """A slate is never longer than the catalogue."""
        size = len(self.data().items)
        assert self.fitted(tmp_path).recommend(self.queries(), size + 7).items.shape == (len(self.queries()), size)

    def test_fewer_items_are_the_head_of_more(self, tmp_path: Path) -> None:
        """The best three of eight are the best three."""
        recommender = self.fitted(tmp_path)
        many, few = recommender.recommend(self.queries(), 8), recommender.recommend(self.queries(), 3)
        np.testing.assert_array_equal(few.items, many.items[:, :3])

    def test_ties_go_by_item_index(self, tmp_path: Path) -> None:
        """Among equal scores the smaller index comes first."""
        slates = self.fitted(tmp_path).recommend(self.queries(), len(self.data().items))
        tied = np.diff(slates.scores, axis=1) == 0
        assert np.all(np.diff(slates.items, axis=1)[tied] > 0)

    def test_strangers_get_a_fallback(self, tmp_path: Path) -> None:
        """Unknown users get full slates, the same for all in the same segment, and are marked."""
        slates = self.fitted(tmp_path).recommend(self.queries(), 6)
        assert slates.fallback[-2:].all()
        assert slates.items[-2:].min() >= 0
        np.testing.assert_array_equal(slates.items[-1], slates.items[-2])

    def test_excluded_items_never_appear(self, tmp_path: Path) -> None:
        """What a query excludes is not in its slate; where nothing is left, -1 fills the end."""
        queries = dataclasses.replace(self.queries(), exclude=_exclude(self.queries(), len(self.data().items)))
        slates = self.fitted(tmp_path).recommend(queries, 6)
        assert queries.exclude is not None
        barred = queries.exclude.toarray() != 0
        for place, row in enumerate(slates.items):
            shown = row[row >= 0]
            assert not barred[place, shown].any()
            assert len(set(shown.tolist())) == len(shown) == min(6, int((~barred[place]).sum()))
            assert np.all(row[len(shown) :] == -1)

    def test_queries_do_not_touch_each_other(self, tmp_path: Path) -> None:
        """A user's slate is the same in a batch of one, in any order, and asked twice."""
        recommender, queries = self.fitted(tmp_path), self.queries()
        whole = recommender.recommend(queries, 5).items
        some = np.array([len(queries) - 1, 7, 0, 7], dtype=np.intp)
        np.testing.assert_array_equal(recommender.recommend(queries.take(some), 5).items, whole[some])
        np.testing.assert_array_equal(recommender.recommend(queries, 5).items, whole)

    def test_no_queries(self, tmp_path: Path) -> None:
        """An empty batch gives an empty answer."""
        none = self.queries().take(np.array([], dtype=np.intp))
        assert self.fitted(tmp_path).recommend(none, 5).items.shape == (0, 5)

    def test_same_seed_same_slates(self, tmp_path: Path) -> None:
        """Equal data and generator give equal slates, byte for byte."""
        first = fingerprint(self.fitted(tmp_path).recommend(self.queries(), 6))
        assert fingerprint(self.fitted(tmp_path).recommend(self.queries(), 6)) == first

    def test_order_of_rows_means_nothing(self, tmp_path: Path) -> None:
        """The same events in another order give the same items."""
        first = self.fitted(tmp_path).recommend(self.queries(), 6)
        other = self.fitted(tmp_path, shuffled(self.data())).recommend(self.queries(), 6)
        np.testing.assert_array_equal(other.items, first.items)

    def test_data_stay_as_they_are(self, tmp_path: Path) -> None:
        """Neither fit nor recommend changes the data set or the queries."""
        data, queries = self.data(), self.queries()
        before = fingerprint((data, queries))
        self.fitted(tmp_path, data).recommend(queries, 6)
        assert fingerprint((data, queries)) == before

    def test_history_is_that_of_its_own_query(self, tmp_path: Path) -> None:
        """A history of -1 alone changes nothing, whatever histories the other queries come with."""
        recommender, queries = self.fitted(tmp_path), self.queries()
        history = np.full((len(queries), 4), -1, dtype=np.int32)
        history[::2, 2:] = [0, 1]
        without = recommender.recommend(queries, 5).items
        given = recommender.recommend(dataclasses.replace(queries, history=history), 5).items
        np.testing.assert_array_equal(given[1::2], without[1::2])

    def test_state_answers_alike(self, tmp_path: Path) -> None:
        """Written as an artefact, read again and taken up by an unfitted component, the state gives the same slates."""
        recommender = self.fitted(tmp_path)
        if not _can(recommender, Stored):
            return
        state = recommender.state()
        assert all(isinstance(name, str) and np.asarray(array).dtype.kind in "biuf" for name, array in state.items())
        again = self.make()
        again.restore(self._through_a_folder(state, tmp_path / "artefact"))
        for k in (5, len(self.data().items)):
            expected = fingerprint(recommender.recommend(self.queries(), k))
            assert fingerprint(again.recommend(self.queries(), k)) == expected

    def test_items_that_came_later_join_the_catalogue(self, tmp_path: Path) -> None:
        """A component that takes items ranks the longer catalogue, and heeds histories and exclusions over it."""
        from scipy.sparse import csr_matrix

        recommender, queries, size = self.fitted(tmp_path), self.queries(), len(self.data().items)
        if not _can(recommender, TakesItems):
            return
        known = self.data().item_table
        later = np.array([2, 0], dtype=np.intp)
        texts = tuple(known.text[place] for place in later)
        table = ItemTable(known.category[later], known.categories, known.price[later], texts)
        recommender.take_items(np.array(["z9", "a0"]), table)
        whole = recommender.recommend(queries, size + 2).items
        np.testing.assert_array_equal(np.sort(whole, axis=1), np.tile(np.arange(size + 2), (len(queries), 1)))
        barred = csr_matrix(np.tile(np.arange(size + 2) == size, (len(queries), 1)))
        history = np.full((len(queries), 2), size + 1, dtype=np.int32)
        asked = dataclasses.replace(queries, exclude=barred, history=history)
        slates = recommender.recommend(asked, size + 2)
        assert not (slates.items == size).any()
        assert (slates.items[:, -1] == -1).all()

    def test_search_is_over_parameters(self) -> None:
        """Each entry of SEARCH names a parameter, its range holds the default, and the Config takes what it offers."""
        component, defaults = self.component_class(), self.defaults()
        if not _can(self.make(), Searchable):
            return
        assert component.SEARCH
        for name, space in component.SEARCH.items():
            assert name in defaults, f"{name} is no parameter"
            for value in _offered(name, space, defaults[name]):
                component.Config(**{**self.params, name: value})

    def test_training_is_one(self, tmp_path: Path) -> None:
        """A neural recommender gives a LightningModule, made afresh each time, batches, and a number of epochs."""
        first = self.make()
        if not isinstance(first, NeuralRecommender):
            return
        from pytorch_lightning import LightningModule

        training = first.training(self.data(), tiny_context(tmp_path))
        assert isinstance(training, Training)
        assert isinstance(training.module, LightningModule)
        assert training.epochs >= 1
        assert next(iter(training.loader)) is not None
        assert first.training(self.data(), tiny_context(tmp_path)).module is not training.module

    def test_same_epoch_same_batches(self, tmp_path: Path) -> None:
        """A training that goes on after a kill, and each of several processes, sees the batches of an unbroken one."""
        recommender = self.make()
        if not isinstance(recommender, NeuralRecommender):
            return
        from framework.training.batches import Batches, Epochs
        from framework.training.surroundings import surroundings_kept

        with surroundings_kept():
            batches = Batches(recommender.training(self.data(), tiny_context(tmp_path)), seed=0)
            seen = []
            for batches.epoch in (0, 1, 0, 1):
                seen.append([_plain(batch) for batch in Epochs(batches, 0, 1)])
        assert fingerprint(seen[2]) == fingerprint(seen[0])
        assert fingerprint(seen[3]) == fingerprint(seen[1])

    def test_same_seed_same_weights(self, tmp_path: Path) -> None:
        """Equal data and generator train a neural recommender to equal weights, byte for byte."""
        if not isinstance(self.make(), NeuralRecommender):
            return
        first, again = self._weights(tmp_path / "first"), self._weights(tmp_path / "again")
        assert first == again

    def test_looks_change_nothing(self, tmp_path: Path) -> None:
        """A neural recommender answers in the middle of its training, which goes on as if nobody had asked."""
        looked = self.make()
        if not isinstance(looked, NeuralRecommender):
            return
        looks: list[int] = []

        def look() -> float:
            looks.append(looked.recommend(self.queries(), 5).items.shape[1])
            return float(len(looks))

        fit(looked, self.data(), tiny_context(tmp_path), self.trainer(), validation=look)
        assert looks == [5] * self.epochs
        expected = fingerprint(self.fitted(tmp_path).recommend(self.queries(), 6))
        assert fingerprint(looked.recommend(self.queries(), 6)) == expected

    def _through_a_folder(self, state: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
        data, component = self.data(), self.component_class()
        users = Users.of(data, np.full(len(data.users), -1, dtype=np.int32), ())
        record = Record(component.__name__, "", "", {}, "", "", 0, "", events_digest(data), "", {})
        write(folder, record, state, users, Items(data.items, data.item_table))
        return read(folder).state

    def _weights(self, folder: Path) -> str:
        recommender = self.make()
        training: Callable[[Dataset, Context], Training] = recommender.training
        made: list[Training] = []

        def kept(data: Dataset, context: Context) -> Training:
            made.append(training(data, context))
            return made[-1]

        recommender.training = kept
        folder.mkdir()
        fit(recommender, self.data(), tiny_context(folder), self.trainer())
        return fingerprint({name: _plain(weight) for name, weight in made[0].module.state_dict().items()})


def _exclude(queries: Queries, items: int) -> Any:
    """Exclude every third item for all, and for the first query all but two."""
    from scipy.sparse import csr_matrix

    barred = np.zeros((len(queries), items), dtype=bool)
    barred[:, ::3] = True
    barred[0, :] = True
    barred[0, [1, 4]] = False
    return csr_matrix(barred)


def _can(component: Any, ability: type) -> bool:
    """Return whether a component has the methods of a protocol, and leave its type open."""
    return isinstance(component, ability)


def _offered(name: str, space: Mapping[str, Any], default: Any) -> list[Any]:
    """Return what a search space offers at its ends, or all of its choices."""
    if "choices" in space:
        assert set(space) == {"choices"}, f"{name}: {space}"
        assert len(space["choices"]) > 1
        assert default in space["choices"], f"{name}: {default} is not among {space['choices']}"
        return list(space["choices"])
    assert {"low", "high"} <= set(space) <= {"low", "high", "log", "step"}, f"{name}: {space}"
    assert not (space.get("log") and "step" in space), f"{name}: log and step exclude each other"
    assert space["low"] < space["high"]
    assert space["low"] <= default <= space["high"], f"{name}: {default} is not in {space}"
    assert not space.get("log") or space["low"] > 0
    if isinstance(default, int):
        assert all(isinstance(space[end], int) for end in ("low", "high")), f"{name} is an integer"
    return [space["low"], space["high"]]


def _plain(value: Any) -> Any:
    """Return tensors as arrays and what holds them as plain lists and dicts, for `fingerprint`."""
    import torch

    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided:
            value = value.to_dense()
        return value.detach().cpu().numpy()
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value

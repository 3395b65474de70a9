"""Conformance suite of recommenders: distinct items, best first, nothing excluded, something for strangers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.kinds import Recommender
from framework.records import Queries, Slates
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint, shuffled
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries

if TYPE_CHECKING:
    from pathlib import Path

    from framework.data.tables import Dataset


class RecommenderTests(ComponentTests):
    """Subclass it for a recommender; see `ComponentTests` for the attributes."""

    kind: ClassVar[str] = "recommender"

    def data(self) -> Dataset:
        """Return the data set to fit on, with two segments."""
        return tiny_dataset()

    def queries(self) -> Queries:
        """Return one query for each known user, and two for strangers at the end."""
        return tiny_queries(self.data())

    def fitted(self, folder: Path, data: Dataset | None = None) -> Any:
        """Return a fresh recommender, fitted with an equally seeded generator each time."""
        recommender = self.make()
        recommender.fit(self.data() if data is None else data, tiny_context(folder))
        return recommender

    def test_has_the_methods_of_a_recommender(self) -> None:
        """A recommender is one by its methods."""
        assert isinstance(self.make(), Recommender)

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


def _exclude(queries: Queries, items: int) -> Any:
    """Exclude every third item for all, and for the first query all but two."""
    from scipy.sparse import csr_matrix

    barred = np.zeros((len(queries), items), dtype=bool)
    barred[:, ::3] = True
    barred[0, :] = True
    barred[0, [1, 4]] = False
    return csr_matrix(barred)

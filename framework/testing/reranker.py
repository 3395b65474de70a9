"""Conformance suite of rerankers: candidates in another order, none made up, none shown twice.

What a component can do besides (be stored) is tested where it has the methods for it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.data.tables import UNKNOWN
from framework.kinds import Reranker, Stored
from framework.records import Queries, Slates
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint, shuffled
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries, tiny_slates

if TYPE_CHECKING:
    from pathlib import Path

    from framework.data.tables import Dataset


class RerankerTests(ComponentTests):
    """Subclass it for a reranker; see `ComponentTests` for the attributes."""

    kind: ClassVar[str] = "reranker"

    def data(self) -> Dataset:
        """Return the data set to fit on, with two segments."""
        return tiny_dataset()

    def queries(self) -> Queries:
        """Return one query for each known user, and two for strangers at the end."""
        return tiny_queries(self.data())

    def slates(self) -> Slates:
        """Return nine candidates for each query; the first query has three, the second none."""
        slates = tiny_slates(self.data(), self.queries(), k=9)
        items, scores = slates.items.copy(), slates.scores.copy()
        for row, left in ((0, 3), (1, 0)):
            items[row, left:], scores[row, left:] = UNKNOWN, -np.inf
        return Slates(items, scores, slates.fallback)

    def fitted(self, folder: Path, data: Dataset | None = None) -> Any:
        """Return a fresh reranker, fitted with an equally seeded generator each time."""
        reranker = self.make()
        reranker.fit(self.data() if data is None else data, tiny_context(folder))
        return reranker

    def reranked(self, folder: Path, k: int = 9) -> Slates:
        """Return what a fitted reranker makes of the suite's slates."""
        found = self.fitted(folder).rerank(self.queries(), self.slates(), k)
        assert isinstance(found, Slates)
        return found

    def test_has_the_methods_of_a_reranker(self) -> None:
        """A reranker is one by its methods."""
        assert isinstance(self.make(), Reranker)

    def test_slates_have_the_shape_of_the_contract(self, tmp_path: Path) -> None:
        """(n, k) int32 items, float32 scores that fall from left to right, fallback as it was."""
        found = self.reranked(tmp_path, 6)
        assert found.items.shape == found.scores.shape == (len(self.queries()), 6)
        assert [found.items.dtype.name, found.scores.dtype.name] == ["int32", "float32"]
        np.testing.assert_array_equal(found.fallback, self.slates().fallback)
        pairs = zip(found.scores[:, :-1].ravel(), found.scores[:, 1:].ravel(), strict=True)
        assert all(first >= second for first, second in pairs)

    def test_items_are_distinct_and_out_of_the_slate(self, tmp_path: Path) -> None:
        """Nothing is made up, so what was excluded stays away; -1 with score -inf stands at the end only."""
        found = self.reranked(tmp_path)
        for row, scores, candidates in zip(found.items, found.scores, self.slates().items, strict=True):
            shown = row[row != UNKNOWN]
            assert len(set(shown.tolist())) == len(shown)
            assert set(shown.tolist()) <= set(candidates.tolist())
            assert np.all(row[len(shown) :] == UNKNOWN)
            assert np.all(np.isfinite(scores) == (row != UNKNOWN))

    def test_k_beyond_the_candidates(self, tmp_path: Path) -> None:
        """A slate is never longer than the candidates."""
        assert self.reranked(tmp_path, 40).items.shape == (len(self.queries()), 9)

    def test_fewer_items_are_the_head_of_more(self, tmp_path: Path) -> None:
        """The first three of nine are the first three."""
        np.testing.assert_array_equal(self.reranked(tmp_path, 3).items, self.reranked(tmp_path).items[:, :3])

    def test_queries_do_not_touch_each_other(self, tmp_path: Path) -> None:
        """A query's slate is the same in a batch of one, in any order, and asked twice."""
        reranker, queries, slates = self.fitted(tmp_path), self.queries(), self.slates()
        whole = reranker.rerank(queries, slates, 9).items
        for some in ([7], [len(queries) - 1, 7, 0, 7]):
            rows = np.array(some, dtype=np.intp)
            again = reranker.rerank(queries.take(rows), _taken(slates, rows), 9).items
            np.testing.assert_array_equal(again, whole[rows])

    def test_no_queries(self, tmp_path: Path) -> None:
        """An empty batch gives an empty answer."""
        none = np.array([], dtype=np.intp)
        found = self.fitted(tmp_path).rerank(self.queries().take(none), _taken(self.slates(), none), 5)
        assert found.items.shape == (0, 5)

    def test_same_seed_same_slates(self, tmp_path: Path) -> None:
        """Equal data and generator give equal slates, byte for byte."""
        assert fingerprint(self.reranked(tmp_path)) == fingerprint(self.reranked(tmp_path))

    def test_order_of_rows_means_nothing(self, tmp_path: Path) -> None:
        """The same events in another order give the same items."""
        other = self.fitted(tmp_path, shuffled(self.data())).rerank(self.queries(), self.slates(), 9)
        np.testing.assert_array_equal(other.items, self.reranked(tmp_path).items)

    def test_inputs_stay_as_they_are(self, tmp_path: Path) -> None:
        """Neither fit nor rerank changes the data set, the queries or the slates."""
        data, queries, slates = self.data(), self.queries(), self.slates()
        before = fingerprint((data, queries, slates))
        self.fitted(tmp_path, data).rerank(queries, slates, 9)
        assert fingerprint((data, queries, slates)) == before

    def test_history_is_that_of_its_own_query(self, tmp_path: Path) -> None:
        """A history of -1 alone changes nothing, whatever histories the other queries come with."""
        reranker, queries = self.fitted(tmp_path), self.queries()
        history = np.full((len(queries), 4), UNKNOWN, dtype=np.int32)
        history[::2, 2:] = [0, 1]
        without = reranker.rerank(queries, self.slates(), 9).items
        given = reranker.rerank(dataclasses.replace(queries, history=history), self.slates(), 9).items
        np.testing.assert_array_equal(given[1::2], without[1::2])

    def test_state_answers_alike(self, tmp_path: Path) -> None:
        """Stored as numbers and bools, and taken up by an unfitted component, the state gives the same slates."""
        reranker = self.fitted(tmp_path)
        if not _can(reranker, Stored):
            return
        state = reranker.state()
        assert all(isinstance(name, str) and np.asarray(array).dtype.kind in "biuf" for name, array in state.items())
        file = tmp_path / "state.npz"
        np.savez(file, **dict(state))
        again = self.make()
        with np.load(file, allow_pickle=False) as stored:
            again.restore({name: stored[name] for name in state})
        expected = fingerprint(reranker.rerank(self.queries(), self.slates(), 9))
        assert fingerprint(again.rerank(self.queries(), self.slates(), 9)) == expected


def _can(component: Any, ability: type) -> bool:
    """Return whether a component has the methods of a protocol, and leave its type open."""
    return isinstance(component, ability)


def _taken(slates: Slates, rows: np.ndarray[Any, np.dtype[np.intp]]) -> Slates:
    return Slates(slates.items[rows], slates.scores[rows], slates.fallback[rows])

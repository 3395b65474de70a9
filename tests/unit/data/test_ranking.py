"""The best k against a full sort, popularity against a count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from framework.data import ranking
from framework.data.ranking import interaction_kinds, popularity, top_k
from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable


def full_sort(scores: np.ndarray, k: int, exclude: np.ndarray | None) -> tuple[list[list[int]], list[list[float]]]:
    items, values = [], []
    for row in range(len(scores)):
        allowed = [
            i
            for i in range(scores.shape[1])
            if scores[row, i] > -np.inf and not (exclude is not None and exclude[row, i])
        ]
        best = sorted(allowed, key=lambda i: (-scores[row, i], i))[: min(k, scores.shape[1])]
        pad = min(k, scores.shape[1]) - len(best)
        items.append(best + [-1] * pad)
        values.append([float(np.float32(scores[row, i])) for i in best] + [-np.inf] * pad)
    return items, values


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(1, 9), st.integers(1, 12), st.booleans())
def test_top_k_is_a_full_sort(seed: int, n: int, items: int, k: int, excluding: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.choice([-np.inf, -1.0, 0.0, 0.5, 0.5, 2.0, np.inf], size=(n, items))
    exclude = rng.random((n, items)) < 0.4 if excluding else None
    found = top_k(scores, k, None if exclude is None else csr_matrix(exclude))
    expected_items, expected_scores = full_sort(scores, k, exclude)
    assert found.items.tolist() == expected_items
    assert found.scores.tolist() == expected_scores
    assert (found.items.dtype, found.scores.dtype) == (np.int32, np.float32)


def test_chunks_agree_with_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    scores, exclude = rng.integers(0, 5, (50, 20)).astype(np.float32), csr_matrix(rng.random((50, 20)) < 0.2)
    whole = top_k(scores, 7, exclude)
    monkeypatch.setattr(ranking, "_CELLS", 60)
    chunks = top_k(scores, 7, exclude)
    np.testing.assert_array_equal(whole.items, chunks.items)
    np.testing.assert_array_equal(whole.scores, chunks.scores)


def test_top_k_leaves_its_input_alone_and_skips_nan() -> None:
    scores = np.array([[1.0, np.nan, 3.0]])
    kept = scores.copy()
    found = top_k(scores, 3, csr_matrix(np.array([[0, 0, 1]])))
    assert found.items.tolist() == [[0, -1, -1]]
    np.testing.assert_array_equal(scores, kept)


def test_top_k_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        top_k(np.zeros((2, 3)), 0)
    with pytest.raises(ValueError, match="shape"):
        top_k(np.zeros((2, 3)), 1, csr_matrix((3, 2)))
    assert top_k(np.zeros((2, 0)), 5).items.shape == (2, 0)


def data(events: list[tuple[int, int, int, int]], kinds: tuple[str, ...], items: int = 3) -> Dataset:
    user, item, kind, time = np.array(events, dtype=np.int64).reshape(-1, 4).T
    n = len(user)
    return Dataset(
        users=np.array(["a", "b", "c"]),
        items=np.array([f"i{i}" for i in range(items)], dtype=np.str_),
        events=Interactions(
            user.astype(np.int32),
            item.astype(np.int32),
            kind.astype(np.int8),
            time,
            np.ones(n),
            np.ones(n, dtype=np.int64),
            np.arange(n),
            kinds,
        ),
        features=FeatureTable((), np.zeros((3, 0))),
        item_table=ItemTable(np.zeros(items, dtype=np.int32), ("c",), np.zeros(items, dtype=np.int64), ("",) * items),
        as_of=100,
    )


def test_popularity_counts_each_user_once() -> None:
    log = data(
        [(0, 1, 0, 5), (0, 1, 0, 6), (1, 1, 0, 7), (2, 0, 0, 8), (2, -1, 0, 9), (2, 2, 1, 9)], ("purchase", "view")
    )
    assert popularity(log).tolist() == [1, 2, 0]
    assert popularity(log, since=7).tolist() == [1, 1, 0]
    assert popularity(log, ("purchase", "view")).tolist() == [1, 2, 1]
    assert popularity(log, ("review",)).tolist() == [0, 0, 0]
    assert popularity(log).dtype == np.int64
    assert popularity(data([(0, -1, 0, 5)], ("purchase",), items=0)).tolist() == []


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("cart", "click", "purchase", "view"), ("purchase",)),
        (("cart", "click", "view"), ("cart",)),
        (("click", "view"), ("click",)),
        (("review", "view"), ("view",)),
        (("like", "review"), ("like", "review")),
    ],
)
def test_the_strongest_sign_of_interest_counts(kinds: tuple[str, ...], expected: tuple[str, ...]) -> None:
    log = data([(0, 0, place, 1) for place in range(len(kinds))], kinds)
    assert interaction_kinds(log) == expected


def test_a_kind_without_events_does_not_count() -> None:
    log = data([(0, 0, 1, 1)], ("purchase", "view"))
    assert interaction_kinds(log) == ("view",)
    assert interaction_kinds(data([], ("purchase",))) == ("purchase",)

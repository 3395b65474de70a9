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


LEVELS = {
    "distinct": lambda rng, shape: rng.permutation(shape[0] * shape[1]).reshape(shape).astype(np.float32),
    "levels": lambda rng, shape: rng.integers(0, 40, shape).astype(np.float32),
    "equal": lambda rng, shape: np.zeros(shape, dtype=np.float32),
    "zeros of both signs": lambda rng, shape: rng.choice(np.array([-0.0, 0.0], dtype=np.float32), shape),
    "double precision": lambda rng, shape: 1.0 + 1e-12 * rng.integers(0, 500, shape),
    "mostly excluded": lambda rng, shape: np.where(rng.random(shape) < 0.02, rng.random(shape), -np.inf),
}


def by_lexsort(scores: np.ndarray, k: int) -> np.ndarray:
    """Rank all items of each row: the last key of a lexsort decides first."""
    scores = np.where(np.isnan(scores), -np.inf, scores)
    order = np.array([np.lexsort((np.arange(len(row)), -row))[:k] for row in scores])
    return np.where(np.take_along_axis(scores, order, axis=1) > -np.inf, order, -1)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(LEVELS)),
    st.integers(50, 700),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.003, 0.5]),
    st.booleans(),
)
def test_wide_rows_are_ranked_as_by_a_lexsort(
    seed: int, levels: str, items: int, k: int, gone: float, excluding: bool
) -> None:
    rng = np.random.default_rng(seed)
    scores = LEVELS[levels](rng, (5, items))
    for nothing in (np.nan, -np.inf, np.inf):
        scores[rng.random(scores.shape) < gone / 3] = nothing
    exclude = csr_matrix(rng.random(scores.shape) < 0.1) if excluding else None
    kept = scores.copy()
    found = top_k(scores, k, exclude)
    np.testing.assert_array_equal(scores, kept)
    masked = scores.copy()
    if exclude is not None:
        masked[exclude.toarray()] = -np.inf
    expected = by_lexsort(masked, k)
    np.testing.assert_array_equal(found.items, expected)
    of_items = np.take_along_axis(masked, np.maximum(expected, 0), axis=1).astype(np.float32)
    np.testing.assert_array_equal(found.scores, np.where(expected >= 0, of_items, -np.inf))
    over = top_k(scores, k, exclude, overwrite=True)
    np.testing.assert_array_equal(over.items, found.items)
    np.testing.assert_array_equal(over.scores, found.scores)


def test_most_wide_rows_are_spared_a_look_at_every_score(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = []
    ranked = ranking._whole
    monkeypatch.setattr(ranking, "_whole", lambda block, k: (whole.append(len(block)), ranked(block, k))[1])
    scores = np.random.default_rng(0).standard_normal((300, 5000)).astype(np.float32)
    scores[7, 3], scores[8] = np.nan, 1.0
    top_k(scores, 20)
    assert sum(whole) == 2


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
